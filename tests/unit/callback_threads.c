/* SPDX-License-Identifier: MIT */
/* Callbacks that other threads grant or cancel, and callbacks of a foreign loop. */
#include "callbacks.h"

enum { OVER = INT32_MAX }; /* the round after the last */

static atomic_int go, over;
static int rounds, called, already;
static struct cede_callback waiting;

static void count_call(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        called++;
}

static void *release_each_round(void *arg)
{
        for (int i = 1;; i++) {
                until(&go, i);
                if (atomic_load(&go) == OVER)
                        return arg;
                EXPECT_EQ(cede_sem_release(&sem), 0);
                atomic_store(&over, i);
        }
}

static int cancel_in_a_race(void *arg)
{
        int i = (int)(intptr_t)arg, before = called;
        struct cede_callback *c = &waiting;
        int r;

        *c = (struct cede_callback){ .fn = count_call };
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, c), 0);
        atomic_store(&go, i);
        for (int pause = i % 64; pause > 0; pause--)
                cede__spin_pause();
        r = cede_callback_cancel(c);
        EXPECT(r == 0 || r == -EALREADY);
        EXPECT_EQ(called, before); /* only when its turn comes */
        already += r == -EALREADY;
        return 0;
}

/* The run ends at once: if the callback was granted, even a moment ago, it is still called. */
TEST(cancel_in_the_loop_races_with_a_grant, .seconds = 60)
{
        pthread_t thread = start(release_each_round, NULL);
        int most = test_slowed() ? 200 : 2000;

        while (!rounds || (rounds < most && test_has_time())) {
                rounds++;
                EXPECT_EQ(cede_run(cancel_in_a_race, (void *)(intptr_t)rounds), 0);
                EXPECT_EQ(called, already);
                until(&over, rounds);
                EXPECT_EQ(cede_sem_waiting(&sem), 0);
        }
        atomic_store(&go, OVER);
        join(thread);
        EXPECT_EQ(cede_sem_value(&sem), rounds - called);
}

static void *cancel_each_round(void *arg)
{
        for (int i = 1;; i++) {
                int r;

                until(&go, i);
                if (atomic_load(&go) == OVER)
                        return arg;
                r = cede_callback_cancel(&waiting);
                EXPECT(r == 0 || r == -EALREADY);
                already += r == -EALREADY;
                atomic_store(&over, i);
        }
}

static int release_in_a_race(void *arg)
{
        int most = test_slowed() ? 500 : 5000;

        (void)arg;
        while (!rounds || (rounds < most && test_has_time())) {
                rounds++;
                waiting = (struct cede_callback){ .fn = count_call };
                EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &waiting), 0);
                atomic_store(&go, rounds);
                for (int pause = rounds % 64; pause > 0; pause--)
                        cede__spin_pause();
                EXPECT_EQ(cede_sem_release(&sem), 0);
                until(&over, rounds);
                EXPECT_EQ(cede_yield(), 0);
                EXPECT_EQ(called, already);
                EXPECT_EQ(cede_sem_waiting(&sem), 0);
        }
        return 0;
}

TEST(cancel_by_another_thread_races_with_a_grant, .seconds = 60)
{
        pthread_t thread = start(cancel_each_round, NULL);

        EXPECT_EQ(cede_run(release_in_a_race, NULL), 0);
        atomic_store(&go, OVER);
        join(thread);
        EXPECT_EQ(cede_sem_value(&sem), rounds - called);
}

static pthread_t called_on;

static void remember_thread(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        called_on = pthread_self();
        called++;
}

static int wait_for_the_call(void *arg)
{
        (void)arg;
        waiting = (struct cede_callback){ .fn = remember_thread };
        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &waiting), 0);
        atomic_store(&go, 1);
        while (!called)
                EXPECT_EQ(cede_sleep(CEDE_US(100)), 0);
        return 0;
}

TEST(grant_by_another_thread_is_called_by_the_run)
{
        pthread_t thread = start(release_each_round, NULL);

        EXPECT_EQ(cede_run(wait_for_the_call, NULL), 0);
        atomic_store(&go, OVER);
        join(thread);
        EXPECT(pthread_equal(called_on, pthread_self()));
}

/* A foreign loop: a queue of its own, and a thread that calls what is in it. */

enum { FOREIGN = 500 };

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct cede_callback *posted[FOREIGN];
        int count;
} foreign = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void post_foreign(struct cede_callback *callback)
{
        pthread_mutex_lock(&foreign.lock);
        foreign.posted[foreign.count++] = callback;
        pthread_cond_signal(&foreign.changed);
        pthread_mutex_unlock(&foreign.lock);
}

static void *foreign_loop(void *arg)
{
        called_on = pthread_self();
        for (int i = 0; i < FOREIGN; i++) {
                struct cede_callback *next;

                pthread_mutex_lock(&foreign.lock);
                while (foreign.count == i)
                        pthread_cond_wait(&foreign.changed, &foreign.lock);
                next = foreign.posted[i];
                pthread_mutex_unlock(&foreign.lock);
                cede_callback_run(next);
        }
        return arg;
}

static void expect_order(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        EXPECT(pthread_equal(called_on, pthread_self()));
        EXPECT_EQ(cede__container_of(callback, struct turn, callback)->number, called);
        called++;
        EXPECT_EQ(cede_sem_release(&sem), 0); /* the next one's */
}

static int release_one(void *arg)
{
        (void)arg;
        return cede_sem_release(&sem);
}

TEST(foreign_loop_is_posted_to_in_order)
{
        static struct turn turns[FOREIGN];
        pthread_t thread;

        for (int i = 0; i < FOREIGN; i++) {
                turns[i] = (struct turn){ .callback = { .fn = expect_order, .post = post_foreign },
                                          .number = i };
                EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &turns[i].callback), 0);
        }
        EXPECT_EQ(cede_sem_waiting(&sem), FOREIGN);
        thread = start(foreign_loop, NULL);
        EXPECT_EQ(cede_run(release_one, NULL), 0);
        join(thread);
        EXPECT_EQ(called, FOREIGN);
        EXPECT_EQ(cede_sem_value(&sem), 1);
}

static struct cede_callback *noted;

static void note_post(struct cede_callback *callback)
{
        noted = callback;
}

TEST(foreign_callback_that_was_posted_holds_the_permit)
{
        struct turn t = { .callback = { .fn = say, .post = note_post }, .number = 1 };

        EXPECT_EQ(cede_sem_acquire_async(&sem, 1, &t.callback), 0);
        EXPECT(!noted);
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT(noted == &t.callback);
        EXPECT_LOG("");
        EXPECT_EQ(cede_sem_try_acquire(&sem), -EAGAIN);
        EXPECT_EQ(cede_callback_cancel(&t.callback), -EALREADY);
        cede_callback_run(noted);
        EXPECT_LOG("c1");
}
