/* SPDX-License-Identifier: MIT */
/* Deadlock reports and the task tree: who is named, what each waits on, and what follows. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "log.h"

static struct cede_sem gate;

static int wait_at_the_gate(void *arg)
{
        int r = cede_sem_acquire(&gate);

        (void)arg;
        note("%s", word(r));
        return r;
}

static int spawn_named(struct cede_scope *c, const char *name, int (*fn)(void *), void *arg)
{
        return cede_spawn_with(c, &(struct cede_spawn_options){ .name = name }, fn, arg, NULL);
}

/* One line of a report that begins with this; the rest of it, up to its end. */
static const char *rest_of(const char *text, const char *beginning)
{
        static char rest[256];
        const char *found = strstr(text, beginning);

        if (!found)
                test__fail(__FILE__, __LINE__, "no \"%s\" in the report", beginning);
        found += strlen(beginning);
        snprintf(rest, sizeof(rest), "%.*s", (int)strcspn(found, "\n"), found);
        return rest;
}

static bool ends_with(const char *text, const char *end)
{
        return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* The lines of a report without what depends on where the program was loaded: ", at ...". */
static const char *without_sites(const char *text)
{
        static char plain[65536];
        size_t used = 0;

        while (*text) {
                const char *end = strchr(text, '\n'), *at = strstr(text, ", at "), *tail = "";

                end = end ? end : text + strlen(text);
                if (at && at < end) {
                        if (strncmp(end - strlen(", cancelled"), ", cancelled",
                                    strlen(", cancelled")) == 0)
                                tail = ", cancelled";
                } else {
                        at = end;
                }
                used += (size_t)snprintf(plain + used, sizeof(plain) - used, "%.*s%s\n",
                                         (int)(at - text), text, tail);
                text = *end ? end + 1 : end;
        }
        plain[used] = 0;
        return plain;
}

/* Deadlock */

static int wait_with_a_child(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        EXPECT_EQ(spawn_named(&c, "grandchild", wait_at_the_gate, NULL), 0);
        return cede_scope_close(&c, 0);
}

static int join_it(void *task)
{
        int r = cede_task_join(task, NULL);

        EXPECT(r <= 0); /* so that the call is not the function's last act, and leaves a trace */
        return r;
}

static int wait_for_one_another(void *arg)
{
        struct cede_scope c;
        struct cede_task *a;

        (void)arg;
        cede_sem_set_name(&gate, "gate");
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &(struct cede_spawn_options){ .name = "a" }, wait_at_the_gate,
                                  NULL, &a),
                  0);
        EXPECT_EQ(spawn_named(&c, "b", wait_with_a_child, NULL), 0);
        EXPECT_EQ(spawn_named(&c, "c", join_it, a), 0);
        return cede_scope_close(&c, 0);
}

TEST(deadlock_report_names_tasks_and_what_they_wait_on)
{
        const char *text;

        capture_begin();
        EXPECT_EQ(run_virtual(wait_for_one_another, NULL), -EDEADLK);
        text = capture_end();
        EXPECT(strncmp(text, "cede: deadlock: ", strlen("cede: deadlock: ")) == 0);
        EXPECT_STR(without_sites(strchr(text, '\n') + 1),
                   "  main (1): waits for the end of 3 children\n"
                   "    a (2): waits for semaphore gate (wants 1, 0 free, 2 waiting)\n"
                   "    b (3): waits for the end of 1 child\n"
                   "      grandchild (5): waits for semaphore gate (wants 1, 0 free, 2 waiting)\n"
                   "    c (4): waits for the end of task \"a\" (2)\n");
        EXPECT_LOG("cancelled cancelled");
}

TEST(deadlock_report_says_where_each_waits)
{
        const char *text;

        capture_begin();
        EXPECT_EQ(run_virtual(wait_for_one_another, NULL), -EDEADLK);
        text = capture_end();
        EXPECT(strstr(rest_of(text, "main (1)"), ", at "));
        if (!strstr(text, "report.c:"))
                return; /* built without the means to look names up */
        EXPECT(strstr(rest_of(text, "main (1)"), ", at wait_for_one_another (report.c:"));
        EXPECT(strstr(rest_of(text, "a (2)"), ", at wait_at_the_gate (report.c:"));
        EXPECT(strstr(rest_of(text, "c (4)"), ", at join_it (report.c:"));
}

