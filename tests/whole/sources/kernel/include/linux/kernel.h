#ifndef LINUX_KERNEL_H
#define LINUX_KERNEL_H
#include <stddef.h>
#include <stdint.h>

#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define pr_info(...) printf("%s " KBUILD_MODFILE ":%d: ", __FILE__, __LINE__), printf(__VA_ARGS__)
#define WARN_ON(condition) ({ int _c = !!(condition); if (_c) pr_info("%s\n", #condition); _c; })
#define initcall(f) static int (*_call_##f)(void) __attribute__((used, section(".initcall"))) = f

int printf(const char *, ...);
uint32_t crc32(uint32_t crc, const void *data, size_t size);
size_t bitmap_weight(const unsigned long *map, unsigned bits);
size_t strscpy(char *to, const char *from, size_t size);
extern const char config_data[], config_data_end[];
extern const char banner[];
int switch_to(void *next);

struct task { long state; char name[16]; void *stack; };
#endif
