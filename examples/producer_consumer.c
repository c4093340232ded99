/* SPDX-License-Identifier: MIT */
/*
 * A producer that is faster than its consumer, and a queue of bounded capacity between them.
 *
 * Once the queue is full, the producer waits until the consumer has taken an item: what is produced
 * and not consumed is never more than the capacity, and one.  The queue is closed after the last
 * item, and the consumer is done when it is empty.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

static struct cede_queue queue;
static long items = 6, capacity = 2;
static int64_t to_produce = CEDE_SEC(1), to_consume = CEDE_SEC(2);

static int produce(void *arg)
{
        int r = 0;

        (void)arg;
        for (long item = 1; item <= items; item++) {
                char since[32] = "";

                r = item > 1 ? cede_sleep(to_produce) : 0;
                if (r < 0)
                        return r;
                r = cede_queue_try_put(&queue, &item);
                if (r == -EAGAIN) {
                        snprintf(since, sizeof(since), "%s", elapsed());
                        r = cede_queue_put(&queue, &item);
                }
                if (r < 0)
                        return r;
                if (since[0])
                        say("put %ld (blocked since %s)", item, since);
                else
                        say("put %ld", item);
        }
        cede_queue_close(&queue);
        return 0;
}

static int consume(void *arg)
{
        long item;
        int r;

        (void)arg;
        while ((r = cede_queue_get(&queue, &item)) == 0) {
                say("get %ld", item);
                r = cede_sleep(to_consume);
                if (r < 0)
                        return r;
        }
        if (r != -EPIPE)
                return r;
        say("consumer done");
        return 0;
}

static int producer_consumer(void *arg)
{
        int r = cede_queue_init(&queue, sizeof(long), (size_t)capacity, CEDE_FIFO);

        (void)arg;
        if (r < 0)
                return r;
        CEDE_SCOPE(both, &r) {
                r = cede_spawn(&both, produce, NULL);
                if (r >= 0)
                        r = cede_spawn(&both, consume, NULL);
        }
        cede_queue_finish(&queue);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "items", "N", "how many are produced (6)", .number = &items, .max = 100000 },
                { "capacity", "K", "how many the queue holds (2); 0: a put waits for its get",
                  .number = &capacity, .max = 1000000 },
                { "produce", "S", "how long it takes to produce one (1)", .duration = &to_produce,
                  .max = 10000 },
                { "consume", "S", "how long it takes to consume one (2)", .duration = &to_consume,
                  .max = 10000 },
                { 0 },
        };

        return example_main(argc, argv, "A producer waits for a slower consumer.", options,
                            producer_consumer);
}
