#include "sub/guarded.h"
#include "sub/local.h"
const char *which(void) { return LOCAL_H; }
int log_at(const char *file, int line, const char *text, ...);
int report(void) { return LOG("here"); }
