/* SPDX-License-Identifier: MIT */
/*
 * Stacks for tasks: cut from slabs, guarded, kept hot.
 *
 * A slab is one mapping that holds many stacks of one size class (a power of two); address space is
 * plentiful, and a page is memory only once it was touched.  Below each stack lies a guard, so that
 * running off its end faults instead of corrupting a neighbour:
 *
 *      slab:  | guard | stack ........ | guard | stack ........ | ...
 *                     low           top (descriptor, then the first frame, downwards)
 *
 * Guards are made with MADV_GUARD_INSTALL (Linux 6.13), which costs no mapping per stack, else with
 * mprotect.  They are 68 KiB, because a large frame can step over a single page.
 *
 * A stack that is given back is the next to be taken (LIFO), its top still in the cache.  If all of
 * them started at the same offset from a page boundary, their first frames would fight for the same
 * few cache sets; so each is shifted by a colour of its own within its top page.  Likewise the
 * distance from one to the next is an odd number of pages, since at a power of two they would fight
 * for the same few entries of the TLB.
 *
 * Thousands of stacks are in no cache and no TLB, and to wait for them one by one takes longer than
 * all that is done with a task.  So the next CEDE__STACK_TOPS that will be taken are known without
 * reading them (`free`, by turns; each leads to the one so many below it), and their tops are
 * touched together, by loads: prefetches in their place took as long as none (measured).
 *
 * A pool belongs to one loop and is used by its thread only.
 */
#ifndef CEDE_STACK_STACK_H
#define CEDE_STACK_STACK_H

#include "base/sanity.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        CEDE__STACK_MIN_SHIFT = 14, /* 16 KiB */
        CEDE__STACK_CLASSES = 17,   /* up to 1 GiB */
        CEDE__STACK_GUARD = 68 * 1024,
        CEDE__STACK_TOPS = 16,
};

/* Lies at the top of the stack that it describes. */
struct cede__stack {
        struct cede__stack *below; /* in the pool: CEDE__STACK_TOPS below this one */
        char *low;                 /* the lowest byte of the stack, the guard is below */
        size_t usable;             /* from low to where the first frame goes */
        unsigned size_class;
        struct cede__sanity sanity;
};

struct cede__stack_class {
        struct cede__stack *free[CEDE__STACK_TOPS]; /* LIFO; the newest at free[newest % TOPS] */
        unsigned newest;                            /* wraps */
        unsigned left;                              /* never used places in the newest slab */
        char *fresh;                                /* the next of them */
};

struct cede__stack_pool {
        struct cede__stack_class classes[CEDE__STACK_CLASSES];
        struct cede__slab *slabs;
        uint64_t made; /* stacks ever cut: the next one's colour */
        uint64_t used, peak;
};

/*
 * The class of the smallest stack of at least `size` bytes; CEDE__STACK_CLASSES if there is none.
 */
unsigned cede__stack_class(size_t size);

static inline size_t cede__stack_class_size(unsigned size_class)
{
        return (size_t)1 << (CEDE__STACK_MIN_SHIFT + size_class);
}

/* A stack of the class, NULL if the system has no more. */
struct cede__stack *cede__stack_take(struct cede__stack_pool *pool, unsigned size_class);

/* Gives it back.  The caller may still run on it, as long as it takes nothing from the pool. */
void cede__stack_give(struct cede__stack_pool *pool, struct cede__stack *stack);

/* Whether more stacks are in use than stay in the caches. */
static inline bool cede__stack_pool_is_large(const struct cede__stack_pool *pool)
{
        return pool->used > 1000;
}

/* Returns all memory to the system; no stack is in use any more. */
void cede__stack_pool_finish(struct cede__stack_pool *pool);

/*
 * Whether a fault at `address` means that this stack was overrun: it hit the guard, or the frame
 * was so large that the stack pointer is below it.  `sp` may be NULL, unknown.
 */
static inline bool cede__stack_overrun(const struct cede__stack *stack, const void *address,
                                       const void *sp)
{
        uintptr_t a = (uintptr_t)address, s = (uintptr_t)sp, low = (uintptr_t)stack->low;

        return (a >= low - CEDE__STACK_GUARD && a < low) ||
               (s && s < low && low - s <= cede__stack_class_size(CEDE__STACK_CLASSES - 1));
}

#endif
