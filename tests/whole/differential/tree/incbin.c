__asm__(".section .rodata\n.global blob\nblob:\n.incbin \"data.bin\"\n.previous\n");
extern const char blob[];
int first(void) { return blob[0]; }
