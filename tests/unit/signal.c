/* SPDX-License-Identifier: MIT */
/* Signals that cancel or report, and the watchdog. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "log.h"

static struct cede_sem never;
static const int both[] = { SIGINT, SIGTERM, 0 };
static const struct cede_run_options cancelling = { .clock = CEDE_CLOCK_VIRTUAL,
                                                    .cancel_signals = both };

static int straggler(void *arg)
{
        int r = cede_sem_acquire(&never);

        (void)arg;
        note("straggler:%s", word(r));
        return r;
}

static int raise_and_wait(void *arg)
{
        int signal = *(int *)arg, r;

        EXPECT(!cede_interrupted());
        spawn_now(NULL, straggler, NULL);
        raise(signal);
        r = cede_sleep(CEDE_SEC(5));
        note("main:%s@%d", word(r), now_ms());
        EXPECT(cede_interrupted());
        return r;
}

TEST(cancel_signal_cancels_the_run)
{
        for (int i = 0; i < 2; i++) {
                int signal = both[i];

                EXPECT_EQ(cede_run_with(raise_and_wait, &signal, &cancelling), -ECANCELED);
                EXPECT_EQ(cede_interrupted(), signal);
                EXPECT_LOG("main:cancelled@0 straggler:cancelled");
        }
}

TEST(interrupted_is_forgotten_by_the_next_run)
{
        int signal = SIGINT;

        EXPECT(!cede_interrupted());
        EXPECT_EQ(cede_run_with(raise_and_wait, &signal, &cancelling), -ECANCELED);
        EXPECT(cede_interrupted());
        EXPECT_EQ(cede_run(return_it, NULL), 0);
        EXPECT(!cede_interrupted());
}

static void my_handler(int signal)
{
        (void)signal;
}

TEST(handlers_are_put_back)
{
        struct sigaction after;
        int raised = SIGINT;

        EXPECT_EQ(sigaction(SIGINT, &(struct sigaction){ .sa_handler = my_handler }, NULL), 0);
        EXPECT_EQ(cede_run_with(raise_and_wait, &raised, &cancelling), -ECANCELED);
        EXPECT_EQ(sigaction(SIGINT, NULL, &after), 0);
        EXPECT(after.sa_handler == my_handler);
        EXPECT_EQ(sigaction(SIGTERM, NULL, &after), 0);
        EXPECT(after.sa_handler == SIG_DFL);
}

/* Signals that come within 0.2 s of the first count as the same one: this is longer. */
static void let_it_pass(void)
{
        struct timespec time = { .tv_nsec = 250 * 1000 * 1000 };

        while (nanosleep(&time, &time) < 0)
                ;
}

static int raise_twice(void *arg)
{
        const int *signals = arg;

        raise(signals[0]);
        EXPECT_EQ(cede_sleep(1), -ECANCELED);
        let_it_pass();
        fprintf(stderr, "still here after the first\n");
        raise(signals[1]);
        CEDE_SHIELD
                EXPECT_EQ(cede_sleep(1), 0);
        fprintf(stderr, "still here after the second\n");
        exit(0);
}

TEST_DIES(second_signal_has_its_default_effect, "still here after the first")
{
        static int twice[] = { SIGINT, SIGINT };

        cede_run_with(raise_twice, twice, &cancelling);
}

TEST_DIES(second_signal_of_another_kind_has_its_default_effect, "still here after the first")
{
        static int each[] = { SIGINT, SIGTERM };

        cede_run_with(raise_twice, each, &cancelling);
}

static int raise_together(void *arg)
{
        (void)arg;
        raise(SIGINT);
        raise(SIGINT);
        raise(SIGTERM);
        return cede_sleep(1);
}

/* timeout(1) signals the process and then its group. */
TEST(signals_that_come_together_count_as_one)
{
        EXPECT_EQ(cede_run_with(raise_together, NULL, &cancelling), -ECANCELED);
        EXPECT_EQ(cede_interrupted(), SIGINT);
}

static int raise_and_sleep(void *arg)
{
        raise(*(int *)arg);
        return cede_sleep(1);
}

TEST(ignored_signals_stay_ignored)
{
        int raised = SIGINT;

        signal(SIGINT, SIG_IGN);
        EXPECT_EQ(cede_run_with(raise_and_sleep, &raised, &cancelling), 0);
        EXPECT_EQ(cede_interrupted(), 0);
        raised = SIGTERM;
        EXPECT_EQ(cede_run_with(raise_and_sleep, &raised, &cancelling), -ECANCELED);
        EXPECT_EQ(cede_interrupted(), SIGTERM);
}

static void *send_interrupt(void *arg)
{
        (void)arg;
        kill(getpid(), SIGINT);
        return NULL;
}

static int sleep_for_a_minute(void *arg)
{
        pthread_t *thread = arg;

        EXPECT_EQ(pthread_create(thread, NULL, send_interrupt, NULL), 0);
        return cede_sleep(CEDE_SEC(60));
}

TEST(cancel_signal_wakes_a_sleeping_loop)
{
        pthread_t thread;

        EXPECT_EQ(cede_run_with(sleep_for_a_minute, &thread,
                                &(struct cede_run_options){ .cancel_signals = both }),
                  -ECANCELED);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
        EXPECT(cede_interrupted());
}

static int wait_for_ever(void *thread)
{
        EXPECT_EQ(pthread_create(thread, NULL, send_interrupt, NULL), 0);
        return cede_sem_acquire(&never);
}

