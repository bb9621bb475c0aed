#include "sub/shape.h"
#include <initializer_list>
extern "C" int printf(const char *, ...);
template <class T, int N> struct vec {
  T v[N];
  T sum() const { T s{}; for (int i = 0; i < N; i++) s += v[i]; return s; }
};
struct base { virtual ~base(); virtual int f() { return 1; } int hidden(int) { return 0; } };
struct derived : base { int f() { return 2; } virtual int hidden(double); int a, b; derived() : b(1), a(b) {} };
inline int shared(int x) { static int calls; return calls += x; }
static int never_called() { return 3; }
thread_local int dynamic = half(7);
int pick(int x)
{
  switch (x) {
  case 1: x++; // fall through
  case 2: TWICE(x); break;
  default: x--;
  }
  try { if (x == 4) throw x; } catch (int e) { return e; }
  return shared(x);
}
int main()
{
  vec<double, 4> v{};
  auto f = [&](int i) { return i + int(v.sum()); };
  return f(pick(1)) * 0;
}
base::~base() {}
int derived::hidden(double) { return dynamic; }
