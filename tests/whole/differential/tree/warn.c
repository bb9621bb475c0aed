#include "sub/shape.h"
#warning "this file warns"
extern int printf(const char *, ...);
static int never_called(void) { return 3; }
int old_style(a) int a; { return a; }
int falls(int x)
{
  int unused;
  char narrow = x * 1000;
  switch (x) {
  case 1:
    x++;
    /* fall through */
  case 2:
    TWICE(x);
  case 3:
    x = LARGER(x++, half(x));
    break;
  default:
    x--;
  }
  if (x = 3)
    printf("%d %s\n", "text", x);
  if (x == 3)
    ;
  unsigned u = x;
  if (u < 0 || narrow == 300)
    return u == x;
  /* a comment /* in a comment */
  undeclared(x);
}
int shadow(int x) { { int x = 1; return x & 1 == 0; } }
#if UNDEFINED_NAME
#endif
