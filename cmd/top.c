/* SPDX-License-Identifier: MIT */
/*
 * The N largest directories: a binary heap, the smallest at its root.  A path is put together only
 * for a directory that gets in, or ties with the smallest.
 */
#include "explore.h"
#include "place.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether a comes after b in the list.  Equal sizes go by path, so that the list is the same on
 * every run. */
static bool below(const struct top_entry *a, const struct top_entry *b)
{
        return a->bytes != b->bytes ? a->bytes < b->bytes : strcmp(a->path, b->path) > 0;
}

static void swap(struct top_entry *a, struct top_entry *b)
{
        struct top_entry c = *a;

        *a = *b;
        *b = c;
}

static void sift_up(struct top_entry *e, unsigned i)
{
        for (; i && below(&e[i], &e[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&e[i], &e[(i - 1) / 2]);
}

static void sift_down(struct top_entry *e, unsigned count)
{
        for (unsigned i = 0, child; (child = 2 * i + 1) < count; i = child) {
                if (child + 1 < count && below(&e[child + 1], &e[child]))
                        child++;
                if (!below(&e[child], &e[i]))
                        return;
                swap(&e[child], &e[i]);
        }
}

/* The array doubles: a large N costs nothing in a small tree. */
static int make_room(struct top *t)
{
        struct top_entry *larger;

        if (t->count & (t->count - 1)) /* not a power of two: there is room */
                return 0;
        larger = realloc(t->entries, (t->count ? t->count * 2 : 1) * sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        t->entries = larger;
        return 0;
}

int top_offer(struct top *t, uint64_t bytes, const struct place *place)
{
        struct top_entry entry = { .bytes = bytes };

        if (t->max == 0 || (t->count == t->max && bytes < t->entries[0].bytes))
                return 0;
        entry.path = place_text(place);
        if (!entry.path || (t->count < t->max && make_room(t) < 0)) {
                free(entry.path);
                return -ENOMEM;
        }
        if (t->count < t->max) {
                t->entries[t->count] = entry;
                sift_up(t->entries, t->count++);
        } else if (below(&t->entries[0], &entry)) {
                free(t->entries[0].path);
                t->entries[0] = entry;
                sift_down(t->entries, t->count);
        } else {
                free(entry.path);
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        return below(a, b) ? 1 : below(b, a) ? -1 : 0;
}

void top_sort(struct top *t)
{
        if (t->count)
                qsort(t->entries, t->count, sizeof(*t->entries), compare);
}

void top_finish(struct top *t)
{
        for (unsigned i = 0; i < t->count; i++)
                free(t->entries[i].path);
        free(t->entries);
        t->entries = NULL;
        t->count = 0;
}
