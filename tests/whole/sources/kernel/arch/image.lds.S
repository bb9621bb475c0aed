#include <linux/kconfig.h>
SECTIONS { .initcall : { __initcalls = .; KEEP(*(.initcall)) __initcalls_end = .; } nr_cpus = CONFIG_NR_CPUS; }
INSERT AFTER .data;
