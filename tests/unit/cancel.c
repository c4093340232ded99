/* SPDX-License-Identifier: MIT */
/* Cancellation: how far it reaches, what holds it off, and that it stays. */
#include <stdlib.h>
#include <sys/mman.h>

#include "log.h"

static struct cede_sem never;

static int wait_for_ever(void *name)
{
        int r = cede_sem_acquire(&never);

        note("%s:%s", (const char *)name, word(r));
        return r;
}

TASK_TEST(cancellation_is_a_level)
{
        struct cede_scope c;

        EXPECT_EQ(cede_sem_init(&never, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        for (int i = 0; i < 3; i++) {
                EXPECT_EQ(cede_yield(), -ECANCELED);
                EXPECT_EQ(cede_sleep(1), -ECANCELED);
                EXPECT_EQ(cede_sleep_until(0), -ECANCELED);
                EXPECT_EQ(cede_checkpoint(), -ECANCELED);
                EXPECT_EQ(cede_sem_acquire(&never), -ECANCELED);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_now(), 0);
}

TASK_TEST(cancelling_twice_is_cancelling_once)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, wait_for_ever, "a");
        cede_scope_cancel(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled");
}

TASK_TEST(siblings_are_cancelled_in_the_order_of_spawning)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, wait_for_ever, "a");
        spawn_now(&c, wait_for_ever, "b");
        spawn_now(&c, wait_for_ever, "c");
        cede_scope_cancel(&c);
        EXPECT_LOG("");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:cancelled c:cancelled");
}

static int wait_with_a_child(void *name)
{
        struct cede_scope c;
        int r;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, wait_for_ever, "grandchild"), 0);
        r = wait_for_ever(name);
        return cede_scope_close(&c, r);
}

TASK_TEST(whole_subtree_is_cancelled_level_by_level)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, wait_with_a_child, "a");
        spawn_now(&c, wait_with_a_child, "b");
        give_turns();
        EXPECT_EQ(cede_sem_waiting(&never), 4);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&never), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:cancelled grandchild:cancelled grandchild:cancelled");
}

TASK_TEST(cancel_reaches_nothing_outside_of_the_scope)
{
        struct cede_scope outer, inner;

        cede_scope_open(&outer);
        spawn_now(&outer, wait_for_ever, "outer");
        cede_scope_open(&inner);
        spawn_now(&inner, wait_for_ever, "inner");
        cede_scope_cancel(&inner);
        EXPECT_EQ(cede_sem_waiting(&never), 1);
        EXPECT_EQ(cede_scope_close(&inner, 0), 0);
        give_turns();
        EXPECT_LOG("inner:cancelled");
        cede_sem_release(&never);
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
        EXPECT_LOG("outer:ok");
}

TASK_TEST(cancel_of_one_task_takes_its_children_along)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, wait_with_a_child, "a");
        spawn_now(&c, wait_for_ever, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_LOG("a:cancelled grandchild:cancelled");
        cede_sem_release(&never);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok");
}

TASK_TEST(task_cancelled_before_it_starts_runs_and_sees_it)
{
        struct cede_scope c;
        struct cede_task *task;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, NULL, wait_for_ever, "a", &task), 0);
        cede_task_cancel(task);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled");
}

static int cancel_myself(void *arg)
{
        (void)arg;
        cede_task_cancel(cede_task_self());
        note("%s", word(cede_yield()));
        CEDE_SHIELD
                note("%s", word(cede_yield()));
        return cede_checkpoint();
}

TASK_TEST(task_cancels_itself)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, cancel_myself, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled ok");
}

TASK_TEST(main_cancels_itself)
{
        cede_task_cancel(cede_task_self());
        EXPECT_EQ(cede_yield(), -ECANCELED);
}

static int cancel_the_run(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, wait_for_ever, "a"), 0);
        give_turns();
        cede_scope_cancel(NULL);
        return cede_yield();
}

TEST(run_cancels_itself)
{
        EXPECT_EQ(run_virtual(cancel_the_run, NULL), -ECANCELED);
        EXPECT_LOG("a:cancelled");
}

static struct cede_scope *target;

