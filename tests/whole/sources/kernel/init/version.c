#include <linux/kernel.h>

const char banner[] = "built " __DATE__ " " __TIME__ " of " __FILE__;
