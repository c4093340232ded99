/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock: any number of readers at a time, or one writer.
 *
 *      static struct cede_rwlock config;       // all-zero: free, FIFO, fair
 *
 *      int r = cede_rwlock_read_lock(&config);
 *      if (r < 0)
 *              return r;                       // cancelled or out of time: not locked
 *      ...
 *      cede_rwlock_read_unlock(&config);
 *
 * Who goes first when both wait is the lock's preference.  Fair: one queue, in the lock's order; a
 * writer that waits stops those who come to read after it, and readers at the head of the queue are
 * let in together, up to the first writer.  So neither kind starves.  Readers first: they never
 * wait for a writer that only waits itself, who may starve.  Writers first: they go before readers
 * that wait, who may starve.
 *
 * Unlocking hands the lock to whoever is next at that moment, without yielding: until it runs, the
 * lock counts as held by it, and nobody passes it.
 *
 * A writer is an owner, as of a mutex: nobody else may unlock it, and if it ends without unlocking,
 * that is reported, and whoever has the lock next is told by -EOWNERDEAD.  Readers are counted and
 * not known, unless they are tracked: see cede_rwlock_set_tracking.
 *
 * A reader cannot become a writer: two that tried would wait for each other.  Unlock, lock for
 * writing, and look again.  A writer can become a reader: cede_rwlock_downgrade.
 *
 * Callbacks lock by the functions _async, and own what they write by their handle.
 * Source: Courtois, Heymans, Parnas: "Concurrent control with readers and writers" (1971).
 */
#ifndef CEDE_RWLOCK_H
#define CEDE_RWLOCK_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Who goes first. */
enum cede_preference {
        CEDE_FAIR, /* what an all-zero lock does */
        CEDE_READERS_FIRST,
        CEDE_WRITERS_FIRST,
};

/* Visible so that it can be embedded; the fields belong to sync/rwlock.c. */
struct cede_rwlock {
        uintptr_t word;         /* atomic: writer, or how many read << 3; and flags */
        struct cede__hold hold; /* in the list of what the writer holds; the writer's */
        uint8_t shared;         /* atomic: whether the lock bit may be used */
        bool tracking;          /* constant */
        bool orphaned;          /* the last writer ended holding it; under the word's lock bit */
        enum cede_preference preference;
        struct cede__waitq q;       /* under the word's lock bit */
        struct cede__waitq readers; /* likewise: those who wait to read, if not in q */
        unsigned peak;              /* likewise */
        unsigned untracked;         /* atomic: how many read untracked, where they are tracked */
        uint64_t handoffs;          /* under the word's lock bit */
        const char *name;
};

#define CEDE_RWLOCK_INIT(order)                                                                    \
        {                                                                                          \
                0, { NULL, NULL }, 0, false, false, CEDE_FAIR, CEDE__WAITQ_INIT(order),            \
                        CEDE__WAITQ_INIT(order), 0, 0, 0, NULL                                     \
        }

/* Makes `l` a free read-write lock, whose waiters stand in this order.  -EINVAL: it is none. */
CEDE_API int cede_rwlock_init(struct cede_rwlock *l, enum cede_order order) CEDE_MUST_CHECK;

/* Ends a lock's life.  Ends the program with a report if it is locked or anybody waits. */
CEDE_API void cede_rwlock_finish(struct cede_rwlock *l);

/*
 * Sets an option of a lock, before it is shared: a name for reports (kept, not copied); who goes
 * first.  -EINVAL: a preference that is none.
 */
CEDE_API void cede_rwlock_set_name(struct cede_rwlock *l, const char *name);
CEDE_API int cede_rwlock_set_preference(struct cede_rwlock *l,
                                        enum cede_preference preference) CEDE_MUST_CHECK;

/*
 * Sets whether the tasks and threads that read are tracked, before the lock is shared; off at
 * first.  For debugging: each of them costs a small allocation.  Then mistakes are told that would
 * otherwise be a hang, or damage:
 *
 *      a reader asks to write                                  -EDEADLK
 *      it reads a second time, and would have to wait, for a   -EDEADLK, and a report
 *        writer that waits for its first read to end
 *      somebody else, who does not read, unlocks               -EPERM
 *      a reader ends without unlocking                         a report, and it is unlocked
 *
 * Readers for whom there was no memory are not tracked, neither are callbacks: those who unlock
 * without being tracked may be as many.
 */
CEDE_API void cede_rwlock_set_tracking(struct cede_rwlock *l, bool on);

