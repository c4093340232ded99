/* SPDX-License-Identifier: MIT */
/*
 * The single steps on a mutex's word, and on the list of what a party holds: part of mutex.c and
 * once.c.
 *
 * As long as nobody has used the lock bit, the word of a locked mutex is changed by its owner only,
 * who needs no atomic instruction to free it: it stores 0 unless the mutex is `shared`.  Who is the
 * first to take the lock bit makes it so, for the rest of its life (arch/restart.h):
 *
 *      owner                               first to take the lock bit
 *      ----------------------------------  --------------------------------------------
 *      shared? then compare-and-swap       shared = SHARING; restart the others
 *      word = 0, unless interrupted          (the store has happened, or never will)
 *                                          shared = SHARED; set LOCKED
 */
#ifndef CEDE_SYNC_MUTEX_WORD_H
#define CEDE_SYNC_MUTEX_WORD_H

#include "arch/restart.h"
#include "base/spin.h"
#include "wait/wait.h"
#include <cede/mutex.h>

enum { LOCKED = 1, WAITERS = 2, FLAGS = LOCKED | WAITERS };
enum { SHARING = 1, SHARED };

/*
 * Before the lock bit is used for the first time.  Several may do this at a time: each goes on only
 * when it, or somebody before it, has restarted the others.
 */
static CEDE__COLD void share(struct cede_mutex *m)
{
        __atomic_store_n(&m->shared, SHARING, __ATOMIC_RELAXED);
        cede__restart_others();
        __atomic_store_n(&m->shared, SHARED, __ATOMIC_RELEASE);
}

/* Takes the lock bit; returns the owner. */
static inline struct cede__party *lock(struct cede_mutex *m)
{
        if (cede__unlikely(__atomic_load_n(&m->shared, __ATOMIC_ACQUIRE) != SHARED))
                share(m);
        return (struct cede__party *)(cede__spin_lock(&m->word, LOCKED) & ~(uintptr_t)FLAGS);
}

/* Locks it, if it is free and nobody may pass. */
static inline bool take(struct cede_mutex *m, struct cede__party *me)
{
        uintptr_t free = 0;

        return __atomic_compare_exchange_n(&m->word, &free, (uintptr_t)me, false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
}

/* By a single step on the word, unless somebody waits or works on the queue. */
static inline bool let_go(struct cede_mutex *m, struct cede__party *me)
{
        uintptr_t mine = (uintptr_t)me;

        return __atomic_compare_exchange_n(&m->word, &mine, 0, false, __ATOMIC_RELEASE,
                                           __ATOMIC_RELAXED);
}

/* Enters it in the list of what its new owner holds: mostly nothing, and `next` is NULL already. */
static inline void hold(struct cede_mutex *m, struct cede__party *me)
{
        if (cede__unlikely(me->held))
                m->next = me->held;
        me->held = m;
}

/* Takes it out, from where *link points to it. */
static inline void drop(struct cede_mutex *m, struct cede_mutex **link)
{
        *link = m->next;
        if (cede__unlikely(m->next))
                m->next = NULL;
}

/* The owner is about to give it up. */
static inline void left(struct cede_mutex *m, struct cede__party *me)
{
        struct cede_mutex **link = &me->held;

        while (*link != m)
                link = &(*link)->next;
        drop(m, link);
}

#endif
