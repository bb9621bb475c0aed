#ifndef GUARDED_H
#define GUARDED_H
#include "deep/macros.h"
static const char *const in_header = __FILE__;
#endif
