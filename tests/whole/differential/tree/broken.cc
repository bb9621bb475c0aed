#include "sub/shape.h"
template <class T> int size(T t) { return t.size(); }
int wrong() { return size(3) + nothing; }
struct a { a(int); } made;
