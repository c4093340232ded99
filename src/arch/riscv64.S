/* SPDX-License-Identifier: MIT */
/*
 * RISC-V, LP64D.  A suspended context is a stack pointer, to twenty-six words:
 *
 *      sp -> ra s0 s1 ... s11 fs0 fs1 ... fs11 (unused)
 *
 * What a call preserves is all that is saved: s0 to s11, of which s0 is the frame pointer, fs0 to
 * fs11, and ra, which is where to go on.  The last word keeps the stack aligned to 16 bytes.  gp
 * and tp belong to the program and the thread.  The way back is taken by `ret`, so that the
 * prediction of returns stays in step, as on x86-64.
 *
 * The frame descriptions (.cfi) hold at every instruction: the stack pointer changes once, at the
 * beginning and at the end, so in between only the registers' places have to be said.  Backtraces
 * end where a fresh context starts.
 *
 * Control-flow integrity (Zicfilp, Zicfiss): this file says nothing of it, and so spoils the
 * property of the whole program, which then goes without.
 */
#define FRAME 208

        .text

/* void cede__context_switch(void **ret_from, void *to) */
        .globl  cede__context_switch
        .hidden cede__context_switch
        .type   cede__context_switch, @function
        .balign 32
cede__context_switch:
        .cfi_startproc
        addi    sp, sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        sd      s5, 48(sp)
        sd      s6, 56(sp)
        sd      s7, 64(sp)
        sd      s8, 72(sp)
        sd      s9, 80(sp)
        sd      s10, 88(sp)
        sd      s11, 96(sp)
        fsd     fs0, 104(sp)
        fsd     fs1, 112(sp)
        fsd     fs2, 120(sp)
        fsd     fs3, 128(sp)
        fsd     fs4, 136(sp)
        fsd     fs5, 144(sp)
        fsd     fs6, 152(sp)
        fsd     fs7, 160(sp)
        fsd     fs8, 168(sp)
        fsd     fs9, 176(sp)
        fsd     fs10, 184(sp)
        fsd     fs11, 192(sp)
        sd      sp, 0(a0)
        /*
         * From here on the frame is that of `to`: its registers are where ours are on our stack.
         * Those of the caller who is switched out still have their values in the registers, but it
         * is the other side's return address that a backtrace needs.
         */
        mv      sp, a1
        .cfi_rel_offset ra, 0
        .cfi_rel_offset s0, 8
        .cfi_rel_offset s1, 16
        .cfi_rel_offset s2, 24
        .cfi_rel_offset s3, 32
        .cfi_rel_offset s4, 40
        .cfi_rel_offset s5, 48
        .cfi_rel_offset s6, 56
        .cfi_rel_offset s7, 64
        .cfi_rel_offset s8, 72
        .cfi_rel_offset s9, 80
        .cfi_rel_offset s10, 88
        .cfi_rel_offset s11, 96
        .cfi_rel_offset fs0, 104
        .cfi_rel_offset fs1, 112
        .cfi_rel_offset fs2, 120
        .cfi_rel_offset fs3, 128
        .cfi_rel_offset fs4, 136
        .cfi_rel_offset fs5, 144
        .cfi_rel_offset fs6, 152
        .cfi_rel_offset fs7, 160
        .cfi_rel_offset fs8, 168
        .cfi_rel_offset fs9, 176
        .cfi_rel_offset fs10, 184
        .cfi_rel_offset fs11, 192
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        ld      s5, 48(sp)
        ld      s6, 56(sp)
        ld      s7, 64(sp)
        ld      s8, 72(sp)
        ld      s9, 80(sp)
        ld      s10, 88(sp)
        ld      s11, 96(sp)
        fld     fs0, 104(sp)
        fld     fs1, 112(sp)
        fld     fs2, 120(sp)
        fld     fs3, 128(sp)
        fld     fs4, 136(sp)
        fld     fs5, 144(sp)
        fld     fs6, 152(sp)
        fld     fs7, 160(sp)
        fld     fs8, 168(sp)
        fld     fs9, 176(sp)
        fld     fs10, 184(sp)
        fld     fs11, 192(sp)
        addi    sp, sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        .cfi_restore ra
        .cfi_restore s0
        .cfi_restore s1
        .cfi_restore s2
        .cfi_restore s3
        .cfi_restore s4
        .cfi_restore s5
        .cfi_restore s6
        .cfi_restore s7
        .cfi_restore s8
        .cfi_restore s9
        .cfi_restore s10
        .cfi_restore s11
        .cfi_restore fs0
        .cfi_restore fs1
        .cfi_restore fs2
        .cfi_restore fs3
        .cfi_restore fs4
        .cfi_restore fs5
        .cfi_restore fs6
        .cfi_restore fs7
        .cfi_restore fs8
        .cfi_restore fs9
        .cfi_restore fs10
        .cfi_restore fs11
        ret
        .cfi_endproc
        .size   cede__context_switch, . - cede__context_switch

/* Where a fresh context starts: s1 holds entry, s2 its argument; nobody called it. */
        .globl  cede__context_start
        .hidden cede__context_start
        .type   cede__context_start, @function
        .balign 16
cede__context_start:
        .cfi_startproc
        .cfi_undefined ra
        mv      a0, s2
        jalr    s1
        ebreak
        .cfi_endproc
        .size   cede__context_start, . - cede__context_start

        .section .note.GNU-stack, "", @progbits
