#include "report.h"
#include <cstdio>

void report(const std::map<std::string, std::size_t> &counts, [[maybe_unused]] bool sorted, int width)
{
    for (const auto &[word, count] : counts)
        std::printf("%-20s %zu\n", word.c_str(), count);
    std::printf("%s, %d\n", __FILE__, __LINE__);
}
