	.text
	.globl	plain
	.type	plain, @function
plain:
	movl	$1, %eax
	ret
	.size	plain, .-plain
	.section	.note.GNU-stack,"",@progbits
