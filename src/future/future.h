/* SPDX-License-Identifier: MIT */
/*
 * What the files of this layer share about a future.
 *
 * The word has a lock bit, under which the queue is, and flags.  DONE is set in the same step that
 * takes all waiters out; value, error and site are written before it and never after, so whoever
 * has seen DONE reads them without the lock.
 */
#ifndef CEDE_FUTURE_FUTURE_H
#define CEDE_FUTURE_FUTURE_H

#include "base/spin.h"
#include <cede/future.h>
#include <stdbool.h>

enum {
        CEDE__FUTURE_LOCKED = 1,
        CEDE__FUTURE_DONE = 2,
        CEDE__FUTURE_SEEN = 4,    /* nobody needs to be told of its error any more */
        CEDE__FUTURE_STOPPED = 8, /* the canceller was called, or is about to be */
        CEDE__FUTURE_LATE = 16,   /* -ECANCELED becomes -ETIMEDOUT */
};

/* What stands behind a future that does not stand for itself. */
struct cede__future_kind {
        /*
         * Begins to end it, unless it is done.  If that means to cancel another future, returns it,
         * with a reference.
         */
        struct cede_future *(*cancel)(struct cede_future *f);
};

/* Returns the flags. */
static inline uintptr_t cede__future_lock(struct cede_future *f)
{
        return cede__spin_lock(&f->word, CEDE__FUTURE_LOCKED);
}

static inline void cede__future_unlock(struct cede_future *f, uintptr_t flags)
{
        cede__spin_unlock(&f->word, flags);
}

/* Pairs with the release in settle. */
static inline bool cede__future_done(const struct cede_future *f)
{
        return __atomic_load_n(&f->word, __ATOMIC_ACQUIRE) & CEDE__FUTURE_DONE;
}

/* Memory of this size that begins with a counted future; NULL: none. */
void *cede__future_make(size_t size, const struct cede__future_kind *kind);

/* Makes it done, with a value (error 0) or an error.  -EALREADY: it is. */
int cede__future_settle(struct cede_future *f, void *value, int error, const void *site);

/* Of one that is done: its error or 0, which counts as looked at; and the value (not if NULL). */
int cede__future_take(struct cede_future *f, void **ret_value);

/* Waits until it is done, whatever with.  0, -ECANCELED, -ETIMEDOUT. */
int cede__future_wait(struct cede_future *f, const void *site);

/* The same for a callback. */
void cede__future_wait_async(struct cede_future *f, struct cede_callback *callback,
                             const void *site);

/* report.c: it goes, and nobody has looked at its error. */
void cede__future_report(const struct cede_future *f);

#endif
