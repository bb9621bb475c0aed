#include "sub/shape.h"
#include "not/there.h"
int after(void) { return half(3); }
