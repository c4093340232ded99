/* SPDX-License-Identifier: MIT */
/*
 * A store that depends on a flag, without an atomic instruction: the one who stores pays nothing,
 * the one who sets the flag pays with a system call.
 *
 *      who stores                              who has set the flag
 *      --------------------------------------  -----------------------------------------
 *      flag set? then false                    flag = 1
 *        (a)                                   cede__restart_others
 *      *word = value; true                     from here on nobody stores any more, and what
 *                                                was stored can be seen
 *
 * The two instructions on the left are a restartable sequence (rseq(2)): a thread that is
 * suspended, moved to another processor or interrupted by a signal at (a) does not go on there, but
 * returns false.  cede__restart_others is membarrier(2), which does that to whoever runs there at
 * this moment, and is a memory barrier on every processor that runs a thread of this process.  So
 * every store happened before it returns, or its thread looks at the flag again, and sees it.
 *
 * After the store nothing is touched, so it may be what allows others to free the memory.
 *
 * It needs the C library to register its threads (glibc 2.35), Linux 5.10, and for each processor
 * some assembly; ThreadSanitizer does not see what that does.  Elsewhere the store always fails.
 */
#ifndef CEDE_ARCH_RESTART_H
#define CEDE_ARCH_RESTART_H

#include "base/chooser.h"
#include "base/sanity.h"
#include <stdint.h>

/*
 * Where each thread's struct rseq is, relative to its thread pointer; 0: the store cannot succeed.
 * Constant after the start of the program.
 */
extern ptrdiff_t cede__restart_area CEDE__HIDDEN;

/* See above.  Ends the program if the system refuses now what it allowed at the start. */
void cede__restart_others(void);

/*
 * Where a chooser decides which thread goes on: the store in two steps, the flag is looked at in
 * the first, and the calls of cede__restart_others in between are counted.
 */
bool cede__store_unless_controlled(uintptr_t *word, uintptr_t value, const uint8_t *flag);

#if defined(__x86_64__) && defined(__LP64__) && !defined(CEDE__TSAN) && defined(__has_include)
#if __has_include(<sys/rseq.h>)
#define CEDE__RESTARTABLE 1
#endif
#endif

#if defined(CEDE__RESTARTABLE)
/* Stores value into *word and returns true, if *flag is 0.  May return false for no reason. */
static inline bool cede__store_unless(uintptr_t *word, uintptr_t value, const uint8_t *flag)
{
        if (cede__unlikely(!cede__restart_area))
                return false;
        /* Of struct rseq, relative to the thread pointer: cpu_id at 4, rseq_cs at 8. */
        __asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t"
                     ".balign 32\n"
                     "1:\n\t"
                     ".long 0, 0\n\t"            /* version, flags */
                     ".quad 2f, 3f - 2f, 4f\n\t" /* start, length, where to go instead */
                     ".popsection\n\t"
                     ".pushsection __rseq_failure, \"ax\"\n\t"
                     ".byte 0x0f, 0xb9, 0x3d\n\t" /* an illegal instruction around ... */
                     ".long 0x53053053\n"         /* RSEQ_SIG, which has to stand before it */
                     "4:\n\t"
                     "jmp %l[no]\n\t"
                     ".popsection\n\t"
                     "cmpl $0, %%fs:4(%[area])\n\t" /* is this thread registered? */
                     "js %l[no]\n\t"
                     "leaq 1b(%%rip), %%rax\n"
                     "2:\n\t" /* the system takes it away outside of the sequence only */
                     "cmpq %%rax, %%fs:8(%[area])\n\t"
                     "je 5f\n\t"
                     "movq %%rax, %%fs:8(%[area])\n"
                     "5:\n\t"
                     "cmpb $0, %[flag]\n\t"
                     "jne %l[no]\n\t"
                     "movq %[value], %[word]\n"
                     "3:\n"
                     :
                     : [area] "r"(cede__restart_area), [word] "m"(*word), [value] "er"(value),
                       [flag] "m"(*flag)
                     : "rax", "cc", "memory"
                     : no);
        return true;
no:
        return false;
}
#else
static inline bool cede__store_unless(uintptr_t *word, uintptr_t value, const uint8_t *flag)
{
        (void)word, (void)value, (void)flag;
        return false;
}
#endif

#endif
