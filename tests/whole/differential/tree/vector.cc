#include <vector>
int total(const std::vector<int> &all)
{
  int sum = 0;
  for (auto one : all)
    sum += one;
  return sum;
}
