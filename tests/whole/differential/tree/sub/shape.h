#pragma once
#define TWICE(x) do { \
    (x) += (x);       \
  } while (0)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
enum shape { POINT, LINE_, CIRCLE };
static inline int half(int x) { return x / 2; }
