	.text
wrong:
	movq	%nothing, %rax
	not_an_instruction
