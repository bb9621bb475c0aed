#include "sub/shape.h"
@interface Point { int x; } - (int)x; @end
@implementation Point - (int)x { return half(x); } @end
