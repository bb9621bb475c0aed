#include "reader.h"
#include <algorithm>
#include <cctype>

std::vector<std::string> read(std::istream &from, int most)
{
    std::vector<std::string> words;
    for (std::string word; from >> word;) {
        std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
        if (words.size() < most)
            words.push_back(word);
    }
    return words;
}
