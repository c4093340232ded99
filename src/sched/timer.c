/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"
#include "base/chooser.h"
#include <cede/base.h>

/* Beyond this many timers in one slot the exact next deadline is not worth a search. */
enum { SEARCH_MAX = 32 };

void cede__timers_init(struct cede__timers *timers, int64_t now)
{
        timers->last = now;
        timers->count = 0;
        for (int level = 0; level < CEDE__TIMER_LEVELS; level++) {
                timers->used[level] = 0;
                for (int slot = 0; slot < CEDE__TIMER_SLOTS; slot++)
                        cede__list_init(&timers->slots[level][slot]);
        }
}

static int level_of(int64_t last, int64_t at)
{
        uint64_t differ = (uint64_t)last ^ (uint64_t)at;

        return differ ? (63 - __builtin_clzll(differ)) / CEDE__TIMER_BITS : 0;
}

static void place(struct cede__timers *timers, struct cede__timer *t)
{
        int level = level_of(timers->last, t->at);
        unsigned slot = (uint64_t)t->at >> (level * CEDE__TIMER_BITS) & (CEDE__TIMER_SLOTS - 1);

        timers->used[level] |= UINT64_C(1) << slot;
        cede__list_insert(&timers->slots[level][slot], &t->link);
}

void cede__timer_set(struct cede__timers *timers, struct cede__timer *t, int64_t at)
{
        t->at = at > timers->last ? at : timers->last;
        timers->count++;
        place(timers, t);
}

static void take_out(struct cede__timers *timers, struct cede__timer *t)
{
        cede__list_remove(&t->link);
        t->link.next = NULL;
        timers->count--;
}

void cede__timer_cancel(struct cede__timers *timers, struct cede__timer *t)
{
        take_out(timers, t);
}

/* The slot that comes first: its list, its level, and the earliest time it can hold. */
static struct cede__list *first_slot(struct cede__timers *timers, int *ret_level,
                                     int64_t *ret_start)
{
        for (int level = 0; level < CEDE__TIMER_LEVELS; level++) {
                while (timers->used[level]) {
                        unsigned slot = (unsigned)__builtin_ctzll(timers->used[level]);
                        struct cede__list *list = &timers->slots[level][slot];
                        int shift = level * CEDE__TIMER_BITS;
                        uint64_t above = shift + CEDE__TIMER_BITS < 64 ?
                                                 ~UINT64_C(0) << (shift + CEDE__TIMER_BITS) :
                                                 0;

                        if (cede__list_empty(list)) {
                                timers->used[level] &= ~(UINT64_C(1) << slot);
                                continue;
                        }
                        *ret_level = level;
                        *ret_start = (int64_t)(((uint64_t)timers->last & above) | (uint64_t)slot
                                                                                          << shift);
                        return list;
                }
        }
        return NULL;
}

/*
 * Lets time run to the first slot that holds timers of one instant, but not beyond `limit`, moving
 * timers down on the way.  That slot's list, NULL if it is later than that or there is none.
 */
static struct cede__list *advance(struct cede__timers *timers, int64_t limit)
{
        struct cede__list *list, moving;
        int64_t start;
        int level;

        while ((list = first_slot(timers, &level, &start))) {
                if (start > limit)
                        return NULL;
                timers->last = start;
                if (level == 0)
                        return list;
                cede__list_init(&moving);
                cede__list_splice(&moving, list);
                while (!cede__list_empty(&moving)) {
                        struct cede__timer *t =
                                cede__container_of(moving.next, struct cede__timer, link);

                        cede__list_remove(&t->link);
                        place(timers, t);
                }
        }
        return NULL;
}

static struct cede__timer *choose(struct cede__list *instant)
{
        struct cede__list *link = instant->next;

        if (cede__unlikely(cede__chooser != NULL)) {
                unsigned n = 0;

                cede__list_for_each(l, instant)
                        n++;
                if (n > 1)
                        n = cede__chooser->choose(cede__chooser, CEDE__CHOOSE_TIMER, n);
                else
                        n = 0;
                while (n-- > 0)
                        link = link->next;
        }
        return cede__container_of(link, struct cede__timer, link);
}

void cede__timers_fire(struct cede__timers *timers, int64_t now)
{
        struct cede__list *instant;

        while ((instant = advance(timers, now))) {
                struct cede__timer *t = choose(instant);

                take_out(timers, t);
                t->fire(t);
        }
        if (timers->last < now)
                timers->last = now;
}

int64_t cede__timers_next(struct cede__timers *timers)
{
        int64_t start, earliest = CEDE_NEVER;
        int level, searched = 0;
        struct cede__list *list = first_slot(timers, &level, &start);

        if (!list)
                return CEDE_NEVER;
        cede__list_for_each(link, list) {
                const struct cede__timer *t = cede__container_of(link, struct cede__timer, link);

                if (++searched > SEARCH_MAX)
                        return start;
                if (t->at < earliest)
                        earliest = t->at;
        }
        return earliest;
}

int64_t cede__timers_jump(struct cede__timers *timers)
{
        return advance(timers, CEDE_NEVER) ? timers->last : CEDE_NEVER;
}
