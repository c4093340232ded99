/* SPDX-License-Identifier: MIT */
/*
 * An event says that something has happened.  Whoever waits for it before that sleeps; whoever
 * comes later does not wait at all.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_event event;
static long workers = 1;
static int64_t seconds = CEDE_SEC(2);

static int worker(void *arg)
{
        char name[32] = "worker";
        int r;

        if (workers > 1)
                snprintf(name, sizeof(name), "worker %ld", (long)(intptr_t)arg);
        say("%s waiting", name);
        r = cede_event_wait(&event);
        if (r < 0)
                return r;
        say("%s finished", name);
        return 0;
}

static int trigger(void *arg)
{
        int r = cede_sleep(seconds);

        (void)arg;
        if (r < 0)
                return r;
        say("event set");
        cede_event_set(&event);
        return 0;
}

static int wait_for_event(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                for (long i = 1; i <= workers && r >= 0; i++)
                        r = cede_spawn(&all, worker, (void *)(intptr_t)i);
                if (r >= 0)
                        r = cede_spawn(&all, trigger, NULL);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "workers", "N", "how many wait for the event (1)", .number = &workers, .min = 1,
                  .max = 100000 },
                { "seconds", "S", "when it is set (2)", .duration = &seconds, .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "A task waits until another one sets an event.", options,
                            wait_for_event);
}
