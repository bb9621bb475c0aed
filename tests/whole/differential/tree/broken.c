#include "sub/shape.h"
int ok(void) { return half(2); }
int wrong(void) { return TWICE(nothing) }
struct incomplete s;
int ok_again(void) { return "text" + ; }
