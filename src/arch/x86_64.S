/* SPDX-License-Identifier: MIT */
/*
 * System V AMD64.  A suspended context is a stack pointer, to seven words:
 *
 *      sp -> rbx rbp r12 r13 r14 r15 return-address
 *
 * The way back is taken by `ret`, which keeps the processor's stack of predicted returns as deep as
 * the real one: tasks mostly suspend in the same place, so it even predicts right, there and in the
 * callers that follow.  With `jmp` every return after it missed (21 ns a switch against 6,
 * measured).
 *
 * The frame descriptions (.cfi) hold at every instruction, so that gdb shows the backtrace of a
 * suspended task, and unwinders end at the bottom of a task's stack.
 */
        .text

/* void cede__context_switch(void **ret_from, void *to) */
        .globl  cede__context_switch
        .hidden cede__context_switch
        .type   cede__context_switch, @function
        .balign 32
cede__context_switch:
        .cfi_startproc
#ifdef __CET__
        endbr64
#endif
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        ret
        .cfi_endproc
        .size   cede__context_switch, . - cede__context_switch

/* Where a fresh context starts: rbx holds entry, r12 its argument; nobody called it. */
        .globl  cede__context_start
        .hidden cede__context_start
        .type   cede__context_start, @function
        .balign 16
cede__context_start:
        .cfi_startproc
        .cfi_undefined %rip
#ifdef __CET__
        endbr64
#endif
        movq    %r12, %rdi
        callq   *%rbx
        ud2
        .cfi_endproc
        .size   cede__context_start, . - cede__context_start

        .section .note.GNU-stack, "", @progbits
#ifdef __CET__
/*
 * This file obeys indirect-branch tracking, and does not obey shadow stacks (it switches stacks).
 */
        .section .note.gnu.property, "a"
        .balign 8
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000002, 4, 1, 0
#endif