TEST(waiting_for_a_cancel_signal_is_no_deadlock)
{
        pthread_t thread;

        EXPECT_EQ(cede_run_with(wait_for_ever, &thread,
                                &(struct cede_run_options){ .cancel_signals = both }),
                  -ECANCELED);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

static int compute_until_cancelled(void *arg)
{
        (void)arg;
        raise(SIGINT);
        while (cede_checkpoint() == 0)
                ;
        return cede_checkpoint();
}

TEST(checkpoint_notices_a_cancel_signal)
{
        EXPECT_EQ(cede_run_with(compute_until_cancelled, NULL,
                                &(struct cede_run_options){ .cancel_signals = both }),
                  -ECANCELED);
}

/* Reports on request */

static int raise_for_a_report(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn_with(NULL, &(struct cede_spawn_options){ .name = "patient" },
                                  straggler, NULL, NULL),
                  0);
        EXPECT_EQ(cede_yield(), 0);
        raise(SIGUSR1);
        return cede_sleep(CEDE_SEC(1));
}

TEST(report_signal_prints_the_task_tree)
{
        const char *text;

        capture_begin();
        EXPECT_EQ(cede_run_with(raise_for_a_report, NULL,
                                &(struct cede_run_options){ .clock = CEDE_CLOCK_VIRTUAL,
                                                            .report_signal = SIGUSR1 }),
                  0);
        text = capture_end();
        EXPECT(strstr(text, "main (1): "));
        EXPECT(strstr(text, "patient (2): waits for semaphore unnamed"));
        EXPECT(!strstr(text, "deadlock"));
        EXPECT_LOG("straggler:cancelled");
}

/* The watchdog */

enum { LIMIT_MS = 20 };

static int count(const char *text, const char *what)
{
        int n = 0;

        while ((text = strstr(text, what))) {
                text += strlen(what);
                n++;
        }
        return n;
}

static const char hog_has_run[] = "task \"hog\" (2) has run for more than 20 ms without";

/*
 * Computes until the watchdog has said it so often, however long that takes on a busy machine, and
 * then for long enough that it could say it again.
 */
static void compute_until_reported(const char *what, int times)
{
        int64_t until;

        while (count(capture_so_far(), what) < times)
                ;
        until = cede_now() + CEDE_MS(5 * LIMIT_MS);
        while (cede_now() < until)
                ;
}

/* No stretch without a report: the shortest is too long where others have the processor. */
static int hog(void *arg)
{
        int stretches = (int)(intptr_t)arg;

        for (int i = 1; i <= stretches; i++) {
                if (i > 1)
                        EXPECT_EQ(cede_yield(), 0);
                compute_until_reported(hog_has_run, i);
        }
        return 0;
}

static int have_a_hog(void *arg)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(
                cede_spawn_with(&c, &(struct cede_spawn_options){ .name = "hog" }, hog, arg, NULL),
                0);
        return cede_scope_close(&c, 0);
}

static const struct cede_run_options watched = { .watchdog = CEDE_MS(LIMIT_MS) };

TEST(watchdog_names_the_culprit_once_per_stretch)
{
        for (int stretches = 1; stretches <= 2; stretches++) {
                const char *text;

                capture_begin();
                EXPECT_EQ(cede_run_with(have_a_hog, (void *)(intptr_t)stretches, &watched), 0);
                text = capture_end();
                EXPECT_EQ(count(text, hog_has_run), stretches);
        }
}

static int only_checkpoint(void *arg)
{
        (void)arg;
        while (count(capture_so_far(), "without giving way") < 1)
                EXPECT_EQ(cede_checkpoint(), 0);
        for (int64_t until = cede_now() + CEDE_MS(5 * LIMIT_MS); cede_now() < until;)
                EXPECT_EQ(cede_checkpoint(), 0);
        return 0;
}

TEST(watchdog_names_a_task_that_only_checkpoints)
{
        capture_begin();
        EXPECT_EQ(cede_run_with(only_checkpoint, NULL, &watched), 0);
        EXPECT_EQ(count(capture_end(), "without giving way"), 1);
}

enum { PATIENT_MS = 300 };

/* The longest that nobody gave way, which on a busy machine may be as long as the limit. */
static int64_t gave_way_at, longest;

static void gives_way_since(int64_t t)
{
        int64_t now = cede_now();

        longest = now - t > longest ? now - t : longest;
        gave_way_at = now;
}

static int give_way(void *arg)
{
        int64_t until = cede_now() + CEDE_MS(500);

        (void)arg;
        while (cede_now() < until) {
                EXPECT_EQ(cede_yield(), 0);
                gives_way_since(gave_way_at);
        }
        return 0;
}

static int wait_a_lot(void *arg)
{
        struct cede_scope c;
        int64_t until;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, give_way, NULL), 0);
        EXPECT_EQ(cede_spawn(&c, give_way, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        until = cede_in(CEDE_MS(500));
        gives_way_since(gave_way_at);
        EXPECT_EQ(cede_sleep_until(until), 0);
        gives_way_since(until);
        return 0;
}

/* Neither turns nor sleep are a stretch. */
TEST(watchdog_is_silent_otherwise)
{
        const char *text;

        capture_begin();
        gave_way_at = cede_now();
        EXPECT_EQ(cede_run_with(wait_a_lot, NULL,
                                &(struct cede_run_options){ .watchdog = CEDE_MS(PATIENT_MS) }),
                  0);
        gives_way_since(gave_way_at);
        text = capture_end();
        if (longest < CEDE_MS(PATIENT_MS))
                EXPECT_STR(text, "");
}

TEST(watchdog_puts_the_signal_handler_back)
{
        struct sigaction after;

        EXPECT_EQ(cede_run_with(return_it, NULL, &watched), 0);
        EXPECT_EQ(sigaction(SIGURG, NULL, &after), 0);
        EXPECT(after.sa_handler == SIG_DFL);
}
