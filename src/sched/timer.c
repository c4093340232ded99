/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"
#include "base/chooser.h"
#include "base/compiler.h"
#include <cede/base.h>
#include <string.h>

/* Beyond this many timers in one slot the exact next deadline is not worth a search. */
enum { SEARCH_MAX = 32 };

/* Fewer timers than this are in the cache; and so many of one list are touched at most. */
enum { MANY = 1000 };

/*
 * Whom a timer is for lies before it: so much of a task's record, or of a callback, is touched when
 * it fires.
 */
enum { HOT_BEFORE = 152 };

void cede__timers_init(struct cede__timers *timers, int64_t now)
{
        timers->last = timers->touched = now;
        timers->count = 0;
        memset(timers->words, 0, sizeof(timers->words));
        memset(timers->used, 0, sizeof(timers->used));
}

/* A level's lowest bit of the deadline, its first slot, and how many it has. */
static inline int shift_of(int level)
{
        return 6 * (level <= CEDE__TIMER_WIDE ? level : level + 1);
}

static inline unsigned base_of(int level)
{
        return 64 * (unsigned)(level <= CEDE__TIMER_WIDE ? level : level - 1 + 64);
}

static inline unsigned slots_of(int level)
{
        return level == CEDE__TIMER_WIDE ? 64 * 64 : 64;
}

static inline int level_of(int64_t last, int64_t at)
{
        uint64_t differ = (uint64_t)last ^ (uint64_t)at;
        int digit = differ ? (63 - __builtin_clzll(differ)) / 6 : 0;

        return digit <= CEDE__TIMER_WIDE ? digit : digit - 1;
}

static inline void place(struct cede__timers *timers, struct cede__timer *t)
{
        int level = level_of(timers->last, t->at);
        unsigned slot = (unsigned)((uint64_t)t->at >> shift_of(level)) & (slots_of(level) - 1);
        struct cede__list *list = &timers->slots[base_of(level) + slot];
        uint64_t *used = &timers->used[base_of(level) / 64 + slot / 64];

        if (!(*used >> slot % 64 & 1)) {
                cede__list_init(list);
                *used |= UINT64_C(1) << slot % 64;
                timers->words[level] |= UINT64_C(1) << slot / 64;
        }
        cede__list_insert(list, &t->link);
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

/* The level's first slot that holds timers, from `slot` on; how many it has if there is none. */
static unsigned next_slot(struct cede__timers *timers, int level, unsigned slot)
{
        uint64_t from = ~UINT64_C(0) << slot / 64, words;

        while ((words = timers->words[level] & from)) {
                unsigned word = (unsigned)__builtin_ctzll(words);
                uint64_t *used = &timers->used[base_of(level) / 64 + word], bits = *used;

                if (word == slot / 64)
                        bits &= ~UINT64_C(0) << slot % 64;
                if (!bits) {
                        if (!*used)
                                timers->words[level] &= ~(UINT64_C(1) << word);
                        from &= ~(UINT64_C(1) << word);
                        continue;
                }
                slot = word * 64 + (unsigned)__builtin_ctzll(bits);
                if (!cede__list_empty(&timers->slots[base_of(level) + slot]))
                        return slot;
                *used &= ~(UINT64_C(1) << slot % 64);
        }
        return slots_of(level);
}

/* The slot that comes first: its list, its level, and the earliest time it can hold. */
static struct cede__list *first_slot(struct cede__timers *timers, int *ret_level,
                                     int64_t *ret_start)
{
        for (int level = 0; level < CEDE__TIMER_LEVELS; level++) {
                unsigned slot = next_slot(timers, level, 0);
                uint64_t below = (uint64_t)slots_of(level) << shift_of(level);

                if (slot == slots_of(level))
                        continue;
                *ret_level = level;
                *ret_start = (int64_t)(((uint64_t)timers->last & ~(below - 1)) |
                                       (uint64_t)slot << shift_of(level));
                return &timers->slots[base_of(level) + slot];
        }
        return NULL;
}

/* Reads the timers of this slot of the wide level and of those after it, list beside list. */
static CEDE__NOINLINE void touch_ahead(struct cede__timers *timers, const struct cede__list *list)
{
        const struct cede__list *slots = &timers->slots[base_of(CEDE__TIMER_WIDE)];
        const struct cede__list *heads[CEDE__TIMER_LISTS], *links[CEDE__TIMER_LISTS];
        unsigned first = (unsigned)(list - slots), slot = first, lists = 0, left;

        while (lists < CEDE__TIMER_LISTS && slot < slots_of(CEDE__TIMER_WIDE)) {
                heads[lists] = links[lists] = &slots[slot];
                lists++;
                if (++slot < slots_of(CEDE__TIMER_WIDE))
                        slot = next_slot(timers, CEDE__TIMER_WIDE, slot);
        }
        timers->touched = timers->last + ((int64_t)(slot - first) << shift_of(CEDE__TIMER_WIDE));
        left = lists;
        for (unsigned n = 0; left && n < MANY; n++)
                for (unsigned i = 0; i < lists; i++) {
                        if (!links[i])
                                continue;
                        links[i] = links[i]->next;
                        if (links[i] == heads[i]) {
                                links[i] = NULL;
                                left--;
                        }
                }
}

static void move_down(struct cede__timers *timers, struct cede__list *list, int level)
{
        struct cede__list *link = list->next;

        list->prev->next = NULL;
        cede__list_init(list);
        while (link) {
                struct cede__timer *t = cede__container_of(link, struct cede__timer, link);

                link = link->next;
                place(timers, t);
                if (level <= CEDE__TIMER_WIDE)
                        cede__prefetch(t, -(ptrdiff_t)HOT_BEFORE, HOT_BEFORE);
        }
}

/*
 * Lets time run to the first slot that holds timers of one instant, but not beyond `limit`, moving
 * timers down on the way.  That slot's list, NULL if it is later than that or there is none.
 */
static struct cede__list *advance(struct cede__timers *timers, int64_t limit)
{
        struct cede__list *list;
        int64_t start;
        int level;

        while ((list = first_slot(timers, &level, &start))) {
                const struct cede__timer *t =
                        cede__container_of(list->next, struct cede__timer, link);

                if (start > limit)
                        return NULL;
                timers->last = start;
                if (level == 0)
                        return list;
                if (t->link.next == list && t->at <= limit)
                        timers->last = t->at; /* it is alone: nothing comes before it */
                if (level == CEDE__TIMER_WIDE && timers->count > MANY && start >= timers->touched)
                        touch_ahead(timers, list);
                move_down(timers, list, level);
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
