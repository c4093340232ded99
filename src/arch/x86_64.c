/* SPDX-License-Identifier: MIT */
/* The first frame of a fresh context, in the form that x86_64.S resumes. */
#include "arch/context.h"
#include <stdint.h>
#include <string.h>

void cede__context_start(void);

void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
        uintptr_t top = (uintptr_t)low + size;
        struct {
                void (*rbx)(void *);
                void *rbp, *r12, *r13, *r14, *r15;
                void (*rip)(void);
                void *bottom[2]; /* keeps the stack aligned to 16 bytes where start calls entry */
        } first = { .rbx = entry, .r12 = arg, .rip = cede__context_start };

        return memcpy((void *)(top - sizeof(first)), &first,
                      sizeof(first)); /* NOLINT: an address */
}
