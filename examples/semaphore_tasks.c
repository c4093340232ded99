/* SPDX-License-Identifier: MIT */
/*
 * A semaphore lets so many in at a time, and the others in the order in which they came.
 *
 * Releasing hands the permit over at once, but does not yield: Task 2, which is ready as well, says
 * that it is finished before Task 3 gets to run.
 */
#include "example.h"

#include <cede.h>

static struct cede_sem sem;
static long tasks = 5, permits = 2;
static int64_t duration = CEDE_SEC(2);

static int work(void *arg)
{
        long number = (long)(intptr_t)arg;
        int r;

        r = cede_sem_acquire(&sem);
        if (r < 0)
                return r;
        say("Task %ld started", number);
        r = cede_sleep(duration);
        if (r >= 0)
                say("Task %ld finished", number);
        cede_sem_release(&sem);
        return r;
}

static int semaphore_tasks(void *arg)
{
        int r = cede_sem_init(&sem, permits, CEDE_FIFO);

        (void)arg;
        if (r < 0)
                return r;
        CEDE_SCOPE(all, &r) {
                for (long i = 1; i <= tasks && r >= 0; i++)
                        r = cede_spawn(&all, work, (void *)(intptr_t)i);
        }
        cede_sem_finish(&sem);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "tasks", "N", "how many tasks (5)", .number = &tasks, .max = 100000 },
                { "permits", "K", "how many of them work at a time (2)", .number = &permits,
                  .min = 1, .max = 1000000 },
                { "seconds", "S", "how long each works (2)", .duration = &duration, .max = 10000 },
                { 0 },
        };

        return example_main(argc, argv, "Tasks take turns under a semaphore.", options,
                            semaphore_tasks);
}
