/* SPDX-License-Identifier: MIT */
/* Threads that the library starts: results, who may join, and those that nobody joins. */
#include "log.h"
#include "threads.h"
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

static struct cede_thread *begin(int (*fn)(void *), void *arg)
{
        struct cede_thread *thread = NULL;

        EXPECT_EQ(cede_thread_start(NULL, fn, arg, &thread), 0);
        return thread;
}

static sem_t go;

static int until_told(void *arg)
{
        while (sem_wait(&go) < 0)
                ;
        return (int)(intptr_t)arg;
}

TEST(thread_joins_thread)
{
        int result = 0;

        EXPECT_EQ(cede_thread_join(begin(return_it, N(42)), &result), 0);
        EXPECT_EQ(result, 42);
        EXPECT_EQ(cede_thread_join(begin(return_it, N(-EIO)), &result), 0);
        EXPECT_EQ(result, -EIO);
        EXPECT_EQ(cede_thread_join(begin(return_it, N(1)), NULL), 0);
}

TEST(bad_arguments)
{
        const struct cede_thread_options huge = { .stack_size = SIZE_MAX };
        struct cede_thread *thread = NULL;

        EXPECT_EQ(cede_thread_start(NULL, NULL, NULL, &thread), -EINVAL);
        EXPECT_EQ(cede_thread_start(NULL, return_it, NULL, NULL), -EINVAL);
        EXPECT_EQ(cede_thread_start(&huge, return_it, NULL, &thread), -EINVAL);
        EXPECT(!thread);
        EXPECT_EQ(cede_thread_join(NULL, NULL), -EINVAL);
}

static int look_at_itself(void *arg)
{
        pthread_attr_t attributes;
        sigset_t blocked;
        size_t size;

        while (sem_wait(&go) < 0) /* until it has been named */
                ;
        EXPECT(!cede_task_self());
        EXPECT_EQ(pthread_getname_np(pthread_self(), arg, 16), 0);
        pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        EXPECT(sigismember(&blocked, SIGINT) && !sigismember(&blocked, SIGSEGV));
        EXPECT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
        EXPECT_EQ(pthread_attr_getstacksize(&attributes, &size), 0);
        pthread_attr_destroy(&attributes);
        return size >= 300001 && size < 1 << 20;
}

TEST(options_are_kept)
{
        const struct cede_thread_options options = { "a name that is longer than ps shows",
                                                     300001 };
        struct cede_thread *thread;
        char name[16] = "";
        int result = 0;

        sem_init(&go, 0, 0);
        EXPECT_EQ(cede_thread_start(&options, look_at_itself, name, &thread), 0);
        sem_post(&go);
        EXPECT_EQ(cede_thread_join(thread, &result), 0);
        EXPECT_EQ(result, 1);
        EXPECT_STR(name, "a name that is ");
}

TEST(tiny_stack_becomes_a_usable_one)
{
        struct cede_thread *thread;

        EXPECT_EQ(cede_thread_start(&(struct cede_thread_options){ .stack_size = 1 }, return_it,
                                    NULL, &thread),
                  0);
        EXPECT_EQ(cede_thread_join(thread, NULL), 0);
}

static int wait_for_permit(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&sem);
}

/* The joiner waits in its run, whose other task lets the thread go on. */
static int join_it(void *thread)
{
        int result = -1;

        EXPECT_EQ(cede_thread_join(thread, &result), 0);
        note("joined:%s", word(result));
        return 0;
}

TASK_TEST(only_the_joining_task_waits)
{
        struct cede_scope c;

        empty(CEDE_FIFO);
        cede_scope_open(&c);
        spawn_now(&c, join_it, begin(wait_for_permit, NULL));
        note("meanwhile");
        cede_sem_release(&sem);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("meanwhile joined:ok");
        expect_left(0);
}

TASK_TEST(joining_can_be_cancelled_and_tried_again)
{
        struct cede_thread *thread;
        struct cede_scope c;
        int result = 0;

        sem_init(&go, 0, 0);
        thread = begin(until_told, N(6));
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_thread_join(thread, &result), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_thread_join(thread, &result), -ETIMEDOUT);
        EXPECT_EQ(result, 0);
        sem_post(&go);
        EXPECT_EQ(cede_thread_join(thread, &result), 0);
        EXPECT_EQ(result, 6);
}

TEST(plain_thread_joins_with_a_deadline)
{
        struct cede_thread *thread;
        int result = 0;

        sem_init(&go, 0, 0);
        thread = begin(until_told, N(6));
        CEDE_TIMEOUT(CEDE_MS(1))
                EXPECT_EQ(cede_thread_join(thread, &result), -ETIMEDOUT);
        sem_post(&go);
        EXPECT_EQ(cede_thread_join(thread, &result), 0);
        EXPECT_EQ(result, 6);
}

TASK_TEST(one_joins_at_a_time)
{
        struct cede_thread *thread;
        struct cede_scope c;
        int result = 0;

        sem_init(&go, 0, 0);
        thread = begin(until_told, NULL);
        cede_scope_open(&c);
        spawn_now(&c, join_it, thread);
        EXPECT_EQ(cede_thread_join(thread, &result), -EBUSY);
        sem_post(&go);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("joined:ok");
}

static struct cede_thread *own;

static int join_itself(void *arg)
{
        while (sem_wait(&go) < 0)
                ;
        (void)arg;
        return cede_thread_join(own, NULL);
}

TEST(joining_itself_fails)
{
        int result = 0;

        sem_init(&go, 0, 0);
        own = begin(join_itself, NULL);
        sem_post(&go);
        EXPECT_EQ(cede_thread_join(own, &result), 0);
        EXPECT_EQ(result, -EDEADLK);
}

static struct cede_mutex mutex;

static int lock_and_end(void *arg)
{
        (void)arg;
        return cede_mutex_lock(&mutex);
}

TEST(what_it_holds_is_passed_on_before_it_is_joined)
{
        int result = -1;

        EXPECT_EQ(cede_thread_join(begin(lock_and_end, NULL), &result), 0);
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_mutex_try_lock(&mutex), -EOWNERDEAD);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
}

TEST(hundred_threads_are_joined)
{
        struct cede_thread *threads[100];
        int result;

        for (int i = 0; i < 100; i++)
                threads[i] = begin(return_it, N(i));
        for (int i = 0; i < 100; i++) {
                EXPECT_EQ(cede_thread_join(threads[i], &result), 0);
                EXPECT_EQ(result, i);
        }
}

TEST_DIES(forgotten_thread_is_reported_at_exit, "thread forgotten, started at ")
{
        struct cede_thread *thread;

        EXPECT_EQ(cede_thread_start(&(struct cede_thread_options){ .name = "forgotten" }, return_it,
                                    NULL, &thread),
                  0);
        exit(1);
}

TEST_DIES(forgotten_thread_that_runs_is_reported_at_exit, "was still running when the program")
{
        sem_init(&go, 0, 0);
        begin(until_told, NULL);
        exit(1);
}