static int deadlock_alone(void *arg)
{
        int r = cede_sem_acquire(&gate);

        (void)arg;
        note("%s", word(r));
        EXPECT_EQ(cede_yield(), -ECANCELED);
        return 0;
}

/* Everything is cancelled and unwinds as usual; the result says what happened. */
/*
 * After the first report: a forked process under ThreadSanitizer has one thread more than is
 * known.
 */
static void skip_under_tsan(void)
{
#if defined(__SANITIZE_THREAD__)
        SKIP("ThreadSanitizer has an extra thread in a forked process, which counts as foreign");
#endif
}

TEST(deadlock_is_the_result_whatever_the_main_function_returns)
{
        skip_under_tsan();
        EXPECT_EQ(run_virtual(deadlock_alone, NULL), -EDEADLK);
        EXPECT_EQ(cede_run(deadlock_alone, NULL), -EDEADLK);
        EXPECT_LOG("cancelled cancelled");
        EXPECT_EQ(cede_sem_waiting(&gate), 0);
}

static int deadlock_late(void *arg)
{
        EXPECT_EQ(cede_sleep(CEDE_SEC(5)), 0);
        return deadlock_alone(arg);
}

TEST(timers_are_no_deadlock)
{
        EXPECT_EQ(run_virtual(deadlock_late, NULL), -EDEADLK);
}

static int wait_with_a_deadline(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_TIMEOUT(CEDE_SEC(1))
                r = cede_sem_acquire(&gate);
        EXPECT_EQ(r, -ETIMEDOUT);
        return 0;
}

TEST(wait_under_a_deadline_is_no_deadlock)
{
        capture_begin();
        EXPECT_EQ(run_virtual(wait_with_a_deadline, NULL), 0);
        EXPECT_STR(capture_end(), "");
}

static int release_it(void *arg)
{
        (void)arg;
        return cede_sem_release(&gate);
}

static int offload_the_release(void *arg)
{
        (void)arg;
        return cede_offload(release_it, NULL);
}

static int wait_for_a_thread(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, offload_the_release, NULL), 0);
        return cede_sem_acquire(&gate);
}

TEST(running_offloaded_function_is_no_deadlock)
{
        EXPECT_EQ(run_virtual(wait_for_a_thread, NULL), 0);
        EXPECT_EQ(cede_run(wait_for_a_thread, NULL), 0);
}

static void *release_in_thread(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sem_release(&gate), 0);
        return NULL;
}

static int wait_for_a_plain_thread(void *thread)
{
        EXPECT_EQ(pthread_create(thread, NULL, release_in_thread, NULL), 0);
        return cede_sem_acquire(&gate);
}

