/* SPDX-License-Identifier: MIT */
#include "base/spin.h"
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 100 };

void cede__spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb");
#elif defined(__riscv)
        __asm__ volatile(".4byte 0x0100000f"); /* pause: a hint, nothing where it is not known */
#endif
}

static int count_processors(void)
{
        int saved_errno = errno; /* where /sys is missing, sysconf changes it, and succeeds */
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        errno = saved_errno;
        return n > 0 ? (int)n : 1;
}

unsigned cede__spins(void)
{
        static atomic_int processors; /* 0: not counted yet */
        int n = atomic_load_explicit(&processors, memory_order_relaxed);

        if (!n)
                atomic_store_explicit(&processors, n = count_processors(), memory_order_relaxed);
        return n > 1 && !cede__controlled() ? SPINS : 0;
}

bool cede__spin_turn(unsigned *turn, bool may_give_way)
{
        unsigned i = ++*turn;

        if (i > (may_give_way ? 10 : 6) || !cede__spins())
                return false;
        if (may_give_way && i > 3)
                sched_yield();
        else
                for (unsigned pauses = 1U << i; pauses; pauses--)
                        cede__spin_pause();
        return true;
}

void cede__spin_wait(const uintptr_t *word, uintptr_t seen)
{
        if (!cede__controlled() || !cede__chooser->spin(cede__chooser, word, seen))
                cede__spin_pause();
}

uintptr_t cede__spin_lock_slowly(uintptr_t *word, uintptr_t bit)
{
        cede__step("lock", word);
        for (unsigned turns = 0;; turns++) {
                uintptr_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

                if (!(seen & bit) &&
                    __atomic_compare_exchange_n(word, &seen, seen | bit, 0, __ATOMIC_ACQUIRE,
                                                __ATOMIC_RELAXED))
                        return seen;
                if (turns < 100 || cede__controlled())
                        cede__spin_wait(word, seen);
                else
                        sched_yield();
        }
}
