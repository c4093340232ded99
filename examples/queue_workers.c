/* SPDX-License-Identifier: MIT */
/*
 * Items of work in a queue, and workers that share them.
 *
 * The main task waits until the work on every item is done, not merely until every item was taken.
 * Then it closes the queue, which is what sends the workers home: they wait for the next item, and
 * without that would do so for ever.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>

static struct cede_queue queue = CEDE_QUEUE_INIT(sizeof(long), CEDE_UNBOUNDED, CEDE_FIFO);
static long items = 10, workers = 3;
static int64_t takes = CEDE_SEC(1);

static int work(void *arg)
{
        long number = (long)(intptr_t)arg, item;
        int r;

        while ((r = cede_queue_get(&queue, &item)) == 0) {
                r = cede_sleep(takes);
                if (r < 0)
                        return r;
                say("item %ld done by worker %ld", item, number);
                r = cede_queue_task_done(&queue);
                if (r < 0)
                        return r;
        }
        if (r != -EPIPE)
                return r;
        say("worker %ld goes home", number);
        return 0;
}

static int queue_workers(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                for (long i = 1; i <= workers && r >= 0; i++)
                        r = cede_spawn(&all, work, (void *)(intptr_t)i);
                for (long item = 1; item <= items && r >= 0; item++)
                        r = cede_queue_put(&queue, &item);
                if (r >= 0)
                        r = cede_queue_join(&queue);
                if (r >= 0)
                        say("all items are done");
                cede_queue_close(&queue);
        }
        cede_queue_finish(&queue);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "items", "N", "how many items (10)", .number = &items, .max = 100000 },
                { "workers", "K", "how many workers (3)", .number = &workers, .min = 1,
                  .max = 10000 },
                { "seconds", "S", "how long an item takes (1)", .duration = &takes, .max = 10000 },
                { 0 },
        };

        return example_main(argc, argv, "Workers share the items of a queue.", options,
                            queue_workers);
}
