/* SPDX-License-Identifier: MIT */
/* The first frame of a fresh context, in the form that riscv64.S resumes. */
#include "arch/context.h"
#include <stdint.h>
#include <string.h>

/* Words from the stack pointer of a suspended context. */
enum { RA = 0, S1 = 2, S2 = 3, FRAME = 26 };

void cede__context_start(void);

void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
        uintptr_t *sp = (uintptr_t *)(void *)((char *)low + size) - FRAME;

        memset(sp, 0, FRAME * sizeof(*sp)); /* s0 too: a chain of frame pointers ends here */
        sp[S1] = (uintptr_t)entry;
        sp[S2] = (uintptr_t)arg;
        sp[RA] = (uintptr_t)cede__context_start; /* returned to */
        return sp;
}

void cede__context_begin(void **ret_from, void *fresh)
{
        cede__context_switch(ret_from, fresh);
}
