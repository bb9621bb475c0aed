#include "sub/shape.h"
#define OVER \
  1
int crlf = OVER;
static int unused;
