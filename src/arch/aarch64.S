/* SPDX-License-Identifier: MIT */
/*
 * AAPCS64.  A suspended context is a stack pointer, to twenty words:
 *
 *      sp -> x19 x20 ... x28 x29 x30 d8 d9 ... d15
 *
 * What a call preserves is all that is saved: x19 to x28, the frame pointer x29, the link register
 * x30, which is where to go on, and of the vector registers the lower halves of v8 to v15.  The way
 * back is taken by `ret`, so that the prediction of returns stays in step, as on x86-64.
 *
 * The frame descriptions (.cfi) hold at every instruction: loads and stores in pairs change the
 * stack pointer once, at the beginning and at the end, so in between only the registers' places
 * have to be said.  Backtraces end where a fresh context starts.
 *
 * Branch protection: x30 is not signed here.  Its value is saved on the task's own stack, where the
 * compiler signs its own frames if it is told to; a fresh context and a suspended one are resumed
 * by `ret`, which needs no landing pad.  `hint 34` is `bti c`, nothing on older processors.
 */
#define FRAME 160

        .text

/* void cede__context_switch(void **ret_from, void *to) */
        .globl  cede__context_switch
        .hidden cede__context_switch
        .type   cede__context_switch, %function
        .balign 32
cede__context_switch:
        .cfi_startproc
        hint    34
        sub     sp, sp, #FRAME
        .cfi_adjust_cfa_offset FRAME
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x2, sp
        str     x2, [x0]
        /*
         * From here on the frame is that of `to`: its registers are where ours are on our stack.
         * Those of the caller who is switched out still have their values in the registers, but it
         * is the other side's return address that a backtrace needs.
         */
        mov     sp, x1
        .cfi_rel_offset x19, 0
        .cfi_rel_offset x20, 8
        .cfi_rel_offset x21, 16
        .cfi_rel_offset x22, 24
        .cfi_rel_offset x23, 32
        .cfi_rel_offset x24, 40
        .cfi_rel_offset x25, 48
        .cfi_rel_offset x26, 56
        .cfi_rel_offset x27, 64
        .cfi_rel_offset x28, 72
        .cfi_rel_offset x29, 80
        .cfi_rel_offset x30, 88
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #FRAME
        .cfi_adjust_cfa_offset -FRAME
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore d8
        .cfi_restore d9
        .cfi_restore d10
        .cfi_restore d11
        .cfi_restore d12
        .cfi_restore d13
        .cfi_restore d14
        .cfi_restore d15
        ret
        .cfi_endproc
        .size   cede__context_switch, . - cede__context_switch

/* Where a fresh context starts: x19 holds entry, x20 its argument; nobody called it. */
        .globl  cede__context_start
        .hidden cede__context_start
        .type   cede__context_start, %function
        .balign 16
cede__context_start:
        .cfi_startproc
        .cfi_undefined x30
        hint    34
        mov     x0, x20
        blr     x19
        brk     #1
        .cfi_endproc
        .size   cede__context_start, . - cede__context_start

        .section .note.GNU-stack, "", %progbits
/* This file obeys branch target identification: what is branched to indirectly begins with bti. */
        .section .note.gnu.property, "a"
        .balign 8
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000000, 4, 1, 0
