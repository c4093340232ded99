/* SPDX-License-Identifier: MIT */
/*
 * Futures without memory: a scenario that uses all there is runs undisturbed, then again for each
 * resource that it took, with that one refused.  Each time it must come to its end, with a result
 * that says why, and nothing may be left.
 */
#include "base/alloc.h"
#include "fault.h"
#include "log.h"

enum { MANY = 9 }; /* more than a gather has room for */

static unsigned tasks, ran;

static int sleep_a_bit(void *arg)
{
        ran++;
        return cede_sleep(CEDE_MS(1)) + (int)(intptr_t)arg;
}

static int chain_a_task(void *value, void *arg, void **ret_value)
{
        struct cede_future *future;
        int r = cede_spawn_future(NULL, sleep_a_bit, value, &future);

        (void)arg;
        if (r < 0)
                return r;
        tasks++;
        *ret_value = future;
        return CEDE_CHAIN;
}

static struct cede_mutex mutex;

static int use_futures(struct cede_future **all)
{
        struct cede_future *root = cede_future_new(), *first;
        int r = 0;

        for (int i = 0; i < MANY; i++)
                all[i] = i % 3 == 0 ? cede_future_then(root, chain_a_task, NULL, NULL) :
                         i % 3 == 1 ? cede_mutex_run_future(&mutex, chain_a_task, NULL) :
                                      cede_future_new();
        for (int i = 2; i < MANY && r == 0; i += 3)
                r = all[i] ? cede_future_timeout(all[i], CEDE_MS(2)) : -ENOMEM;
        if (root)
                EXPECT_EQ(cede_future_resolve(root, N(1)), 0);
        cede_future_unref(root);
        if (r < 0)
                return r;
        for (int i = 0; i < MANY; i++)
                if (!all[i])
                        return -ENOMEM;
        r = cede_futures_wait(all, MANY, CEDE_ALL);
        if (r < 0)
                return r;
        EXPECT_EQ(cede_future_result(all[2], NULL), -ETIMEDOUT);
        first = all[0];
        return cede_gather(&first, 1, NULL);
}

static int scenario(void *arg)
{
        struct cede_future *all[MANY] = { NULL };
        int r = use_futures(all);

        (void)arg;
        /* What is left of it: cancelled, and waited for, since callbacks do not outlive the run. */
        for (int i = 0; i < MANY; i++)
                if (all[i]) {
                        cede_future_cancel(all[i]);
                        (void)!cede_future_await(all[i], NULL);
                }
        for (int i = 0; i < MANY; i++)
                cede_future_unref(all[i]);
        return r;
}

/* False: there are not that many resources. */
static bool run_with_fault(unsigned at)
{
        struct fault fault = { { .choose = refuse_one }, at, 0 };
        size_t live = cede__alloc_live();
        int r;

        mutex = (struct cede_mutex){ 0 };
        tasks = ran = 0;
        cede__chooser = &fault.chooser;
        r = run_virtual(scenario, NULL);
        cede__chooser = NULL;
        EXPECT(r >= 0 || r == -ENOMEM || r == -EAGAIN);
        EXPECT(r >= 0 || fault.seen > at);
        EXPECT_EQ(ran, tasks);
        cede_mutex_finish(&mutex);
        EXPECT_EQ(cede__alloc_live(), live);
        return fault.seen > at;
}

TEST(undisturbed_it_succeeds)
{
        EXPECT(!run_with_fault(UINT32_MAX));
        EXPECT_EQ(tasks, 6);
}

TEST(whatever_is_refused_nothing_is_left)
{
        unsigned at = 0;

        while (run_with_fault(at))
                at++;
        EXPECT(at > MANY);
}
