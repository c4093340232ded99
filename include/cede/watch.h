/* SPDX-License-Identifier: MIT */
/*
 * Watch: a value that changes, and any number of readers who want to know its latest state.
 *
 *      static struct settings first = { .level = 1 };
 *      static struct cede_watch settings = CEDE_WATCH_INIT(&first, CEDE_FIFO);
 *
 *      cede_watch_set(&settings, &changed);            // copied; wakes all who wait for a change
 *
 *      struct settings now;
 *      uint64_t seen = cede_watch_get(&settings, &now);        // in each reader
 *      for (;;) {
 *              apply(&now);
 *              r = cede_watch_wait(&settings, seen);   // until it is no longer that one
 *              if (r < 0)
 *                      return r;                       // -EPIPE: closed, and `now` is the last one
 *              seen = cede_watch_get(&settings, &now);
 *      }
 *
 * Each value has a version: 0 is the first one, and every set makes the next.  A reader that is
 * slower than the writers misses values in between, but never the last one: its wait returns at
 * once if there is a newer value than the one it has seen, also after the watch was closed.  Where
 * every reader must see every value, give each a queue (queue.h) and put into all.
 *
 * Setting wakes all who wait at that moment, even if they are cancelled before they run: the wait
 * has returned 0 then.  It never waits for readers.
 *
 * The value is copied in and out under a lock that is held for no longer than that, so that nobody
 * reads half of it.  Keep it small: of something big, watch the address.
 *
 * Source: tokio's watch channel.
 */
#ifndef CEDE_WATCH_H
#define CEDE_WATCH_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Visible so that it can be embedded; the fields belong to sync/watch.c. */
struct cede_watch {
        uintptr_t word;       /* atomic: closed << 1 | locked by the library */
        struct cede__waitq q; /* under the word's lock bit, like the version and the value */
        uint64_t version;
        void *value;
        size_t size;
        const char *name;
};

/*
 * A static initialiser: *value is the first value, and the memory for those that follow.  An
 * all-zero watch is valid: it has no value, only versions.
 */
#define CEDE_WATCH_INIT(value, order)                                                              \
        {                                                                                          \
                0, CEDE__WAITQ_INIT(order), 0, (value), sizeof(*(value)), NULL                     \
        }

/*
 * Makes `w` a watch of a value of `size` bytes, whose waiters become ready in this order.  `value`
 * is the first one; its memory is the watch's from now on.  -EINVAL: a size, but no value, or the
 * order is none.
 */
CEDE_API int cede_watch_init(struct cede_watch *w, void *value, size_t size,
                             enum cede_order order) CEDE_MUST_CHECK;

/* Ends a watch's life.  Ends the program with a report if anybody waits for a change. */
CEDE_API void cede_watch_finish(struct cede_watch *w);

/* Names a watch, for reports.  The name is kept, not copied. */
CEDE_API void cede_watch_set_name(struct cede_watch *w, const char *name);

/*
 * Copies a new value into a watch, and wakes all who wait for a change; `value` may be NULL if the
 * size is 0.  Never waits or yields; from any thread.
 * -EPIPE: it is closed; nothing was changed.  -EINVAL: no value, and the size is not 0.
 */
CEDE_API int cede_watch_set(struct cede_watch *w, const void *value) CEDE_MUST_CHECK;

/* Stores a copy of the latest value, unless `ret_value` is NULL, and returns its version. */
CEDE_API uint64_t cede_watch_get(struct cede_watch *w, void *ret_value);

/*
 * Closes a watch: there will be no more changes, and all who wait for one get -EPIPE.  The last
 * value can still be read.  Closing again does nothing.
 */
CEDE_API void cede_watch_close(struct cede_watch *w);

/*
 * Waits until the version is a newer one than `seen`.  0 says that it is, and cede_watch_get reads
 * it, or one that is newer still.
 *
 * -EPIPE      it is closed, and `seen` is the last one
 * -ECANCELED  the caller is cancelled (also if there is a newer one)
 * -ETIMEDOUT  the deadline of the caller's innermost scope has passed, and there is no newer one
 * -EINVAL     `seen` is a version that there has never been
 */
CEDE_API int cede_watch_wait(struct cede_watch *w, uint64_t seen) CEDE_MUST_CHECK;

/*
 * Waits for a newer version with a callback.  0: it will be called, from its loop, with 0 or
 * -EPIPE.
 * -EPIPE: it will not, since the watch is closed, and `seen` is the last one.  -EINVAL: `seen` is a
 * version that there has never been.
 */
CEDE_API int cede_watch_wait_async(struct cede_watch *w, uint64_t seen,
                                   struct cede_callback *callback) CEDE_MUST_CHECK;

/*
 * Returns the case that there is a newer version than `seen`, for cede_wait_any (any.h).  The
 * case's result is what cede_watch_wait would have returned: it tells whether the watch was closed
 * instead.
 */
CEDE_API struct cede_case cede_watch_case(struct cede_watch *w, uint64_t seen);

/* Returns whether a watch is closed. */
CEDE_API bool cede_watch_is_closed(const struct cede_watch *w);

/* Returns how many parties wait for a change now; stale when read. */
CEDE_API unsigned cede_watch_waiting(const struct cede_watch *w);

struct cede_watch_stats {
        uint64_t version;      /* of the latest value */
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of a watch's counters. */
CEDE_API void cede_watch_stats(struct cede_watch *w, struct cede_watch_stats *ret_stats);

CEDE_END_DECLS

#endif
