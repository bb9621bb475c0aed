#ifndef LINUX_KCONFIG_H
#define LINUX_KCONFIG_H
#include <generated/autoconf.h>
#define IS_ENABLED(option) (option + 0)
#endif
