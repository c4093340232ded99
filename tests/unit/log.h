/* SPDX-License-Identifier: MIT */
/*
 * For tests of behaviour: a log of what happened, to be compared as one string, and tests whose
 * body is the main task of a run on the virtual clock.  They are run twice, with one worker and
 * with two.
 *
 *      TASK_TEST(sleepers_wake_in_time_order)
 *      {
 *              ...                             // tasks that call note("a"), note("b%d", 1)
 *              EXPECT_LOG("a b1");
 *      }
 */
#ifndef LOG_H
#define LOG_H

#include <cede.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

/* One per process, and each test has a process of its own. */
static char log_text[16384];
static size_t log_used;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

/* Adds a word to the log. */
__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
        va_list args;
        int n;

        pthread_mutex_lock(&log_lock);
        if (log_used > 0 && log_used < sizeof(log_text) - 1)
                log_text[log_used++] = ' ';
        va_start(args, format);
        n = vsnprintf(log_text + log_used, sizeof(log_text) - log_used, format, args);
        va_end(args);
        log_used += (size_t)n;
        if (log_used >= sizeof(log_text))
                test__fail(__FILE__, __LINE__, "the log is full");
        pthread_mutex_unlock(&log_lock);
}

static inline const char *log_take(void)
{
        static char taken[sizeof(log_text)];

        pthread_mutex_lock(&log_lock);
        for (size_t i = 0; i <= log_used; i++)
                taken[i] = i < log_used ? log_text[i] : 0;
        log_used = 0;
        log_text[0] = 0;
        pthread_mutex_unlock(&log_lock);
        return taken;
}

/* What was noted since the last time. */
#define EXPECT_LOG(expected) EXPECT_STR(log_take(), (expected))

/* Milliseconds on the loop's clock. */
static inline int now_ms(void)
{
        return (int)(cede_now() / CEDE_MS(1));
}

/* How results look in a log. */
static inline const char *word(int r)
{
        switch (r) {
        case 0:
                return "ok";
        case -ECANCELED:
                return "cancelled";
        case -ETIMEDOUT:
                return "timeout";
        case -EDEADLK:
                return "deadlock";
        case -EBUSY:
                return "busy";
        default:
                return r < 0 ? "error" : "positive";
        }
}

static const struct cede_run_options log_virtual = { .clock = CEDE_CLOCK_VIRTUAL };

/* Whether the run has several workers, as TEST_WORKERS says (tests/one-loop.txt). */
static bool several;

static inline int run_virtual(int (*fn)(void *), void *arg)
{
        const char *text = getenv("TEST_WORKERS");
        struct cede_run_options options = log_virtual;

        options.workers = text ? (unsigned)strtoul(text, NULL, 10) : 1;
        if (options.workers > 1)
                several = true;
        return cede_run_with(fn, arg, &options);
}

#define TASK_TEST(id, ...)                                                                         \
        static void task_##id(void);                                                               \
        static int task_main_##id(void *arg)                                                       \
        {                                                                                          \
                (void)arg;                                                                         \
                task_##id();                                                                       \
                return 0;                                                                          \
        }                                                                                          \
        TEST(id, __VA_ARGS__)                                                                      \
        {                                                                                          \
                EXPECT_EQ(run_virtual(task_main_##id, NULL), 0);                                   \
        }                                                                                          \
        static void task_##id(void)

/* A number as an argument, and a task or an offloaded function that returns it. */
#define N(n) ((void *)(intptr_t)(n))

static inline int return_it(void *number)
{
        return (int)(intptr_t)number;
}

/*
 * Gives each task a turn to run up to where it waits.  With several workers a turn here is none
 * elsewhere; but a nanosecond passes only when all of them wait.
 */
static inline void give_turns(void)
{
        for (int i = 0; several && i < 500; i++)
                sched_yield(); /* so that now and then the other worker takes it */
        EXPECT_EQ(several ? cede_sleep(1) : cede_yield(), 0);
}

/* Spawns, and gives the task a turn to run up to where it waits. */
static inline void spawn_now(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        EXPECT_EQ(cede_spawn(scope, fn, arg), 0);
        give_turns();
}

/* The same; keeps a handle. */
static inline struct cede_task *spawn_held(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        struct cede_task *task;

        EXPECT_EQ(cede_spawn_with(scope, NULL, fn, arg, &task), 0);
        give_turns();
        return task;
}

#endif
