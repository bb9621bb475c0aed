#pragma once
void report(const std::map<std::string, std::size_t> &counts, bool sorted, int width);
