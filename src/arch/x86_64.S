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

        .macro  save register
        pushq   %\register
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %\register, 0
        .endm

        .macro  restore register
        popq    %\register
        .cfi_adjust_cfa_offset -8
        .cfi_restore %\register
        .endm

/* Suspends the caller: its context is in (%rdi) then. */
        .macro  suspend
#ifdef __CET__
        endbr64
#endif
        save    r15
        save    r14
        save    r13
        save    r12
        save    rbp
        save    rbx
        movq    %rsp, (%rdi)
        .endm

/* void cede__context_switch(void **ret_from, void *to) */
        .globl  cede__context_switch
        .hidden cede__context_switch
        .type   cede__context_switch, @function
        .balign 32
cede__context_switch:
        .cfi_startproc
        suspend
        movq    %rsi, %rsp
        restore rbx
        restore rbp
        restore r12
        restore r13
        restore r14
        restore r15
        ret
        .cfi_endproc
        .size   cede__context_switch, . - cede__context_switch

/*
 * void cede__context_begin(void **ret_from, void *fresh)
 *
 * A fresh context was called by nobody, so `ret` would be predicted wrong; it is begun by jumps,
 * and nothing of that gets into the stack of predicted returns.  What is there are the calls that
 * led to suspensions: where many begin one after the other and suspend in the same place, they are
 * predicted right when their turns come again.  (55 ns for a task that yields once against 27.)
 */
        .globl  cede__context_begin
        .hidden cede__context_begin
        .type   cede__context_begin, @function
        .balign 32
cede__context_begin:
        .cfi_startproc
        suspend
        .cfi_endproc
        .cfi_startproc
        .cfi_undefined %rip
        movq    (%rsi), %rbx
        movq    16(%rsi), %r12
        xorl    %ebp, %ebp
        leaq    56(%rsi), %rsp
        jmp     .Lstart
        .cfi_endproc
        .size   cede__context_begin, . - cede__context_begin

/*
 * Where a fresh context starts: rbx holds entry, r12 its argument.  Nobody called it; the return
 * address that entry finds is there for backtraces.
 */
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
.Lstart:
        movq    %r12, %rdi
        leaq    .Lreturn(%rip), %rax
        pushq   %rax
        .cfi_adjust_cfa_offset 8
        jmp     *%rbx
        .cfi_adjust_cfa_offset -8
        nop
.Lreturn:
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
