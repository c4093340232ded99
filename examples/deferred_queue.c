/* SPDX-License-Identifier: MIT */
/*
 * Several consumers of one queue, of which only one is to work at a time: a queue and a mutex.
 *
 * The queue gives each item to one consumer; that does not keep two of them from working at once.
 * The mutex does, and since both are served in order, items are worked on in the order in which
 * they came.  The queue refuses an item at once when it is full and nobody may wait for room; and a
 * consumer, when as many as may wait for an item do so already.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

static struct cede_queue queue;
static struct cede_mutex mutex;
enum { CONSUMERS_MAX = 10000 };
static long items = 4, consumers = 2, size = 100, backlog = CONSUMERS_MAX;
static int64_t takes = CEDE_SEC(1);
static bool unlocked;

static long inside, most_inside;

static int work_on(long item)
{
        int r;

        if (++inside > most_inside)
                most_inside = inside;
        say("begin %ld", item);
        r = cede_sleep(takes);
        if (r >= 0)
                say("end %ld", item);
        inside--;
        return r;
}

static int consume(void *arg)
{
        long number = (long)(intptr_t)arg, item;
        int r;

        while ((r = cede_queue_get(&queue, &item)) == 0) {
                r = unlocked ? 0 : cede_mutex_lock(&mutex);
                if (r < 0)
                        return r;
                r = work_on(item);
                if (!unlocked)
                        cede_mutex_unlock(&mutex);
                if (r < 0)
                        return r;
        }
        if (r == -ENODATA)
                say("underflow: consumer %ld may not wait", number);
        return r == -EPIPE || r == -ENODATA ? 0 : r;
}

static int put_all(void)
{
        for (long item = 1; item <= items; item++) {
                int r = cede_queue_put(&queue, &item);

                if (r == -ENOBUFS)
                        say("overflow: no room for %ld", item);
                else if (r < 0)
                        return r;
        }
        return 0;
}

static int deferred_queue(void *arg)
{
        int r = cede_queue_init(&queue, sizeof(long), (size_t)size, CEDE_FIFO);

        (void)arg;
        if (r < 0)
                return r;
        cede_queue_set_backlog(&queue, (size_t)backlog, 0);
        CEDE_SCOPE(all, &r) {
                for (long i = 1; i <= consumers && r >= 0; i++)
                        r = cede_spawn(&all, consume, (void *)(intptr_t)i);
                if (r >= 0)
                        r = cede_yield(); /* so that they wait already */
                if (r >= 0)
                        r = put_all();
                cede_queue_close(&queue);
        }
        if (r >= 0)
                printf("most inside at once: %ld\n", most_inside);
        cede_queue_finish(&queue);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "items", "N", "how many items (4)", .number = &items, .max = 100000 },
                { "consumers", "K", "how many consumers (2)", .number = &consumers, .min = 1,
                  .max = CONSUMERS_MAX },
                { "size", "N", "how many items the queue holds; more are refused (100)",
                  .number = &size, .max = 1000000 },
                { "backlog", "N", "how many consumers may wait; more are refused (all of them)",
                  .number = &backlog, .max = CONSUMERS_MAX },
                { "seconds", "S", "how long the work on an item takes (1)", .duration = &takes,
                  .max = 10000 },
                { "unlocked", NULL, "without the mutex", .flag = &unlocked },
                { 0 },
        };

        return example_main(argc, argv, "Consumers of one queue work one at a time.", options,
                            deferred_queue);
}
