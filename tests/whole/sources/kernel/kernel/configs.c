#include <linux/kernel.h>

asm("	.pushsection .rodata, \"a\"\n"
    "	.globl config_data, config_data_end\n"
    "config_data:\n"
    "	.incbin \"kernel/config_data\"\n"
    "config_data_end:\n"
    "	.popsection\n");