/*
 * Locks it for reading or for writing, waiting if need be.
 *
 * -ECANCELED  the caller is cancelled (also if it is free)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed; it is locked all the same if
 *             that needs no waiting
 * -EDEADLK    the caller writes it already; or it waits for the writer, who waits for the caller,
 *             directly or round some corners, as at a mutex (mutex.h); or it is a tracked reader
 *             that asks to write, or would wait for a writer that waits for it
 * -EOWNERDEAD it IS locked now, and a writer ended without unlocking it.  Readers learn of it until
 *             there has been another writer, who is told as well and sees to it
 */
CEDE_API int cede_rwlock_read_lock(struct cede_rwlock *l) CEDE_MUST_CHECK;
CEDE_API int cede_rwlock_write_lock(struct cede_rwlock *l) CEDE_MUST_CHECK;

/*
 * Returns the case of locking it for reading or for writing, for cede_wait_any (any.h).  The case's
 * result may say, as the locking functions do, that a writer is dead.
 */
CEDE_API struct cede_case cede_rwlock_read_case(struct cede_rwlock *l);
CEDE_API struct cede_case cede_rwlock_write_case(struct cede_rwlock *l);

/*
 * Locks it for reading or for writing if that needs no waiting, and passes nobody who waits and
 * goes before the caller.
 *
 * -EAGAIN     it is locked, or somebody waits for it
 * -EDEADLK    the caller writes it already, or it asks to write and is a tracked reader
 * -EOWNERDEAD it IS locked now, and a writer ended without unlocking it
 */
CEDE_API int cede_rwlock_try_read_lock(struct cede_rwlock *l) CEDE_MUST_CHECK;
CEDE_API int cede_rwlock_try_write_lock(struct cede_rwlock *l) CEDE_MUST_CHECK;

/*
 * Ends one reading, or the writing.  Never waits or yields.  -EPERM: nobody reads it, or the caller
 * does not, and readers are tracked; the caller does not write it.
 */
CEDE_API int cede_rwlock_read_unlock(struct cede_rwlock *l);
CEDE_API int cede_rwlock_write_unlock(struct cede_rwlock *l);

/*
 * Makes the writer a reader, in one step: nobody writes in between.  Lets those in who wait to read
 * and are next.  Never waits or yields.  -EPERM: the caller does not write it.
 */
CEDE_API int cede_rwlock_downgrade(struct cede_rwlock *l);

/*
 * Locks it for a callback, or unlocks or downgrades what a callback writes.  0 from locking: the
 * callback will be called, holding the lock, with 0 or -EOWNERDEAD.  Its reading is ended by
 * cede_rwlock_read_unlock, from anywhere.
 *
 * -EDEADLK  lock: this callback writes it already
 * -EPERM    unlock, downgrade: this callback does not write it
 */
CEDE_API int cede_rwlock_read_lock_async(struct cede_rwlock *l,
                                         struct cede_callback *callback) CEDE_MUST_CHECK;
CEDE_API int cede_rwlock_write_lock_async(struct cede_rwlock *l,
                                          struct cede_callback *owner) CEDE_MUST_CHECK;
CEDE_API int cede_rwlock_write_unlock_async(struct cede_rwlock *l, struct cede_callback *owner);
CEDE_API int cede_rwlock_downgrade_async(struct cede_rwlock *l, struct cede_callback *owner);

/*
 * Locks it, calls fn(arg), and unlocks it, whatever fn returns; fn does not unlock or downgrade it.
 * Returns fn's result, or why it was not called: -ECANCELED, -ETIMEDOUT, -EDEADLK or -EOWNERDEAD,
 * as from the locking functions; the lock is not held then.
 */
CEDE_API int cede_rwlock_read_run(struct cede_rwlock *l, int (*fn)(void *arg),
                                  void *arg) CEDE_MUST_CHECK;
CEDE_API int cede_rwlock_write_run(struct cede_rwlock *l, int (*fn)(void *arg),
                                   void *arg) CEDE_MUST_CHECK;

/* Returns how many read it now; stale when read. */
CEDE_API unsigned long cede_rwlock_reading(const struct cede_rwlock *l);

/* Returns whether anybody writes it, or the caller does.  The former is stale when read. */
CEDE_API bool cede_rwlock_written(const struct cede_rwlock *l);
CEDE_API bool cede_rwlock_owned(const struct cede_rwlock *l);

/* Returns how many parties wait for it now; stale when read. */
CEDE_API unsigned cede_rwlock_waiting(const struct cede_rwlock *l);

struct cede_rwlock_stats {
        unsigned long reading; /* how many read now */
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
        uint64_t handoffs;     /* times it was handed to a waiter */
};

/* Stores a consistent snapshot of a lock's counters. */
CEDE_API void cede_rwlock_stats(struct cede_rwlock *l, struct cede_rwlock_stats *ret_stats);

CEDE_END_DECLS

#endif
