/* SPDX-License-Identifier: MIT */
/* Limits: how many children run, who starts next, and lending. */
#include <stdatomic.h>
#include <string.h>

#include "log.h"

static struct cede_limit limit; /* all-zero at the start of each test */
static atomic_int running, most;

static void open_limited(struct cede_scope *c)
{
        cede_scope_open_with(c, &(struct cede_scope_options){ .limit = &limit });
}

/* Runs for a second, and counts how many do at a time. */
static int visit(void *name)
{
        int r;

        if (++running > most)
                most = running;
        note("%s@%d", (const char *)name, now_ms() / 1000);
        r = cede_sleep(CEDE_SEC(1));
        running--;
        return r;
}

static int spawn_with_priority(struct cede_scope *c, const char *name, int priority,
                               struct cede_task **ret_task)
{
        return cede_spawn_with(c, &(struct cede_spawn_options){ .priority = priority }, visit,
                               (void *)(uintptr_t)name, ret_task);
}

/* Three run at a time, the first three at once. */
TASK_TEST(no_more_than_the_limit_run_at_a_time)
{
        struct cede_limit_stats stats;
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 3, CEDE_FIFO), 0);
        open_limited(&c);
        for (int i = 0; i < 8; i++)
                EXPECT_EQ(cede_spawn(&c, visit, "v"), 0);
        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 3);
        EXPECT_EQ(stats.queued, 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(most, 3);
        EXPECT_LOG("v@0 v@0 v@0 v@1 v@1 v@1 v@2 v@2");
        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 0);
        EXPECT_EQ(stats.queued, 0);
        EXPECT_EQ(stats.resuming, 0);
        EXPECT_EQ(stats.peak_queued, 5);
        cede_limit_finish(&limit);
}

TASK_TEST(one_limit_serves_several_scopes)
{
        struct cede_scope a, b;

        EXPECT_EQ(cede_limit_init(&limit, 2, CEDE_FIFO), 0);
        open_limited(&a);
        open_limited(&b);
        EXPECT_EQ(cede_spawn(&a, visit, "a1"), 0);
        EXPECT_EQ(cede_spawn(&a, visit, "a2"), 0);
        EXPECT_EQ(cede_spawn(&b, visit, "b1"), 0);
        EXPECT_EQ(cede_spawn(&a, visit, "a3"), 0);
        EXPECT_EQ(cede_spawn(&b, visit, "b2"), 0);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        EXPECT_EQ(most, 2);
        EXPECT_LOG("a1@0 a2@0 b1@1 a3@1 b2@2");
}

TASK_TEST(zero_admits_any_number)
{
        struct cede_limit_stats stats;
        struct cede_scope c;

        open_limited(&c);
        for (int i = 0; i < 5; i++)
                EXPECT_EQ(cede_spawn(&c, visit, "v"), 0);
        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(most, 5);
        cede_limit_finish(&limit);
}

static struct cede_limit two = CEDE_LIMIT_INIT(2, CEDE_LIFO);

TASK_TEST(static_initialiser)
{
        struct cede_scope c;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .limit = &two });
        EXPECT_EQ(cede_spawn(&c, visit, "1"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "2"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "3"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "4"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("1@0 2@0 4@1 3@1");
}

TEST(init_refuses_what_can_never_be_right)
{
        EXPECT_EQ(cede_limit_init(&limit, -1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_limit_init(&limit, 1, (enum cede_order)(CEDE_RANDOM + 1)), -EINVAL);
}

/* Orders.  "first" has the only slot; the others are queued. */

static void queue_three(struct cede_scope *c, enum cede_order order, struct cede_task **tasks)
{
        EXPECT_EQ(cede_limit_init(&limit, 1, order), 0);
        open_limited(c);
        EXPECT_EQ(spawn_with_priority(c, "first", 0, NULL), 0);
        EXPECT_EQ(spawn_with_priority(c, "a", 1, &tasks[0]), 0);
        EXPECT_EQ(spawn_with_priority(c, "b", 5, &tasks[1]), 0);
        EXPECT_EQ(spawn_with_priority(c, "c", 1, &tasks[2]), 0);
        give_turns();
}

TASK_TEST(starts_in_fifo_order)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_FIFO, tasks);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 a@1 b@2 c@3");
}

