/* SPDX-License-Identifier: MIT */
#include "base/bias.h"
#include "base/text.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY UINTPTR_MAX /* and nobody will be */

_Thread_local uintptr_t cede__thread_number = 1;
static _Atomic uintptr_t numbers = 1; /* given so far */

enum { PAUSES_MAX = 128 };

enum { UNKNOWN, AVAILABLE, MISSING };
static atomic_int barriers = UNKNOWN;

static int membarrier(int command)
{
        int saved_errno = errno, r = (int)syscall(SYS_membarrier, command, 0, 0);

        r = r < 0 ? -errno : 0;
        errno = saved_errno;
        return r;
}

void cede__bias_prepare(void)
{
        if (atomic_load_explicit(&barriers, memory_order_relaxed) == UNKNOWN)
                atomic_store(&barriers, membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) < 0 ?
                                                MISSING :
                                                AVAILABLE);
}

/* Every thread of the process has executed a full barrier when it returns. */
static void barrier_everywhere(void)
{
        int r = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

        if (r == -EPERM && membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
                r = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); /* a new process, after fork */
        if (r < 0)
                cede__die("membarrier fails with %d, and did not before; is it filtered?", -r);
}

static void take_away(struct cede__bias *b)
{
        __atomic_store_n(&b->owner, NOBODY, __ATOMIC_RELAXED);
        cede__step("wait for the owner", &b->inside);
        barrier_everywhere();
        for (unsigned turns = 0;; turns++) {
                uintptr_t inside = __atomic_load_n(&b->inside, __ATOMIC_ACQUIRE);

                if (!inside)
                        return;
                if (turns < 100 || cede__controlled())
                        cede__spin_wait(&b->inside, inside);
                else
                        sched_yield();
        }
}

static uintptr_t number_here(void)
{
        if (cede__thread_number == 1)
                cede__thread_number =
                        atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed) + 1;
        return cede__thread_number;
}

void cede__bias_take(struct cede__bias *b)
{
        if (__atomic_load_n(&b->owner, __ATOMIC_RELAXED) == 0 &&
            atomic_load_explicit(&barriers, memory_order_relaxed) == AVAILABLE)
                __atomic_store_n(&b->owner, number_here(), __ATOMIC_RELAXED);
}

void cede__bias_go_inside(struct cede__bias *b)
{
        cede__step("go inside", &b->inside);
        __atomic_store_n(&b->inside, 1, __ATOMIC_RELAXED);
        cede__step("ask again", &b->owner);
}

/* Under the lock bit: counts how often in a row it is taken. */
static void consider(struct cede__bias *b)
{
        uintptr_t me = number_here();

        if (b->last != me)
                b->streak = 0;
        b->last = me;
        if (++b->streak == CEDE__BIAS_STREAK)
                cede__bias_take(b);
}

/*
 * Takes the lock bit.  Who finds it taken stays away for a while, and longer each time: whoever has
 * it can then take it many times over, without the cache line going back and forth in between.
 */
static void take_bit(struct cede__bias *b)
{
        for (unsigned pauses = 16; pauses <= PAUSES_MAX && !cede__chooser; pauses *= 2) {
                uintptr_t seen = 0;

                if (__atomic_compare_exchange_n(&b->word, &seen, 1, false, __ATOMIC_ACQUIRE,
                                                __ATOMIC_RELAXED))
                        return;
                for (unsigned i = 0; i < pauses; i++)
                        cede__spin_pause();
        }
        cede__spin_lock(&b->word, 1);
}

void cede__bias_lock_slowly(struct cede__bias *b)
{
        uintptr_t owner;

        take_bit(b);
        owner = __atomic_load_n(&b->owner, __ATOMIC_RELAXED);
        if (owner == 0)
                consider(b);
        else if (owner != NOBODY)
                take_away(b);
        b->biased = false; /* not before the owner is outside */
}
