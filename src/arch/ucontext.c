/* SPDX-License-Identifier: MIT */
/*
 * Fallback for processors without an implementation of their own, with what POSIX once offered.  It
 * saves the signal mask as well, by a system call: slow, and right.
 */
#include "arch/context.h"
#include <stdint.h>
#include <ucontext.h>

void cede__context_switch(void **ret_from, void *to)
{
        ucontext_t here; /* outlives the suspension: it lies on the suspended stack */

        *ret_from = &here;
        swapcontext(&here, to);
}

/* makecontext passes ints only: two for each pointer. */
static void start(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
        uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
        uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);

        ((void (*)(void *))entry)((void *)arg);
}

void *cede__context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
        /* The context itself takes the top of the stack. */
        size_t room = (size - sizeof(ucontext_t)) & ~(size_t)63;
        ucontext_t *made = (ucontext_t *)(void *)((char *)low + room);
        uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;

        getcontext(made);
        made->uc_stack.ss_sp = low;
        made->uc_stack.ss_size = room;
        made->uc_link = NULL;
        makecontext(made, (void (*)(void))start, 4, (unsigned)(e >> 32), (unsigned)e,
                    (unsigned)(a >> 32), (unsigned)a);
        return made;
}

void cede__context_begin(void **ret_from, void *fresh)
{
        cede__context_switch(ret_from, fresh);
}
