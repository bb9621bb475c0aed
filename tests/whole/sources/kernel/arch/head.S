#include <asm-offsets.h>

#define ENTRY(name) .globl name; .type name, @function; name
	.text
ENTRY(switch_to):
	movq %rsp, TASK_STACK(%rdi)
	movl $TASK_SIZE, %eax
	ret
	.size switch_to, . - switch_to
	.section .note.GNU-stack, "", @progbits