TASK_TEST(starts_in_lifo_order)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_LIFO, tasks);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 c@1 b@2 a@3");
}

TASK_TEST(starts_in_priority_order)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_PRIORITY, tasks);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 b@1 a@2 c@3");
}

TASK_TEST(priority_change_sorts_a_queued_start_anew)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_PRIORITY, tasks);
        cede_task_set_priority(tasks[2], 9);
        cede_task_set_priority(tasks[1], -1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 c@1 a@2 b@3");
}

TASK_TEST(priority_change_leaves_other_orders_alone)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_FIFO, tasks);
        cede_task_set_priority(tasks[0], 9);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 a@1 b@2 c@3");
        queue_three(&c, CEDE_LIFO, tasks);
        cede_task_set_priority(tasks[0], 9);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@4 c@5 b@6 a@7");
}

static int wait_for_nothing(void *name)
{
        note("%s", (const char *)name);
        return 0;
}

/* The order in which one to six start, under this seed. */
static const char *random_starts(uint64_t seed)
{
        static const char *const names[] = { "1", "2", "3", "4", "5", "6" };
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_RANDOM), 0);
        cede_limit_set_seed(&limit, seed);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, wait_for_nothing, "0"), 0);
        for (int i = 0; i < 6; i++)
                EXPECT_EQ(cede_spawn(&c, wait_for_nothing, (void *)(uintptr_t)names[i]), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        return log_take();
}

TASK_TEST(random_starts_are_a_function_of_the_seed)
{
        char first[64];
        int different = 0;

        snprintf(first, sizeof(first), "%s", random_starts(1));
        EXPECT_STR(random_starts(1), first);
        for (uint64_t seed = 2; seed < 10; seed++)
                different += strcmp(random_starts(seed), first) != 0;
        EXPECT(different > 4);
}

/* Lending */

static int recurse(void *arg)
{
        intptr_t depth = (intptr_t)arg;
        struct cede_scope c;
        int r;

        if (++running > most)
                most = running;
        r = cede_sleep(CEDE_MS(1));
        open_limited(&c);
        for (int i = 0; i < 3 && depth > 0 && r == 0; i++)
                r = cede_spawn(&c, recurse, (void *)(depth - 1));
        running--;
        return cede_scope_close(&c, r);
}

/* 1 + 3 + 9 + 27 + 81 tasks, all parents waiting for their children. */
TASK_TEST(recursion_does_not_deadlock_whatever_the_limit)
{
        for (int order = CEDE_FIFO; order <= CEDE_RANDOM; order++)
                for (int n = 1; n <= 3; n++) {
                        struct cede_scope c;
                        struct cede_run_stats before, after;

                        most = 0;
                        EXPECT_EQ(cede_limit_init(&limit, n, (enum cede_order)order), 0);
                        cede_run_stats(&before);
                        open_limited(&c);
                        EXPECT_EQ(cede_spawn(&c, recurse, (void *)4), 0);
                        EXPECT_EQ(cede_scope_close(&c, 0), 0);
                        cede_run_stats(&after);
                        EXPECT_EQ(after.spawned - before.spawned, 121);
                        EXPECT_EQ(most, n);
                        cede_limit_finish(&limit);
                }
}

static int parent(void *name)
{
        struct cede_scope c;
        int r;

        note("%s@%d", (const char *)name, now_ms() / 1000);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, visit, "child"), 0);
        r = cede_scope_close(&c, 0);
        note("%s-resumed@%d", (const char *)name, now_ms() / 1000);
        return r;
}

TASK_TEST(parent_lends_its_slot_while_it_waits_for_children)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, parent, "parent"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("parent@0 child@0 parent-resumed@1");
        cede_limit_finish(&limit);
}

