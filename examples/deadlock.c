/* SPDX-License-Identifier: MIT */
/*
 * Two tasks lock the same two mutexes, each in its own order.  Both get their first one; and then
 * each waits for what the other has.
 *
 * The library says so on standard error, with the tasks and the mutexes by name; the lock call that
 * closes the circle fails with -EDEADLK instead of waiting for ever.
 *
 * With a time-out, one of them gives up, unlocks what it has, and the other one can go on.
 *
 * With --order they run one after the other, so nobody ever waits.  The mistake is there all the
 * same, and the lock-order check finds it: a warning at the second of the two orders.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>

static struct cede_mutex a, b;

static int64_t timeouts[2];
static int given; /* time-outs: none, or one for each task */
static bool order;

static struct party {
        const char *name;
        struct cede_mutex *first, *second;
        const int64_t *timeout;
} parties[] = {
        { "T1", &a, &b, &timeouts[0] },
        { "T2", &b, &a, &timeouts[1] },
};

static int lock_second(const struct party *me)
{
        int r = 0;

        if (!given)
                return cede_mutex_lock(me->second);
        CEDE_TIMEOUT(*me->timeout)
                r = cede_mutex_lock(me->second);
        return r;
}

static int lock_both(void *arg)
{
        struct party *me = arg;
        int r = cede_mutex_lock(me->first);

        if (r < 0)
                return r;
        if (!order)
                r = cede_sleep(CEDE_SEC(1)); /* meanwhile the other one locks its first */
        if (r >= 0)
                r = lock_second(me);
        if (r >= 0) {
                say("%s acquires", me->name);
                cede_mutex_unlock(me->second);
        } else if (r == -ETIMEDOUT) {
                say("%s gives up", me->name);
                r = 0;
        } else if (r == -EDEADLK) {
                say("%s would wait for ever", me->name);
        }
        cede_mutex_unlock(me->first);
        return r;
}

static int deadlock(void *arg)
{
        int r = 0;

        (void)arg;
        if (given == 1)
                example_usage("--timeout takes two numbers: one for each task");
        cede_mutex_set_name(&a, "A");
        cede_mutex_set_name(&b, "B");
        if (order)
                cede_lock_order_check(true);
        CEDE_SCOPE(both, &r) {
                for (int i = 0; i < 2 && r >= 0; i++) {
                        const struct cede_spawn_options name = { .name = parties[i].name };

                        r = cede_spawn_with(&both, &name, lock_both, &parties[i], NULL);
                }
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "timeout", "S,S", "how long T1 and T2 wait for their second mutex (for ever)",
                  .duration = timeouts, .max = 1000000, .most = 2, .given = &given },
                { "order", NULL, "one after the other, with the lock-order check", .flag = &order },
                { 0 },
        };

        return example_main(argc, argv, "Two tasks lock two mutexes, in different orders.", options,
                            deadlock);
}
