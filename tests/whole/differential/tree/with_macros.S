#include "sub/deep/macros.h"
#define RESULT $FROM_MACROS_H
	.text
	.globl	with_macros
with_macros:
	movl	RESULT, %eax /* __LINE__ */
	ret
	.section	.note.GNU-stack,"",@progbits
