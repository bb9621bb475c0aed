#define RESULT %rax
    .text
    .globl swap
    .type swap, @function
swap:
    mov %rdi, RESULT
    bswap RESULT
    ret
    .size swap, . - swap
    .section .note.GNU-stack, "", @progbits
