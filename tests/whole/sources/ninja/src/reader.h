#pragma once
#include <istream>
#include <string>
#include <vector>

std::vector<std::string> read(std::istream &from, int most);