static int cancel_target(void *arg)
{
        (void)arg;
        cede_scope_cancel(target);
        return 0;
}

TASK_TEST(cancel_while_in_close_still_waits)
{
        struct cede_scope c;

        cede_scope_open(&c);
        target = &c;
        EXPECT_EQ(cede_spawn(&c, wait_for_ever, "a"), 0);
        EXPECT_EQ(cede_spawn(&c, cancel_target, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled");
}

static int wait_in_a_scope_of_scopes(void *arg)
{
        struct cede_scope a, b, c;

        (void)arg;
        cede_scope_open(&a);
        cede_scope_open(&b);
        cede_scope_open(&c);
        note("%s", word(cede_sem_acquire(&never)));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        note("%s", word(cede_checkpoint()));
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_EQ(cede_scope_close(&a, 0), 0);
        note("%s", word(cede_checkpoint()));
        return 0;
}

TASK_TEST(cancellation_reaches_into_all_scopes_a_task_has_opened)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, wait_in_a_scope_of_scopes, NULL);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled cancelled cancelled");
}

/* Shields */

static int work_under_a_shield(void *arg)
{
        (void)arg;
        CEDE_SHIELD {
                int r = cede_sleep(CEDE_SEC(2));

                note("inside:%s@%d", word(r), now_ms());
        }
        note("outside:%s", word(cede_sleep(1)));
        return cede_checkpoint();
}

TASK_TEST(shield_holds_a_cancellation_off_until_it_is_left)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, work_under_a_shield, NULL);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("inside:ok@2000 outside:cancelled");
}

static int shielded_with_children(void *arg)
{
        struct cede_scope c;

        (void)arg;
        CEDE_SHIELD {
                cede_scope_open(&c);
                EXPECT_EQ(cede_spawn(&c, wait_for_ever, "shielded"), 0);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        return cede_checkpoint();
}

TASK_TEST(shield_protects_children_too)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, shielded_with_children, NULL), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&never), 1);
        cede_sem_release(&never);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("shielded:ok");
}

TASK_TEST(shield_opened_in_a_cancelled_scope_works)
{
        struct cede_scope c;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        CEDE_SHIELD {
                EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
                CEDE_SCOPE(inner, NULL)
                        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        }
        EXPECT_EQ(cede_yield(), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(2));
}

TASK_TEST(shield_holds_deadlines_off)
{
        CEDE_TIMEOUT(CEDE_SEC(1)) {
                CEDE_SHIELD
                        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
                EXPECT_EQ(cede_sleep(1), -ETIMEDOUT);
        }
}

TASK_TEST(shield_with_a_deadline_of_its_own)
{
        struct cede_scope c, shield;

        cede_scope_open(&c);
        cede_scope_cancel(&c);
        cede_scope_open_with(&shield, &(struct cede_scope_options){ .flags = CEDE_SHIELD_SCOPE,
                                                                    .deadline = CEDE_SEC(1) });
        EXPECT_EQ(cede_sem_acquire(&never), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&shield, 0), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_now(), CEDE_SEC(1));
}

TASK_TEST(shield_itself_can_be_cancelled)
{
        struct cede_scope shield;

        cede_scope_open_with(&shield, &(struct cede_scope_options){ .flags = CEDE_SHIELD_SCOPE });
        EXPECT_EQ(cede_spawn(&shield, wait_for_ever, "a"), 0);
        give_turns();
        cede_scope_cancel(&shield);
        EXPECT_EQ(cede_yield(), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&shield, 0), 0);
        EXPECT_LOG("a:cancelled");
}

static int shield_between_scopes(void *arg)
{
        struct cede_scope a, shield, b;

        (void)arg;
        cede_scope_open(&a);
        EXPECT_EQ(cede_spawn(&a, wait_for_ever, "outside"), 0);
        cede_scope_open_with(&shield, &(struct cede_scope_options){ .flags = CEDE_SHIELD_SCOPE });
        cede_scope_open(&b);
        EXPECT_EQ(cede_spawn(&b, wait_for_ever, "inside"), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        cede_sem_release(&never);
        EXPECT_EQ(cede_scope_close(&b, 0), 0);
        EXPECT_EQ(cede_checkpoint(), 0);
        EXPECT_EQ(cede_scope_close(&shield, 0), 0);
        EXPECT_EQ(cede_checkpoint(), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&a, 0), -ECANCELED);
        return -ECANCELED;
}

