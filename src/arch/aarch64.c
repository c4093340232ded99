/* SPDX-License-Identifier: MIT */
/* The first frame of a fresh context, in the form that aarch64.S resumes. */
#include "arch/context.h"
#include <stdint.h>
#include <string.h>

/* Words from the stack pointer of a suspended context. */
enum { X19 = 0, X20 = 1, X29 = 10, X30 = 11, FRAME = 20 };

void cede__context_start(void);

void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
        uintptr_t *sp = (uintptr_t *)(void *)((char *)low + size) - FRAME;

        memset(sp, 0, FRAME * sizeof(*sp)); /* x29 too: a chain of frame pointers ends here */
        sp[X19] = (uintptr_t)entry;
        sp[X20] = (uintptr_t)arg;
        sp[X30] = (uintptr_t)cede__context_start; /* returned to */
        return sp;
}

void cede__context_begin(void **ret_from, void *fresh)
{
        cede__context_switch(ret_from, fresh);
}
