#include "sub/guarded.h"
namespace shapes { inline namespace v1 { int area(int a, int b) { return a * b; } } }
const char *file() { return __FILE__; }
const char *pretty(int) { return __PRETTY_FUNCTION__; }
template <class T> T twice(T x) { return x + x; }
template int twice<int>(int);