TEST(plain_thread_that_may_release_is_no_deadlock)
{
        pthread_t thread;

        EXPECT_EQ(cede_run(wait_for_a_plain_thread, &thread), 0);
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

static int wait_under_a_shield(void *arg)
{
        (void)arg;
        cede_sem_set_name(&gate, "shielded gate");
        CEDE_SHIELD
                return cede_sem_acquire(&gate);
        return 0;
}

TEST_ABORTS(second_deadlock_aborts, "deadlock again, although everything was cancelled")
{
        skip_under_tsan();
        run_virtual(wait_under_a_shield, NULL);
}

TEST_ABORTS(second_deadlock_reports_again, "waits for semaphore shielded gate")
{
        skip_under_tsan();
        run_virtual(wait_under_a_shield, NULL);
}

static int limited(void *arg)
{
        static struct cede_limit one = CEDE_LIMIT_INIT(1, CEDE_FIFO);
        struct cede_scope c;

        cede_limit_set_name(&one, "visits");
        cede_scope_open_with(&c, &(struct cede_scope_options){ .limit = &one });
        EXPECT_EQ(spawn_named(&c, "holder", wait_at_the_gate, arg), 0);
        EXPECT_EQ(spawn_named(&c, "queued", wait_at_the_gate, arg), 0);
        return cede_scope_close(&c, 0);
}

TEST(queued_start_is_reported)
{
        capture_begin();
        EXPECT_EQ(run_virtual(limited, NULL), -EDEADLK);
        EXPECT(ends_with(without_sites(capture_end()),
                         "  main (1): waits for the end of 2 children\n"
                         "    holder (2): waits for semaphore unnamed (wants 1, 0 free, "
                         "1 waiting)\n"
                         "    queued (3): waits to start\n"));
}

/* The tree at any time */

static int sleeper(void *arg)
{
        (void)arg;
        return cede_sleep(CEDE_MS(2500));
}

static int yielder(void *arg)
{
        (void)arg;
        (void)!cede_yield();
        return 0;
}

static int wait_for_two(void *arg)
{
        (void)arg;
        return cede_sem_acquire_n(&gate, 2);
}

TASK_TEST(task_tree)
{
        struct cede_scope c;

        cede_sem_set_name(&gate, "gate");
        cede_scope_open(&c);
        EXPECT_EQ(spawn_named(&c, "sleeper", sleeper, NULL), 0);
        EXPECT_EQ(spawn_named(&c, "waiter", wait_for_two, NULL), 0);
        EXPECT_EQ(spawn_named(NULL, "of the run", wait_with_a_child, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(spawn_named(&c, "fresh", sleeper, NULL), 0);
        EXPECT_EQ(cede_sem_release(&gate), 0);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT_STR(without_sites(capture_end()),
                   "  main (1): running\n"
                   "    sleeper (2): waits for another 2.500 s\n"
                   "    waiter (3): waits for semaphore gate (wants 2, 1 free, 1 waiting)\n"
                   "    fresh (6): about to start\n"
                   "    of the run (4): waits for the end of 1 child\n"
                   "      grandchild (5): about to start\n");
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(cancelled_and_ready_tasks_in_the_tree)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(spawn_named(&c, "yielder", yielder, NULL), 0);
        EXPECT_EQ(spawn_named(&c, "sleeper", sleeper, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_scope_cancel(&c);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT_STR(without_sites(capture_end()), "  main (1): running, cancelled\n"
                                                 "    yielder (2): ready, cancelled\n"
                                                 "    sleeper (3): ready, cancelled\n");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(granted_task_is_ready)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(spawn_named(&c, "granted", wait_at_the_gate, NULL), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_sem_release(&gate);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT_STR(without_sites(capture_end()), "  main (1): running\n"
                                                 "    granted (2): ready\n");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static struct cede_sem *short_lived;

static int wait_at_the_short_lived(void *arg)
{
        (void)arg;
        return cede_sem_acquire(short_lived);
}

/* What a task was granted need not exist any more when it is reported; see the sanitizers. */
TASK_TEST(granted_task_does_not_keep_the_object)
{
        struct cede_scope c;

        short_lived = calloc(1, sizeof(*short_lived));
        EXPECT(short_lived);
        cede_scope_open(&c);
        spawn_now(&c, wait_at_the_short_lived, NULL);
        cede_sem_release(short_lived);
        cede_sem_finish(short_lived);
        memset(short_lived, 0xff, sizeof(*short_lived));
        free(short_lived);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT(strstr(capture_end(), "ready"));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(ended_tasks_with_handles_are_not_shown)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_held(&c, return_it, NULL);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT_STR(without_sites(capture_end()), "  main (1): running\n");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

TASK_TEST(long_reports_are_cut)
{
        struct cede_scope c;
        const char *text;

        cede_scope_open(&c);
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(spawn_named(&c, "one of many", wait_at_the_gate, NULL), 0);
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        text = capture_end();
        EXPECT(ends_with(text, "  ... and 801 more\n"));
        cede_sem_release_n(&gate, 1000);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        log_take();
}

TEST(outside_of_a_run_there_is_nothing_to_print)
{
        capture_begin();
        cede_print_tasks(STDERR_FILENO);
        EXPECT_STR(capture_end(), "");
}

static int unnamed_function(void *arg)
{
        return wait_at_the_gate(arg);
}

static int have_an_unnamed_task(void *arg)
{
        spawn_now(NULL, unnamed_function, arg);
        return deadlock_alone(arg);
}

TEST(task_without_a_name_is_called_so_or_by_its_function)
{
        const char *text;

        capture_begin();
        EXPECT_EQ(run_virtual(have_an_unnamed_task, NULL), -EDEADLK);
        text = capture_end();
        EXPECT(strstr(text, "    task (2): ") || strstr(text, "    unnamed_function (2): "));
}
