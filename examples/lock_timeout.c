/* SPDX-License-Identifier: MIT */
/*
 * Locking a mutex, but not for longer than so many seconds.
 *
 * There is no special function for that: a time-out is a block around any call that waits.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>

enum { WAITERS_MAX = 100 };

static struct cede_mutex mutex;
static int64_t hold = CEDE_SEC(2);
static int64_t timeouts[WAITERS_MAX] = { CEDE_SEC(1), CEDE_SEC(3) };
static int waiters = 2;

static int holder(void *arg)
{
        int r = cede_mutex_lock(&mutex);

        (void)arg;
        if (r < 0)
                return r;
        r = cede_sleep(hold);
        if (r >= 0)
                say("holder released");
        cede_mutex_unlock(&mutex);
        return r;
}

static int waiter(void *timeout)
{
        int r = 0;

        CEDE_TIMEOUT(*(int64_t *)timeout)
                r = cede_mutex_lock(&mutex);
        if (r == -ETIMEDOUT) {
                say("Could not acquire lock");
                return 0;
        }
        if (r < 0)
                return r;
        say("Lock acquired");
        cede_mutex_unlock(&mutex);
        return 0;
}

static int lock_timeout(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                r = cede_spawn(&all, holder, NULL);
                for (int i = 0; i < waiters && r >= 0; i++)
                        r = cede_spawn(&all, waiter, &timeouts[i]);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "hold", "S", "how long the mutex is held (2)", .duration = &hold,
                  .max = 1000000 },
                { "timeout", "S,...", "one task for each: how long it waits (1,3)",
                  .duration = timeouts, .max = 1000000, .most = WAITERS_MAX, .given = &waiters },
                { 0 },
        };

        return example_main(argc, argv, "Tasks wait for a mutex, but not for ever.", options,
                            lock_timeout);
}
