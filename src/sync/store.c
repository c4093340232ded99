/* SPDX-License-Identifier: MIT */
/*
 * The heap's entries carry the priority and a serial number in front of the item.  An entry goes
 * before its two children, at 2i + 1 and 2i + 2 (J. W. J. Williams, "Algorithm 232: Heapsort",
 * 1964); with the serial number no two are equal, so equal priorities leave in order of arrival.
 */
#include "sync/store.h"

/* In front of an item in the heap.  A multiple of 16 bytes, so that items are aligned. */
struct rank {
        uint64_t serial;
        int64_t priority;
};

enum { ALIGNMENT = 16 };

bool cede__store_order_valid(enum cede_order order)
{
        return order == CEDE_FIFO || order == CEDE_LIFO || order == CEDE_PRIORITY;
}

size_t cede__store_entry_size(const struct cede__store *s)
{
        if (s->order != CEDE_PRIORITY)
                return s->item_size;
        return sizeof(struct rank) + (s->item_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static char *entry(const struct cede__store *s, size_t i)
{
        return s->memory + i * cede__store_entry_size(s);
}

static bool before(const struct rank *a, const struct rank *b)
{
        return a->priority != b->priority ? a->priority > b->priority : a->serial < b->serial;
}

static struct rank rank_of(const struct cede__store *s, size_t i)
{
        struct rank rank;

        memcpy(&rank, entry(s, i), sizeof(rank));
        return rank;
}

static void heap_move(const struct cede__store *s, size_t to, size_t from)
{
        if (to != from)
                memcpy(entry(s, to), entry(s, from), cede__store_entry_size(s));
}

/* The place that is free moves up until what is above it goes before the newcomer. */
static void heap_add(struct cede__store *s, const void *item, int priority)
{
        struct rank mine = { s->serial++, priority };
        size_t i = s->count;

        while (i > 0) {
                size_t parent = (i - 1) / 2;
                struct rank above = rank_of(s, parent);

                if (before(&above, &mine))
                        break;
                heap_move(s, i, parent);
                i = parent;
        }
        memcpy(entry(s, i), &mine, sizeof(mine));
        cede__item_copy(entry(s, i) + sizeof(mine), item, s->item_size);
}

/* The place that is free moves down from the top until the last entry may stand there. */
static void heap_remove(struct cede__store *s)
{
        size_t last = s->count - 1, i = 0;
        struct rank mine = rank_of(s, last);

        for (size_t child = 1; child < last; child = 2 * i + 1) {
                struct rank below = rank_of(s, child);

                if (child + 1 < last) {
                        struct rank other = rank_of(s, child + 1);

                        if (before(&other, &below)) {
                                below = other;
                                child++;
                        }
                }
                if (before(&mine, &below))
                        break;
                heap_move(s, i, child);
                i = child;
        }
        heap_move(s, i, last);
}

void *cede__store_head(const struct cede__store *s)
{
        switch (s->order) {
        case CEDE_PRIORITY:
                return entry(s, 0) + sizeof(struct rank);
        case CEDE_LIFO:
                return entry(s, s->count - 1);
        default:
                return entry(s, s->first);
        }
}

void cede__store_add(struct cede__store *s, const void *item, int priority)
{
        if (s->order == CEDE_PRIORITY) {
                heap_add(s, item, priority);
        } else {
                size_t left = s->room - s->first; /* LIFO: first is 0 */
                size_t i = s->count < left ? s->first + s->count : s->count - left;

                cede__item_copy(entry(s, i), item, s->item_size);
        }
        cede__store_count(s, s->count + 1);
}

void cede__store_remove(struct cede__store *s)
{
        if (s->order == CEDE_PRIORITY)
                heap_remove(s);
        else if (s->order == CEDE_FIFO)
                s->first = s->first + 1 == s->room ? 0 : s->first + 1;
        cede__store_count(s, s->count - 1);
}

void *cede__store_move(struct cede__store *s, void *memory, size_t room)
{
        size_t size = cede__store_entry_size(s), to_end = s->room - s->first;
        size_t straight = s->count < to_end ? s->count : to_end;
        void *old = s->memory;

        if (s->count && size) {
                memcpy(memory, entry(s, s->first), straight * size);
                memcpy((char *)memory + straight * size, s->memory, (s->count - straight) * size);
        }
        s->memory = memory;
        s->room = room;
        s->first = 0;
        return old;
}
