/* SPDX-License-Identifier: MIT */
/*
 * A condition lets tasks sleep until what a mutex protects has changed.
 *
 * The consumer does not wait for the notification, but until there is data, which it asks with the
 * mutex held.  So it does not matter who comes first: a consumer that finds the data there already
 * does not wait for a notification that has been given long ago.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_mutex mutex;
static struct cede_condition changed;
static bool data; /* under the mutex */

static int producer(void *arg)
{
        int r = cede_mutex_lock(&mutex);

        (void)arg;
        if (r < 0)
                return r;
        printf("Producing data\n");
        data = true;
        cede_condition_notify_all(&changed);
        cede_mutex_unlock(&mutex);
        return 0;
}

static bool there_is_data(void *arg)
{
        (void)arg;
        return data;
}

static int consumer(void *arg)
{
        int r = cede_mutex_lock(&mutex);

        (void)arg;
        if (r < 0)
                return r;
        r = cede_condition_wait_for(&changed, &mutex, there_is_data, NULL);
        if (r >= 0)
                printf("Consuming data\n");
        cede_mutex_unlock(&mutex);
        return r;
}

static long consumers = 1;
enum { CONSUMER, PRODUCER };
static int first = CONSUMER;

static int start_all(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                if (first == PRODUCER)
                        r = cede_spawn(&all, producer, NULL);
                for (long i = 0; i < consumers && r >= 0; i++)
                        r = cede_spawn(&all, consumer, NULL);
                if (r >= 0 && first == CONSUMER)
                        r = cede_spawn(&all, producer, NULL);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "consumers", "N", "how many wait for the data (1)", .number = &consumers,
                  .max = 100000 },
                { "first", "consumer|producer", "who is started first (consumer)",
                  .choice = &first },
                { 0 },
        };

        return example_main(argc, argv, "A producer tells those who wait for data.", options,
                            start_all);
}
