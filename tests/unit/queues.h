/* SPDX-License-Identifier: MIT */
/* What the tests of queues share: one queue of numbers, and tasks that say what they got. */
#ifndef QUEUES_H
#define QUEUES_H

#include "base/prng.h"
#include "log.h"
#include "task/task.h"
#include <stdlib.h>

static struct cede_queue q;

static inline void make(size_t capacity, enum cede_order item_order)
{
        EXPECT_EQ(cede_queue_init(&q, sizeof(long), capacity, item_order), 0);
}

static inline void put(long item)
{
        EXPECT_EQ(cede_queue_put(&q, &item), 0);
}

static inline long get(void)
{
        long item = -1;

        EXPECT_EQ(cede_queue_get(&q, &item), 0);
        return item;
}

/* Tasks. */

static inline const char *outcome(int r)
{
        return r == -EPIPE ? "closed" : word(r);
}

static inline int get_it(void *name)
{
        long item = -1;
        int r = cede_queue_get(&q, &item);

        if (r < 0)
                EXPECT_EQ(item, -1); /* untouched */
        if (r == 0)
                note("%s:%ld", (const char *)name, item);
        else
                note("%s:%s", (const char *)name, outcome(r));
        return 0;
}

static inline int get_it_then_checkpoint(void *name)
{
        get_it(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

static inline int put_it(void *number)
{
        long item = (intptr_t)number;

        note("%ld:%s", item, outcome(cede_queue_put(&q, &item)));
        return 0;
}

static inline int put_with_priority_of_its_own(void *number)
{
        long item = (intptr_t)number;

        EXPECT_EQ(cede_queue_put_with(&q, &item, (int)item), 0);
        return 0;
}

static inline int join_it(void *name)
{
        note("%s:%s", (const char *)name, outcome(cede_queue_join(&q)));
        return 0;
}

/* With a priority, up to where it waits. */
static inline void spawn_at(struct cede_scope *scope, int (*fn)(void *), void *arg, int priority)
{
        struct cede_spawn_options options = { .priority = priority };

        EXPECT_EQ(cede_spawn_with(scope, &options, fn, arg, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
}

#endif