TASK_TEST(cancellation_stops_at_the_outermost_shield)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, shield_between_scopes, NULL);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_sem_waiting(&never), 2);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&never), 1);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("outside:cancelled inside:ok");
}

/* Reasons */

TASK_TEST(cancellation_outranks_an_expired_deadline)
{
        struct cede_scope outer;

        EXPECT_EQ(cede_sem_init(&never, 1, CEDE_FIFO), 0);
        cede_scope_open(&outer);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_checkpoint(), -ETIMEDOUT);
                cede_scope_cancel(&outer);
                EXPECT_EQ(cede_checkpoint(), -ECANCELED);
                EXPECT_EQ(cede_sem_acquire(&never), -ECANCELED);
        }
        EXPECT_EQ(cede_scope_close(&outer, 0), 0);
}

TASK_TEST(cancel_of_the_task_outranks_its_expired_deadline)
{
        EXPECT_EQ(cede_sem_init(&never, 1, CEDE_FIFO), 0);
        CEDE_TIMEOUT(0) {
                cede_task_cancel(cede_task_self());
                EXPECT_EQ(cede_sem_acquire(&never), -ECANCELED);
        }
}

TASK_TEST(deadline_does_not_replace_a_cancellation)
{
        struct cede_scope c;

        cede_scope_open_with(&c, &(struct cede_scope_options){ .deadline = CEDE_SEC(1) });
        cede_scope_cancel(&c);
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        EXPECT_EQ(cede_checkpoint(), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, -ECANCELED), -ECANCELED);
}

static int yield_once(void *arg)
{
        note("%s", word(cede_yield()));
        (void)arg;
        return 0;
}

TASK_TEST(yield_tells_a_cancellation_that_came_meanwhile)
{
        struct cede_scope c;

        cede_scope_open(&c);
        target = &c;
        EXPECT_EQ(cede_spawn(&c, yield_once, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, cancel_target, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled");
}

/* Depth */

static int deepest, unwound;

static int descend(void *arg)
{
        intptr_t depth = (intptr_t)arg;
        struct cede_scope c;
        int r;

        if (depth == deepest)
                return cede_sem_acquire(&never);
        cede_scope_open(&c);
        r = cede_spawn(&c, descend, (void *)(depth + 1));
        r = cede_scope_close(&c, r);
        unwound++;
        return r;
}

/* Guards for so many stacks: with mprotect each one costs mappings, of which there are 65,530. */
static bool many_guards(void)
{
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool can;

        EXPECT(page != MAP_FAILED);
        can = madvise(page, 4096, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
        munmap(page, 4096);
        return can;
}

/* Nothing in it recurses: not the cancelling, not the waiting, not the reporting. */
TASK_TEST(tree_100000_tasks_deep_is_cancelled_and_unwound, .seconds = 60)
{
        struct cede_scope c;

        deepest = test_slowed() ? 2000 : many_guards() ? 100000 : 20000;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .stack_size = 16384 }, descend,
                                  (void *)1, NULL),
                  0);
        EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_EQ(cede_sem_waiting(&never), 1);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&never), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(unwound, deepest - 1);
}

TASK_TEST(many_scopes_of_one_task_are_cancelled_at_once)
{
        const int n = 10000;
        struct cede_scope *scopes = calloc((size_t)n, sizeof(*scopes));

        EXPECT(scopes);
        for (int i = 0; i < n; i++)
                cede_scope_open(&scopes[i]);
        cede_scope_cancel(&scopes[0]);
        for (int i = n - 1; i >= 0; i--) {
                EXPECT_EQ(cede_checkpoint(), -ECANCELED);
                EXPECT_EQ(cede_scope_close(&scopes[i], 0), 0);
        }
        EXPECT_EQ(cede_checkpoint(), 0);
        free(scopes);
}
