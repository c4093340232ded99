/* SPDX-License-Identifier: MIT */
/*
 * The items of a queue: in a ring (FIFO), a stack (LIFO), or a binary heap (PRIORITY).
 *
 * They lie in one piece of memory, `room` entries long, which only grows.  Nothing here allocates:
 * whoever adds has seen to it that there is room.  There is no lock either; it is the queue's.
 */
#ifndef CEDE_SYNC_STORE_H
#define CEDE_SYNC_STORE_H

#include "base/compiler.h"
#include <cede/queue.h>
#include <string.h>

static inline void cede__item_copy(void *to, const void *from, size_t size)
{
        if (cede__likely(size == sizeof(uint64_t)))
                memcpy(to, from, sizeof(uint64_t)); /* no call */
        else if (size)
                memcpy(to, from, size);
}

/* Written under the queue's lock, read by anybody for reports, and by threads before they wait. */
static inline void cede__store_count(struct cede__store *s, size_t count)
{
        __atomic_store_n(&s->count, count, __ATOMIC_RELAXED);
}

bool cede__store_order_valid(enum cede_order order);

/* How many bytes an entry takes. */
size_t cede__store_entry_size(const struct cede__store *s);

/* The item that goes next, where it lies; there is one. */
void *cede__store_head(const struct cede__store *s);

/* Adds a copy of an item; there is room. */
void cede__store_add(struct cede__store *s, const void *item, int priority);

/* Removes the item that goes next. */
void cede__store_remove(struct cede__store *s);

/* Moves to larger memory; returns the old one, for the caller to free. */
void *cede__store_move(struct cede__store *s, void *memory, size_t room);

/* Quick ways for what most queues are: FIFO, items of eight bytes. */

static inline void cede__store_add_word(struct cede__store *s, const void *item)
{
        size_t end = s->first + s->count;

        if (end >= s->room)
                end -= s->room;
        memcpy(s->memory + end * sizeof(uint64_t), item, sizeof(uint64_t));
        cede__store_count(s, s->count + 1);
}

static inline void cede__store_take_word(struct cede__store *s, void *ret_item)
{
        memcpy(ret_item, s->memory + s->first * sizeof(uint64_t), sizeof(uint64_t));
        s->first = s->first + 1 == s->room ? 0 : s->first + 1;
        cede__store_count(s, s->count - 1);
}

#endif
