/* SPDX-License-Identifier: MIT */
/*
 * Timers: a hierarchical wheel with nanosecond keys, exact and O(1).
 *
 * A deadline is read as digits of six bits, and each level has a slot for every value of one
 * digit; but the digits 3 and 4 are one level, of 4096 slots of a quarter of a millisecond.  A
 * timer stands on the lowest level from which on its deadline agrees with `last`, the time up to
 * which all has fired:
 *
 *      last  = 0 0 5 17 3        (in base 64)
 *      timer = 0 0 5 20 9   ->   level 1, slot 20
 *
 * When time enters slot 20 of level 1, its timers move down a level, or one that is alone to the
 * last.  A timer moves at most nine times, mostly one to three, and never is compared with
 * another one. (Varghese, Lauck: "Hashed and hierarchical timing wheels", 1987; here without
 * rounding, so close to the radix heap of Ahuja, Mehlhorn, Orlin and Tarjan, 1990.)
 *
 * Of very many timers each move is a miss of the cache and the TLB, and a list makes the
 * processor wait for them one by one.  So the wide level is where most timers are first put: from
 * it they move into slots of a few, still in the cache.  And before that the lists of the next
 * CEDE__TIMER_LISTS slots there are walked side by side, which only reads them.
 *
 * Order: by deadline, among equals by time of insertion: a list is moved down in its order, into
 * slots that are empty at that moment, and later timers go to the tail.
 *
 * A wheel belongs to one loop.  Nothing is allocated; struct cede__timer is public, as scopes embed
 * it.
 */
#ifndef CEDE_SCHED_TIMER_H
#define CEDE_SCHED_TIMER_H

#include "base/list.h"

enum {
        CEDE__TIMER_LEVELS = 10,
        CEDE__TIMER_WIDE = 3, /* the level of two digits */
        CEDE__TIMER_SLOTS = (CEDE__TIMER_LEVELS - 1) * 64 + 64 * 64,
        CEDE__TIMER_LISTS = 8,
};

struct cede__timers {
        int64_t last;                       /* no timer is earlier */
        size_t count;                       /* of timers set */
        int64_t touched;                    /* to where the lists of the wide level were read */
        uint64_t words[CEDE__TIMER_LEVELS]; /* bit per word of `used`; may be set though it is 0 */
        uint64_t used[CEDE__TIMER_SLOTS / 64]; /* bit per slot; may be set though it is empty */
        struct cede__list slots[CEDE__TIMER_SLOTS]; /* lists where the bit is set, else anything */
};

void cede__timers_init(struct cede__timers *timers, int64_t now);

/* t->fire(t) will be called once, with the timer removed, when time reaches `at`. */
void cede__timer_set(struct cede__timers *timers, struct cede__timer *t, int64_t at);

/* Removes a timer that is set. */
void cede__timer_cancel(struct cede__timers *timers, struct cede__timer *t);

/* Whether the timer is set; all-zero: no. */
static inline bool cede__timer_is_set(const struct cede__timer *t)
{
        return t->link.next != NULL;
}

/* Fires all that are due at `now`, in order. */
void cede__timers_fire(struct cede__timers *timers, int64_t now);

/*
 * When to look again: never later than the earliest timer, and at that very time unless many timers
 * stand close together far away.  CEDE_NEVER without timers.
 */
int64_t cede__timers_next(struct cede__timers *timers);

/* The earliest timer's deadline, exactly.  Nothing must be set before that time any more. */
int64_t cede__timers_jump(struct cede__timers *timers);

#endif
