/* SPDX-License-Identifier: MIT */
/*
 * A lock of one bit in a word that holds other things as well.  Held for some dozen instructions;
 * whoever finds it taken spins, and gives way to other threads when it takes longer than that (its
 * holder may have been suspended by the system).
 */
#ifndef CEDE_BASE_SPIN_H
#define CEDE_BASE_SPIN_H

#include "base/chooser.h"
#include <stdint.h>

void cede__spin_pause(void);

/*
 * How often a thread looks again before it sleeps, since waking one costs more than most waits
 * take; 0 where what it waits for cannot happen meanwhile: on a single processor, and where a
 * chooser lets one thread run at a time.
 */
unsigned cede__spins(void);

/*
 * A turn of waiting for what may happen soon, with longer and longer pauses, since each look takes
 * the cache line away from whoever works on it.  After some, others may run in its place, if it may
 * give way.  False: that was long enough.  Begins with *turn == 0.
 */
bool cede__spin_turn(unsigned *turn, bool may_give_way);

/* One turn of waiting until the word is no longer as it was seen. */
void cede__spin_wait(const uintptr_t *word, uintptr_t seen);

uintptr_t cede__spin_lock_slowly(uintptr_t *word, uintptr_t bit);

/* Sets the bit; returns the word without it. */
static inline uintptr_t cede__spin_lock(uintptr_t *word, uintptr_t bit)
{
        uintptr_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

        if (cede__likely(!cede__chooser && !(seen & bit) &&
                         __atomic_compare_exchange_n(word, &seen, seen | bit, 0, __ATOMIC_ACQUIRE,
                                                     __ATOMIC_RELAXED)))
                return seen;
        return cede__spin_lock_slowly(word, bit);
}

/* The holder's, who alone may change the word: stores it, without the bit. */
static inline void cede__spin_unlock(uintptr_t *word, uintptr_t value)
{
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
