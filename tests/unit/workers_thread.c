/* SPDX-License-Identifier: MIT */
/*
 * Several workers: what belongs to a thread is the same for a task from its start to its end, so
 * libraries that use it work: errno, thread-locals, blocking.  And each thread has its watchdog.
 */
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "placing.h"
#include "workers.h"

/* errno: where it is stays the same, and a task that fails at once with others reads its own. */

static int fail_differently(void *arg)
{
        const int *where = &errno;
        char none[1];

        for (int i = 0; i < 50; i++) {
                EXPECT(arg ? close(-1) < 0 : readlink("", none, sizeof(none)) < 0);
                EXPECT_EQ(errno, arg ? EBADF : ENOENT);
                EXPECT_EQ(i % 4 ? cede_yield() : cede_sleep(CEDE_US(1)), 0);
                EXPECT(where == &errno);
                errno = 0;
                EXPECT(arg ? close(-1) < 0 : readlink("", none, sizeof(none)) < 0);
                EXPECT_EQ(*where, arg ? EBADF : ENOENT);
        }
        return 0;
}

WORKERS_TEST(errno_is_where_it_was_before_a_wait)
{
        struct cede_scope c;

        cede_scope_open(&c);
        for (intptr_t i = 0; i < times(200); i++)
                EXPECT_EQ(cede_spawn(&c, fail_differently, (void *)(i % 2)), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

/* Tasks of one worker take turns, so a thread-local of theirs needs no lock. */

static _Thread_local struct tally {
        struct tally *next;
        long n;
        bool known;
} mine;

static pthread_mutex_t tallies_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tally *tallies;

static int add_to_mine(void *arg)
{
        struct tally *here = &mine;

        (void)arg;
        if (!mine.known) {
                pthread_mutex_lock(&tallies_lock);
                mine.known = true;
                mine.next = tallies;
                tallies = &mine;
                pthread_mutex_unlock(&tallies_lock);
        }
        for (int i = 0; i < 20; i++) {
                here->n++;
                EXPECT_EQ(i % 4 ? cede_yield() : cede_sleep(CEDE_US(1)), 0);
                EXPECT(here == &mine);
                mine.n++;
        }
        return 0;
}

WORKERS_TEST(a_thread_local_needs_no_lock_between_the_tasks_of_a_worker)
{
        struct cede_scope c;
        long n = 0;

        cede_scope_open(&c);
        for (int i = 0; i < times(1000); i++)
                EXPECT_EQ(cede_spawn(&c, add_to_mine, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        for (const struct tally *t = tallies; t; t = t->next)
                n += t->n;
        EXPECT_EQ(n, times(1000) * 40L);
}

/* Libraries */

static int use_libraries(void *arg)
{
        char numbers[] = "1 2 3 4 5", address[32], *state = NULL;
        int sum = 0, i = (int)(intptr_t)arg;

        for (char *w = strtok_r(numbers, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
                struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
                struct addrinfo *found;

                sum += atoi(w);
                snprintf(address, sizeof(address), "127.0.%d.%d", i % 256, sum);
                EXPECT_EQ(getaddrinfo(address, NULL, &hints, &found), 0);
                EXPECT_EQ(cede_yield(), 0);
                EXPECT_EQ(found->ai_family, AF_INET);
                EXPECT_EQ(((const unsigned char *)found->ai_addr->sa_data)[5], sum);
                freeaddrinfo(found);
        }
        EXPECT_EQ(sum, 15);
        atomic_fetch_add(&count, 1);
        return 0;
}

WORKERS_TEST(libraries_work_in_tasks_of_several_workers)
{
        const struct cede_spawn_options options = { .stack_size = 256 * 1024 };
        struct cede_scope c;

        cede_scope_open(&c);
        for (intptr_t i = 0; i < times(200); i++)
                EXPECT_EQ(cede_spawn_with(&c, &options, use_libraries, (void *)i, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(count, times(200));
}

static int pipe_ends[2];

static int block_in_read(void *arg)
{
        char c;

        (void)arg;
        EXPECT(!is_here());
        atomic_fetch_add(&started, 1);
        EXPECT_EQ(read(pipe_ends[0], &c, 1), 1); /* no task of this worker runs meanwhile */
        EXPECT_EQ(c, 'x');
        return 0;
}

static int write_after_a_while(void *arg)
{
        (void)arg;
        place_main();
        started = 0;
        EXPECT_EQ(pipe(pipe_ends), 0);
        EXPECT_EQ(cede_spawn(NULL, block_in_read, NULL), 0);
        until_started(1);
        for (int i = 0; i < 100; i++)
                EXPECT_EQ(i % 10 ? cede_yield() : cede_sleep(CEDE_US(10)), 0);
        EXPECT_EQ(write(pipe_ends[1], "x", 1), 1);
        return 0;
}

TEST(a_library_that_blocks_stops_its_own_worker_only)
{
        EXPECT_EQ(run_on(2, write_after_a_while, NULL), 0);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
}

/* The watchdog */

static const char *captured(void)
{
        static _Thread_local char text[4096];
        ssize_t n = pread(capture_fd, text, sizeof(text) - 1, 0);

        EXPECT(n >= 0);
        text[n] = 0;
        return text;
}

static bool named(void)
{
        const char *text = captured();

        return strstr(text, "task \"hog a\" (6) has run for more than 20 ms") &&
               strstr(text, "task \"hog b\" (9) has run for more than 20 ms");
}

/* In stretches, of which one is missed if the worker itself was held up just before it. */
static int hog(void *arg)
{
        (void)arg;
        atomic_fetch_add(&started, 1);
        while (!named()) {
                int64_t until = cede_in(CEDE_MS(100));

                while (!named() && cede_now() < until)
                        ;
                EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

static int have_two_hogs(void *arg)
{
        struct cede_scope c;

        (void)arg;
        started = 0;
        cede_scope_open(&c);
        for (int i = 0; i < 2; i++)
                EXPECT_EQ(cede_spawn_with(
                                  &c, &(struct cede_spawn_options){ .name = i ? "hog b" : "hog a" },
                                  hog, NULL, NULL),
                          0);
        until_started(2); /* each on a worker of its own */
        return cede_scope_close(&c, 0);
}

TEST(each_worker_has_a_watchdog, .seconds = 60)
{
        const struct cede_run_options watched = { .workers = WORKERS, .watchdog = CEDE_MS(20) };

        for (int i = 0; i < 3; i++) {
                capture_begin();
                EXPECT_EQ(cede_run_with(have_two_hogs, NULL, &watched), 0);
                (void)capture_end(); /* both were named, or they would still run */
        }
}
