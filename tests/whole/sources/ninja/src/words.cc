#include "reader.h"
#include "report.h"
#include <iostream>

int main()
{
    std::map<std::string, std::size_t> counts;
    for (const std::string word : read(std::cin, 1000))
        if (!is_stop(word.c_str()))
            counts[word] += tally(swap(hash(word.data(), word.size())));
    report(counts, true, 0);
}
