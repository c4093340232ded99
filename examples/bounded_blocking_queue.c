/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers at a queue of bounded capacity, each doing its share of the operations.
 *
 * An operation is a number, which is enqueued, or a dot, which dequeues one.  The producers take
 * turns with the numbers and the consumers with the dots; whoever finds the queue full, or empty,
 * waits.  Printed are the numbers in the order in which they were dequeued, and how many are left.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 10000 };

static struct cede_queue queue;
static const char *operations = "1,.,.,0,2,3,4,.";
static long producers = 1, consumers = 1, capacity = 2;

static long numbers[MOST], enqueues, dequeues;

static void read_operations(void)
{
        const char *at = operations;

        for (;;) {
                char *end = (char *)at + 1;

                if (enqueues == MOST || dequeues == MOST)
                        example_usage("there are more than %d operations of a kind", MOST);
                if (*at == '.')
                        dequeues++;
                else if (*at >= '0' && *at <= '9')
                        numbers[enqueues++] = strtol(at, &end, 10);
                else
                        example_usage("operations are numbers and dots, with commas between: "
                                      "\"%s\"",
                                      operations);
                if (!*end)
                        break;
                if (*end != ',')
                        example_usage("\"%s\" is neither a number nor a dot", at);
                at = end + 1;
        }
        if (dequeues > enqueues)
                example_usage("%ld are to be dequeued of %ld", dequeues, enqueues);
        if (enqueues - dequeues > capacity)
                example_usage("%ld are left in the end, and there is room for %ld",
                              enqueues - dequeues, capacity);
}

static int enqueue(void *arg)
{
        int r = 0;

        for (long i = (long)(intptr_t)arg; i < enqueues && r >= 0; i += producers) {
                r = cede_queue_put(&queue, &numbers[i]);
                if (r >= 0)
                        r = cede_yield();
        }
        return r;
}

static int dequeue(void *arg)
{
        int r = 0;

        for (long i = (long)(intptr_t)arg; i < dequeues && r >= 0; i += consumers) {
                long number;

                r = cede_queue_get(&queue, &number);
                if (r >= 0)
                        printf("%ld ", number);
        }
        return r;
}

static int bounded_blocking_queue(void *arg)
{
        int r;

        (void)arg;
        read_operations();
        r = cede_queue_init(&queue, sizeof(long), (size_t)capacity, CEDE_FIFO);
        if (r < 0)
                return r;
        CEDE_SCOPE(all, &r) {
                for (long i = 0; i < producers && r >= 0; i++)
                        r = cede_spawn(&all, enqueue, (void *)(intptr_t)i);
                for (long i = 0; i < consumers && r >= 0; i++)
                        r = cede_spawn(&all, dequeue, (void *)(intptr_t)i);
        }
        printf("size %zu\n", cede_queue_size(&queue));
        cede_queue_finish(&queue);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "OPERATIONS", NULL, "numbers to enqueue, dots to dequeue (1,.,.,0,2,3,4,.)",
                  .text = &operations, .operand = true },
                { "producers", "N", "how many tasks enqueue (1)", .number = &producers, .min = 1,
                  .max = 1000 },
                { "consumers", "N", "how many tasks dequeue (1)", .number = &consumers, .min = 1,
                  .max = 1000 },
                { "capacity", "K", "how many numbers the queue holds (2)", .number = &capacity,
                  .min = 1, .max = 30000 },
                { 0 },
        };

        return example_main(argc, argv, "Producers and consumers wait for room and for numbers.",
                            options, bounded_blocking_queue);
}
