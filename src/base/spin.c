/* SPDX-License-Identifier: MIT */
#include "base/spin.h"
#include <sched.h>

void cede__spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb");
#endif
}

uintptr_t cede__spin_lock_slowly(uintptr_t *word, uintptr_t bit)
{
        for (unsigned turns = 0;; turns++) {
                uintptr_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

                if (!(seen & bit) &&
                    __atomic_compare_exchange_n(word, &seen, seen | bit, 0, __ATOMIC_ACQUIRE,
                                                __ATOMIC_RELAXED))
                        return seen;
                if (turns < 100)
                        cede__spin_pause();
                else
                        sched_yield();
        }
}
