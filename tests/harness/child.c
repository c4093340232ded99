/* SPDX-License-Identifier: MIT */
/*
 * The inside of a test's process: runs the body, looks for what it left behind, and writes how it
 * ended to the report. Only the report decides: a body that calls exit(0) half-way has not passed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* The number of blocks the library holds, if the program contains the library. */
extern size_t cede__alloc_live(void) __attribute__((weak));

/* LeakSanitizer's check, if the program is built with it; non-zero after it has printed leaks. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* gcov's counters are written at exit, which a test's process never comes to. */
extern void __gcov_dump(void) __attribute__((weak));

enum { MAX_FDS = 4096, SECONDS_OF_TURNS = 3 };

struct fds {
        unsigned char open[MAX_FDS];
};

static size_t live_before;
static double began; /* the body */

/* NULL without a fork: what would be reported is printed, and ends the program. */
static struct report *report;

static void leave(int status) __attribute__((noreturn));
static void leave(int status)
{
        fflush(NULL);
        if (__gcov_dump)
                __gcov_dump();
        /* Not exit(): handlers and destructors belong to the runner, this is a copy of it. */
        _exit(status);
}

static void end(enum outcome outcome, const char *reason) __attribute__((noreturn));
static void end(enum outcome outcome, const char *reason)
{
        int none = OUTCOME_NONE;

        if (!report) {
                fprintf(stderr, "%s\n", reason);
                leave(outcome == OUTCOME_FAILED);
        }
        /* A child of the test may have failed before; the first to speak is right. */
        if (atomic_compare_exchange_strong(&report->outcome, &none, (int)outcome))
                snprintf(report->reason, sizeof report->reason, "%s", reason);
        leave(outcome == OUTCOME_FAILED);
}

static void (*explain)(void);

void test_on_failure(void (*fn)(void))
{
        explain = fn;
}

void test__fail(const char *file, int line, const char *format, ...)
{
        char text[1024];
        size_t used;
        va_list ap;

        /* Meson calls the compiler from the build directory. */
        while (strncmp(file, "../", 3) == 0)
                file += 3;
        used = (size_t)snprintf(text, sizeof text / 2, "%s:%d: ", file, line);
        va_start(ap, format);
        vsnprintf(text + used, sizeof text - used, format, ap);
        va_end(ap);
        if (explain)
                explain();
        end(OUTCOME_FAILED, text);
}

void test__skip(const char *reason)
{
        end(OUTCOME_SKIPPED, reason);
}

void test__expect_eq(long long a, long long b, const char *a_text, const char *b_text,
                     const char *file, int line)
{
        if (a != b)
                test__fail(file, line, "expected %s == %s: %lld and %lld", a_text, b_text, a, b);
}

void test__expect_str(const char *a, const char *b, const char *a_text, const char *b_text,
                      const char *file, int line)
{
        if (!a || !b ? a != b : strcmp(a, b) != 0)
                test__fail(file, line, "expected %s equal to %s: \"%s\" and \"%s\"", a_text, b_text,
                           a ? a : "(null)", b ? b : "(null)");
}

bool test_slowed(void)
{
        return __lsan_do_recoverable_leak_check || getenv("TEST_SLOWED");
}

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

bool test_has_time(void)
{
        return now() - began < SECONDS_OF_TURNS;
}

static void list_fds(struct fds *ret)
{
        DIR *dir = opendir("/proc/self/fd");
        struct dirent *entry;

        memset(ret, 0, sizeof *ret);
        if (!dir)
                return;
        while ((entry = readdir(dir))) {
                int fd = atoi(entry->d_name);

                if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < MAX_FDS)
                        ret->open[fd] = 1;
        }
        closedir(dir);
}

static void check_fds(const struct fds *before)
{
        static struct fds after;
        char link[64], target[256], reason[512];

        list_fds(&after);
        for (int fd = 0; fd < MAX_FDS; fd++) {
                ssize_t n;

                if (before->open[fd] == after.open[fd])
                        continue;
                if (before->open[fd]) {
                        snprintf(reason, sizeof reason, "closed fd %d, which was not its own", fd);
                        end(OUTCOME_FAILED, reason);
                }
                snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
                n = readlink(link, target, sizeof target - 1);
                target[n < 0 ? 0 : n] = 0;
                snprintf(reason, sizeof reason, "leaked fd %d (%s)", fd, target);
                end(OUTCOME_FAILED, reason);
        }
}

static void check_memory(void)
{
        char reason[512], text[384];
        size_t live = cede__alloc_live ? cede__alloc_live() : 0;
        size_t blocks = test__memory_leaked(text, sizeof text);

        if (live > live_before) {
                snprintf(reason, sizeof reason, "leaked %zu allocations of the library%s%s",
                         live - live_before, blocks > 0 ? "; the first: " : "",
                         blocks > 0 ? text : "");
                end(OUTCOME_FAILED, reason);
        }
        if (blocks > 0) {
                snprintf(reason, sizeof reason, "leaked memory, %zu blocks in all; the first: %s",
                         blocks, text);
                end(OUTCOME_FAILED, reason);
        }
}

void test_expect_no_memory(void)
{
        check_memory();
        test__memory_resume();
}

static void check_children(void)
{
        int status;

        if (waitpid(-1, &status, WNOHANG | __WALL) >= 0 || errno != ECHILD)
                end(OUTCOME_FAILED, "left a child process behind");
}

static void run(const struct test *t)
{
        static struct fds before;

        began = now();
        if (t->ending != TEST_RETURNS) {
                t->body();
                return;
        }
        list_fds(&before);
        live_before = cede__alloc_live ? cede__alloc_live() : 0;
        test__memory_watch();
        t->body();
        /* Children first: they share nothing, but a running one explains the rest. */
        check_children();
        check_fds(&before);
        check_memory();
        if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
                end(OUTCOME_FAILED, "leaked memory (LeakSanitizer says where)");
}

void test__run_child(const struct test *t, struct report *to)
{
        report = to;
        run(t);
        end(OUTCOME_RETURNED, "");
}

void test__run_here(const struct test *t)
{
        run(t);
        test__remove_folder(getpid());
}
