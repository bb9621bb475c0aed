#include "sub/guarded.h"
#include "sub/guarded.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
static int quiet(void) { return 1; }
#pragma GCC diagnostic pop
static int loud(void) { return 2; }
#define CHANGED 1
#pragma push_macro("CHANGED")
#undef CHANGED
#define CHANGED 2
int changed = CHANGED;
#pragma pop_macro("CHANGED")
int restored = CHANGED;
#define QUIETLY(code) _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wsign-compare\"") \
    code _Pragma("GCC diagnostic pop")
int compare(int a, unsigned b) { QUIETLY(return a < b;) }
int compare_aloud(int a, unsigned b) { return a < b; }
#if defined __has_include
#if __has_include("sub/deep/macros.h") && !__has_include("missing.h")
const char *found = "found";
#endif
#endif
const char *base = __BASE_FILE__, *file = __FILE__, *stamp = __TIMESTAMP__;
int counted[] = { __COUNTER__, __COUNTER__, __INCLUDE_LEVEL__, __LINE__ };
#define STRING(x) #x
#define PASTE(a, b) a##b
const char *text = STRING(a  "b" /* gone */ c), *PASTE(na, me) = "??=?? ??/n";
#line 100 "elsewhere.c"
const char *moved = __FILE__;
int moved_line = __LINE__;
static int unused_here;
#pragma GCC poison dangerous
#ident "ident"
#pragma weak weakly
extern int weakly;
int *use = &weakly;
