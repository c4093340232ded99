/* SPDX-License-Identifier: MIT */
/* Barrier: all arrive, all go on, each with a number of its own; or nobody, and all are told. */
#include "barrier.h"

static int arrive_twice(void *name)
{
        arrive(name);
        arrive(name);
        return 0;
}

TASK_TEST(last_goes_on_at_once_and_the_others_in_order)
{
        expect_it_works();
        expect_state(0, 1, false);
        EXPECT_EQ(cede_barrier_init(&b, 3, CEDE_LIFO), 0);
        {
                struct cede_scope c;

                cede_scope_open(&c);
                spawn_now(&c, arrive, "x");
                spawn_now(&c, arrive, "y");
                EXPECT_LOG("");
                expect_state(2, 0, false);
                arrive("z");
                expect_state(0, 1, false);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                EXPECT_LOG("z:2 y:1 x:0");
        }
        cede_barrier_finish(&b);
}

TASK_TEST(priority_set_while_waiting)
{
        struct cede_scope c;
        struct cede_task *x;

        EXPECT_EQ(cede_barrier_init(&b, 4, CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        x = spawn_held(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        spawn_now(&c, arrive, "z");
        cede_task_set_priority(x, -1);
        arrive("last");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("last:3 y:1 z:2 x:0");
}

/* Whoever arrives while the last round still goes away belongs to the next one. */
TASK_TEST(arrivals_while_it_drains_are_of_the_next_round)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "a");
        spawn_now(&c, arrive_twice, "b");
        arrive("c"); /* complete; a and b have not run */
        spawn_now(&c, arrive, "d");
        EXPECT_LOG("c:2 a:0 b:1"); /* b has come again, and waits; then d */
        expect_state(2, 1, false);
        arrive("e");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("e:2 b:0 d:1");
        expect_state(0, 2, false);
}

static int many_rounds(void *seen)
{
        for (int i = 0; i < 1000; i++) {
                int r = cede_barrier_wait(&b);

                EXPECT(r >= 0 && r < 3);
                ((unsigned *)seen)[i] |= 1U << r;
        }
        return 0;
}

TASK_TEST(numbers_are_unique_in_every_round)
{
        static unsigned seen[1000];
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_spawn(&c, many_rounds, seen), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(seen[i], 7);
        expect_state(0, 1000, false);
}

TASK_TEST(one_party_never_waits)
{
        EXPECT_EQ(cede_barrier_init(&b, 1, CEDE_FIFO), 0);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_barrier_wait(&b), 0);
        expect_state(0, 3, false);
}

/* Broken */

TASK_TEST(cancelled_party_breaks_it_for_all_until_it_is_reset)
{
        struct cede_scope c;
        struct cede_task *x;

        cede_scope_open(&c);
        x = spawn_held(&c, arrive_then_checkpoint, "x");
        spawn_now(&c, arrive, "y");
        cede_task_cancel(x);
        expect_state(0, 0, true); /* at once */
        arrive("late");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("late:broken y:broken x:cancelled then:cancelled");
        arrive("later");
        EXPECT_LOG("later:broken");
        cede_barrier_reset(&b);
        expect_it_works();
        cede_barrier_finish(&b);
}

TASK_TEST(deadline_of_one_party_breaks_it)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        CEDE_TIMEOUT(CEDE_MS(5))
                arrive("y");
        EXPECT_EQ(now_ms(), 5);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("x:broken y:timeout");
        expect_state(0, 0, true);
}

TASK_TEST(cancelled_before_it_came_breaks_it_even_as_the_last)
{
        struct cede_scope c, cancelled;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        cede_scope_open(&cancelled);
        cede_scope_cancel(&cancelled);
        arrive("z");
        EXPECT_EQ(cede_scope_close(&cancelled, 0), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:cancelled x:broken y:broken");
}

TASK_TEST(expired_deadline_passes_as_the_last_and_breaks_it_before)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                arrive("z");
                expect_state(0, 1, false);
                arrive("early");
                expect_state(0, 1, true);
                arrive("again");
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:2 early:timeout again:broken x:0 y:1");
}

TASK_TEST(complete_round_is_not_broken_any_more)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive_then_checkpoint, "x");
        spawn_now(&c, arrive_then_checkpoint, "y");
        arrive("z");
        cede_scope_cancel(&c);
        cede_barrier_abort(&b);
        cede_barrier_reset(&b);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:2 x:0 then:cancelled y:1 then:cancelled");
        expect_it_works();
}

TASK_TEST(abort_and_reset_send_away_who_waits)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive_twice, "x");
        spawn_now(&c, arrive, "y");
        cede_barrier_abort(&b);
        expect_state(0, 0, true);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("x:broken x:broken y:broken");
        cede_barrier_reset(&b);
        spawn_now(&c, arrive, "z");
        cede_barrier_reset(&b);
        expect_state(0, 0, false);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:broken");
        expect_it_works();
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        for (int i = 0; i < 1000; i++) {
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_barrier_wait(&b), -ETIMEDOUT);
                cede_barrier_reset(&b);
        }
        expect_it_works();
        cede_barrier_finish(&b);
}
