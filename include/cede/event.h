/* SPDX-License-Identifier: MIT */
/*
 * Event: something that has happened, or has not yet.  Once set, nobody waits.
 *
 *      static struct cede_event ready;         // all-zero: not set
 *
 *      r = cede_event_wait(&ready);            // in any number of tasks and threads
 *      cede_event_set(&ready);                 // wakes all of them, now and in future
 *
 * Setting wakes all that wait at that moment, even if it is cleared before they run, and even if
 * they are cancelled before: the wait has returned 0 then.
 */
#ifndef CEDE_EVENT_H
#define CEDE_EVENT_H

#include <cede/base.h>
#include <cede/internal.h>
#include <cede/order.h>

CEDE_BEGIN_DECLS

struct cede_callback;
struct cede_case;

/* Visible so that it can be embedded; the fields belong to sync/event.c. */
struct cede_event {
        uintptr_t word; /* atomic: set << 1 | locked by the library */
        struct cede__waitq q;
        const char *name;
};

#define CEDE_EVENT_INIT(order)                                                                     \
        {                                                                                          \
                0, CEDE__WAITQ_INIT(order), NULL                                                   \
        }

/*
 * Makes `e` an event that is not set, whose waiters become ready in this order.  -EINVAL: the order
 * is none.
 */
CEDE_API int cede_event_init(struct cede_event *e, enum cede_order order) CEDE_MUST_CHECK;

/* Ends an event's life.  Ends the program with a report if anybody waits. */
CEDE_API void cede_event_finish(struct cede_event *e);

/* Names an event, for reports.  The name is kept, not copied. */
CEDE_API void cede_event_set_name(struct cede_event *e, const char *name);

/*
 * Waits until an event is set.  -ECANCELED: the caller is cancelled (also if it is set);
 * -ETIMEDOUT: the deadline of its innermost scope has passed, and it is not set.
 */
CEDE_API int cede_event_wait(struct cede_event *e) CEDE_MUST_CHECK;

/* Waits for an event with a callback.  0: it will be called, from its loop, with result 0. */
CEDE_API int cede_event_wait_async(struct cede_event *e,
                                   struct cede_callback *callback) CEDE_MUST_CHECK;

/* Returns the case that an event is set, for cede_wait_any (any.h). */
CEDE_API struct cede_case cede_event_case(struct cede_event *e);

/*
 * Sets an event and wakes all who wait for it, or clears it.  Neither waits or yields; from any
 * thread.  Setting one that is set, or clearing one that is not, does nothing.
 */
CEDE_API void cede_event_set(struct cede_event *e);
CEDE_API void cede_event_clear(struct cede_event *e);

/* Returns whether an event is set. */
CEDE_API bool cede_event_is_set(const struct cede_event *e);

/* Returns how many parties wait for an event now; stale when read. */
CEDE_API unsigned cede_event_waiting(const struct cede_event *e);

struct cede_event_stats {
        unsigned waiting;      /* parties waiting now */
        unsigned peak_waiting; /* the most that ever waited at a time */
};

/* Stores a consistent snapshot of an event's counters. */
CEDE_API void cede_event_stats(struct cede_event *e, struct cede_event_stats *ret_stats);

CEDE_END_DECLS

#endif
