#include <stddef.h>
#include <stdarg.h>
__thread int per_thread;
_Thread_local static long counter;
extern void *memcpy(void *, const void *, size_t);
struct packed { char c; int bits : 5; double d; } __attribute__((packed)) packed = { 'a', 2, 3.5 };
int sum(int n, ...)
{
  va_list all;
  int total = 0;
  va_start(all, n);
  while (n-- > 0)
    total += va_arg(all, int);
  va_end(all);
  counter += total;
  return total + per_thread;
}
void copy(char *to, const char *from, int n)
{
  char buffer[128];
  int i;
  memcpy(buffer, from, sizeof buffer);
  for (i = 0; i < n; i++)
    to[i] = buffer[i & 127];
}