TASK_TEST(parent_gets_the_slot_of_its_last_child)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, parent, "parent"), 0);
        give_turns();
        EXPECT_EQ(cede_spawn(&c, visit, "queued"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("parent@0 child@0 parent-resumed@1 queued@1");
}

static int half_a_second_of_limit(void *arg)
{
        (void)arg;
        return cede_sleep(CEDE_MS(500));
}

/* Its child does not need the limit, so that at its end no slot is free: others hold all. */
static int parent_of_a_free_child(void *name)
{
        struct cede_scope c;
        int r;

        note("%s@%d", (const char *)name, now_ms() / 1000);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, half_a_second_of_limit, NULL), 0);
        r = cede_scope_close(&c, 0);
        note("%s-resumed@%d", (const char *)name, now_ms() / 1000);
        return r;
}

TASK_TEST(resuming_goes_before_queued_starts)
{
        struct cede_limit_stats stats;
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, parent_of_a_free_child, "parent"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "b"), 0);
        EXPECT_EQ(cede_sleep(CEDE_MS(700)), 0);
        cede_limit_stats(&limit, &stats);
        EXPECT_EQ(stats.running, 1);
        EXPECT_EQ(stats.resuming, 1);
        EXPECT_EQ(stats.queued, 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("parent@0 a@0 parent-resumed@1 b@1");
}

TASK_TEST(parents_resume_in_the_order_in_which_their_children_ended)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 2, CEDE_LIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, parent_of_a_free_child, "p"), 0);
        EXPECT_EQ(cede_spawn(&c, parent_of_a_free_child, "q"), 0);
        give_turns();
        EXPECT_EQ(cede_spawn(&c, visit, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "b"), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("p@0 q@0 a@0 b@0 p-resumed@1 q-resumed@1");
}

static struct cede_sem gate;

static int wait_at_the_gate(void *name)
{
        note("%s", (const char *)name);
        return cede_sem_acquire(&gate);
}

TASK_TEST(waiting_for_anything_else_does_not_lend)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, wait_at_the_gate, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, wait_at_the_gate, "b"), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_LOG("a");
        cede_sem_release_n(&gate, 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b");
}

/* Cancellation */

TASK_TEST(cancelled_scope_starts_its_queued_tasks_in_turn)
{
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, visit, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "b"), 0);
        EXPECT_EQ(cede_spawn(&c, visit, "c"), 0);
        give_turns();
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(most, 1);
        EXPECT_LOG("a@0 b@0 c@0");
}

TASK_TEST(cancelled_queued_task_starts_in_turn_and_sees_it)
{
        struct cede_task *tasks[3];
        struct cede_scope c;

        queue_three(&c, CEDE_FIFO, tasks);
        cede_task_cancel(tasks[0]);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 a@1 b@1 c@2");
}

static int join_the_queued(void *task)
{
        EXPECT_EQ(cede_task_join(task, NULL), 0);
        note("joined@%d", now_ms() / 1000);
        return 0;
}

TASK_TEST(queued_task_can_be_joined)
{
        struct cede_task *tasks[3];
        struct cede_scope c, other;

        queue_three(&c, CEDE_FIFO, tasks);
        cede_scope_open(&other);
        EXPECT_EQ(cede_spawn(&other, join_the_queued, tasks[0]), 0);
        EXPECT_EQ(cede_scope_close(&other, 0), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("first@0 a@1 joined@2 b@2 c@3");
}

TASK_TEST(backlog_uses_no_stacks, .seconds = 60)
{
        const int n = test_slowed() ? 5000 : 100000;
        struct cede_run_stats stats;
        struct cede_limit_stats queue;
        struct cede_scope c;

        EXPECT_EQ(cede_limit_init(&limit, 2, CEDE_FIFO), 0);
        open_limited(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, half_a_second_of_limit, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_MS(400)), 0);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.stacks, 2);
        EXPECT_EQ(stats.live, n + 1);
        cede_limit_stats(&limit, &queue);
        EXPECT_EQ(queue.queued, n - 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.peak_stacks, 2);
        EXPECT_EQ(stats.stacks, 0);
}

static int finish_a_limit_in_use(void *arg)
{
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        cede_limit_set_name(&limit, "visits");
        open_limited(&c);
        EXPECT_EQ(cede_spawn(&c, visit, "a"), 0);
        cede_limit_finish(&limit);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_of_a_limit_in_use_aborts, "limit visits is finished while")
{
        run_virtual(finish_a_limit_in_use, NULL);
}
