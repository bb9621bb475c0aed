#include "sub/shape.h"
#ifdef NAME
int named = 1;
#endif
int line = __LINE__;
int twice(int x)
{
  TWICE(x);
  return LARGER(x, half(x));
}
double mean(const double *v, int n)
{
  double s = 0;
  int i;
  for (i = 0; i < n; i++)
    s += v[i];
  return s / n;
}
int main(int argc, char **argv) { (void)argv; return twice(argc) - 2; }
