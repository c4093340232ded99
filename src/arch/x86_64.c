/* SPDX-License-Identifier: MIT */
/* The first frame of a fresh context, in the form that x86_64.S resumes. */
#include "arch/context.h"
#include <stdint.h>

void cede__context_start(void);

void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
        uintptr_t *sp = (uintptr_t *)(void *)((char *)low + size);

        /* Word by word: a copy in larger units would wait for the stores that it is made of. */
        *--sp = 0; /* two words keep the stack aligned to 16 bytes where start calls entry */
        *--sp = 0;
        *--sp = (uintptr_t)cede__context_start; /* returned to */
        *--sp = 0;                              /* r15 */
        *--sp = 0;                              /* r14 */
        *--sp = 0;                              /* r13 */
        *--sp = (uintptr_t)arg;                 /* r12 */
        *--sp = 0;                              /* rbp */
        *--sp = (uintptr_t)entry;               /* rbx */
        return sp;
}
