#include "local.h"
const char *which_other(void) { return LOCAL_H; }
