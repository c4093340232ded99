/* SPDX-License-Identifier: MIT */
/*
 * Circles that lead through the way back from a condition, which cannot be ended, not even by a
 * deadline; and who is named in a report.
 */
#include "deadlock.h"
#include <sys/mman.h>

static struct cede_mutex m, other, third;

static struct cede_condition changed;

static int time_out_of_the_condition(void *arg)
{
        (void)arg;
        lock(&other);
        lock(&m);
        CEDE_TIMEOUT(CEDE_SEC(1))
                note("condition:%s", word(cede_condition_wait(&changed, &m)));
        unlock(&m);
        unlock(&other);
        return 0;
}

static int hold_m_and_lock_other(void *arg)
{
        int r;

        (void)arg;
        lock(&m);
        r = lock_briefly(&other);
        note("%s", word(r));
        unlock(&m);
        return 0;
}

TASK_TEST(return_from_a_condition_is_an_edge_even_under_a_deadline)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, time_out_of_the_condition, NULL);
        spawn_now(&c, hold_m_and_lock_other, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("deadlock condition:timeout");
        expect_reports(1);
}

static int hold_m_for_two_seconds(void *arg)
{
        (void)arg;
        lock(&m);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        note("%s", word(lock_briefly(&other)));
        unlock(&m);
        return 0;
}

/* The same, but the other one draws the last edge. */
TASK_TEST(lock_of_what_is_held_by_who_comes_back_from_a_condition)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, time_out_of_the_condition, NULL);
        spawn_now(&c, hold_m_for_two_seconds, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("deadlock condition:timeout");
        expect_reports(1);
}

static int lock_under_a_deadline(void *arg)
{
        (void)arg;
        lock(&m);
        CEDE_TIMEOUT(CEDE_SEC(2))
                note("%s", word(lock_briefly(&other)));
        unlock(&m);
        return 0;
}

TASK_TEST(nobody_is_stuck_on_one_who_will_give_up)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, time_out_of_the_condition, NULL);
        spawn_now(&c, lock_under_a_deadline, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("timeout condition:timeout");
        expect_reports(0);
}

/* Both hold a mutex, wait with another one, and are notified: firm waits all round. */
static int wait_with(void *crossed)
{
        struct cede_mutex *held = crossed ? &m : &other, *left = crossed ? &other : &m;

        lock(held);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_mutex_try_lock(crossed ? &third : left), 0);
        note("%s", word(cede_condition_wait(&changed, crossed ? &third : left)));
        unlock(crossed ? &third : left);
        unlock(held);
        return 0;
}

static int hold_third_and_lock_other(void *arg)
{
        (void)arg;
        lock(&third);
        CEDE_SHIELD
                note("shielded:%s", word(lock_briefly(&other)));
        unlock(&third);
        return 0;
}

/* The one whose wait can be ended is found behind one whose wait cannot, and a shield is no bar. */
TASK_TEST(first_wait_of_the_circle_that_can_be_ended_fails)
{
        struct cede_scope c;

        capture_begin();
        cede_scope_open(&c);
        spawn_now(&c, wait_with, NULL); /* holds other, waits with m */
        EXPECT_EQ(cede_yield(), 0);
        spawn_now(&c, wait_with, &c); /* holds m, waits with third */
        EXPECT_EQ(cede_yield(), 0);
        spawn_now(&c, hold_third_and_lock_other, NULL);
        EXPECT_EQ(cede_condition_notify_all(&changed), 2);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("shielded:deadlock ok ok");
        expect_reports(1);
}

/* Names */

static int lock_for_a_moment(void *arg)
{
        (void)arg;
        return lock_briefly(&m);
}

/* The tree of tasks, with one that waits for m. */
static const char *tree(void)
{
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        return capture_end();
}

/*
 * An owner of another run may have ended when the report comes to its name: nothing is read at its
 * address, which here cannot be.
 */
TASK_TEST(owner_that_may_be_gone_is_not_looked_at)
{
        void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct cede_scope c;
        uintptr_t word;

        EXPECT(gone != MAP_FAILED);
        lock(&m);
        cede_scope_open(&c);
        spawn_now(&c, lock_for_a_moment, NULL);
        EXPECT(strstr(tree(), "mutex unnamed (held by main (1), 1 waiting)"));
        word = m.word;
        m.word = (uintptr_t)gone | (word & 3);
        EXPECT(strstr(tree(), "(held by a thread, a callback or another run, 1 waiting)"));
        m.word = word;
        unlock(&m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(munmap(gone, 4096), 0);
}

static atomic_int held;

static void *hold_and_wait(void *arg)
{
        (void)arg;
        lock(&m);
        atomic_store(&held, 1);
        EXPECT_EQ(lock_briefly(&other), 0);
        unlock(&m);
        return NULL;
}

static int name_a_waiting_thread(void *arg)
{
        struct cede_scope c;
        const char *text;
        pthread_t thread;

        (void)arg;
        lock(&other);
        EXPECT_EQ(pthread_create(&thread, NULL, hold_and_wait, NULL), 0);
        until(&held, 1);
        cede_scope_open(&c);
        spawn_now(&c, lock_for_a_moment, NULL);
        do
                text = tree(); /* until it is in the table */
        while (!strstr(text, "mutex unnamed (held by a plain thread, 1 waiting)"));
        unlock(&other);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        return 0;
}

TEST(owner_that_waits_itself_is_named)
{
        EXPECT_EQ(cede_run(name_a_waiting_thread, NULL), 0);
}
