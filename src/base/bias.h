/* SPDX-License-Identifier: MIT */
/*
 * A lock that leans towards one thread: biased locking (Kawachiya, Koseki, Onodera: "Lock
 * reservation", 2002; the asymmetric barrier is that of Dice, Huang, Yang: "Asymmetric Dekker
 * synchronization", 2001).
 *
 * An object of many tasks and one loop is only ever locked by one thread, which then pays for an
 * atomic read-modify-write each time, several times what the work under the lock costs.  So who
 * takes the lock bit often enough in a row becomes the lock's owner, and enters without it:
 *
 *      owner                                   another thread, that holds the lock bit
 *      --------------------------------------  --------------------------------------
 *      inside = 1                              owner = NOBODY
 *      (the compiler keeps the order)          barrier on all processors (membarrier)
 *      is it still the owner?                  wait while inside
 *        yes: the lock is held
 *        no: inside = 0; take the lock bit
 *
 * The barrier is what the owner does not pay for.  It falls somewhere into what the owner does: if
 * before the owner's question, the owner finds that it is none any more; if after it, the store to
 * `inside` came before too, and the other thread sees it and waits.  Once it had to be taken away,
 * a lock never leans again: it belongs to several threads.  So each lock pays for a barrier once at
 * most.
 *
 * Threads are told apart by numbers, never used again.  An all-zero lock is valid.
 */
#ifndef CEDE_BASE_BIAS_H
#define CEDE_BASE_BIAS_H

#include "base/spin.h"
#include <cede/internal.h>
#include <stdatomic.h>

/* How often in a row a thread takes the lock bit before the lock leans towards it. */
enum { CEDE__BIAS_STREAK = 64 };

/* Of this thread; 1, which is no owner's: it was not given one yet. */
extern _Thread_local uintptr_t cede__thread_number CEDE__HIDDEN;

/*
 * Asks the system for barriers.  Until somebody has, or where there are none, no lock leans.  To be
 * called while there are few threads: with many it takes milliseconds.
 */
void cede__bias_prepare(void);

/* By who holds it: it leans towards this thread, if there are barriers and it may lean at all. */
void cede__bias_take(struct cede__bias *b);

void cede__bias_lock_slowly(struct cede__bias *b);

/* The owner's store to `inside`, with steps around it. */
void cede__bias_go_inside(struct cede__bias *b);

static inline void cede__bias_lock(struct cede__bias *b)
{
        uintptr_t me = cede__thread_number;

        if (cede__likely(__atomic_load_n(&b->owner, __ATOMIC_RELAXED) == me)) {
                if (cede__unlikely(cede__chooser != NULL))
                        cede__bias_go_inside(b);
                else
                        __atomic_store_n(&b->inside, 1, __ATOMIC_RELAXED);
                atomic_signal_fence(memory_order_seq_cst);
                if (cede__likely(__atomic_load_n(&b->owner, __ATOMIC_RELAXED) == me)) {
                        b->biased = true;
                        return;
                }
                __atomic_store_n(&b->inside, 0, __ATOMIC_RELEASE);
        }
        cede__bias_lock_slowly(b);
}

static inline void cede__bias_unlock(struct cede__bias *b)
{
        if (cede__likely(b->biased))
                __atomic_store_n(&b->inside, 0, __ATOMIC_RELEASE); /* pairs with take_away */
        else
                cede__spin_unlock(&b->word, 0);
}

#endif
