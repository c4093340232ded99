/* SPDX-License-Identifier: MIT */
/* Between the files of the read-write lock. */
#ifndef CEDE_SYNC_RWLOCK_H
#define CEDE_SYNC_RWLOCK_H

#include "wait/wait.h"
#include <cede/rwlock.h>

/* Of the word (rwlock.c), and of a waiter's `need`. */
enum { LOCKED = 1, CLOSED = 2, READING = 4, FLAGS = LOCKED | CLOSED | READING, ONE = 8 };
enum { ONE_READER = READING | ONE };
enum { READ, WRITE };
enum { SHARING = 1, SHARED };

/* A word as it would be without waiters: 0, a writer, or readers. */
static inline bool is_read(uintptr_t state)
{
        return state & READING;
}

static inline uintptr_t one_more(uintptr_t state)
{
        return (state | READING) + ONE;
}

static inline uintptr_t one_less(uintptr_t state)
{
        return state - ONE > FLAGS ? state - ONE : 0;
}

static inline uintptr_t word_of(const struct cede_rwlock *l)
{
        return __atomic_load_n(&l->word, __ATOMIC_RELAXED);
}

static inline struct cede__party *writer(const struct cede_rwlock *l)
{
        uintptr_t word = word_of(l);

        return is_read(word) ? NULL : (struct cede__party *)(word & ~(uintptr_t)FLAGS);
}

/*
 * Queues a waiter that needs READ or WRITE.  1: it did not have to wait, and has claimed its wait,
 * which has this result; 0: it is queued; -errno: neither.
 */
int cede__rwlock_enter(struct cede_rwlock *l, long need, struct cede__party *me,
                       struct cede__waiter *w, const void *site, int *ret_result);

/* The call is about to return this result: from now on the caller holds the lock. */
int cede__rwlock_entered(struct cede_rwlock *l, struct cede__party *me, long need, int result);

/* The writer leaves it in this state, 0 or read once. */
void cede__rwlock_write_until(struct cede_rwlock *l, struct cede__party *me, uintptr_t state);

/* Ends a reading that is not tracked, or no longer.  False: nobody reads it. */
bool cede__rwlock_end_reading(struct cede_rwlock *l);

/* rwlock_tracking.c: whether the caller, who is this party, is a tracked reader. */
bool cede__rwlock_reads(const struct cede_rwlock *l, const struct cede__party *me);

/* It reads once more. */
void cede__rwlock_track(struct cede_rwlock *l, struct cede__party *me);
void cede__rwlock_track_nobody(struct cede_rwlock *l);

/* It ends a reading.  False: it has none to end. */
bool cede__rwlock_untrack(struct cede_rwlock *l, struct cede__party *me);

/* A tracked reader would wait for a writer that waits for it; or who holds the lock ends. */
void cede__rwlock_report_recursion(const struct cede_rwlock *l, const struct cede__party *me,
                                   const void *site);
void cede__rwlock_report_end(const struct cede_rwlock *l, const struct cede__party *me,
                             const char *what);

#endif
