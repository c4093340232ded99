/* SPDX-License-Identifier: MIT */
/*
 * Runs tests, each in a child process, a few at a time, and prints what became of them.
 *
 * Each test is forked into a process group of its own, with its output in a pipe. The runner never
 * blocks on a test: it sleeps in ppoll() until there is output, a child has ended (SIGCHLD, blocked
 * everywhere else, so that none is missed) or the next time-out is due. A child that has ended is
 * looked at before it is reaped, and its group is killed in between: as long as the leader is a
 * zombie, the group's number cannot have been given to anyone else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

enum {
        MAX_JOBS = 16,
        DEFAULT_SECONDS = 20,
        KEPT_OUTPUT = 64 * 1024, /* of each test; an endless loop may print without end */
};

/* A test that is running. */
struct job {
        const struct test *test; /* NULL: free */
        pid_t pid;
        int output;
        double start, deadline; /* seconds; a deadline of 0 is none */
        bool timed_out;
        struct report *report;
        size_t length;
        char text[KEPT_OUTPUT + 1];
};

static struct job jobs[MAX_JOBS];
static double time_scale; /* 0: no time-outs */
static sigset_t normal_mask;
static volatile sig_atomic_t interrupted;
static struct test__totals totals;

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void die(const char *what) __attribute__((noreturn));
static void die(const char *what)
{
        fprintf(stderr, "test runner: %s: %s\n", what, strerror(errno));
        exit(2);
}

static void on_signal(int number)
{
        if (number != SIGCHLD)
                interrupted = number;
}

static void become_test(const struct job *job, int output) __attribute__((noreturn));
static void become_test(const struct job *job, int output)
{
        static const int handled[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
        const struct rlimit no_core = { 0, 0 };
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &no_core);
        for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
                signal(handled[i], SIG_DFL);
        sigprocmask(SIG_SETMASK, &normal_mask, NULL);
        dup2(null, 0);
        dup2(output, 1);
        dup2(output, 2);
        close(null);
        close(output);
        for (size_t i = 0; i < MAX_JOBS; i++)
                if (jobs[i].test && jobs[i].output >= 0)
                        close(jobs[i].output);
        test__run_child(job->test, job->report);
}

static void start(struct job *job, const struct test *t)
{
        double seconds = (t->seconds > 0 ? t->seconds : DEFAULT_SECONDS) * time_scale;
        int ends[2];

        if (!job->report) {
                job->report = mmap(NULL, sizeof *job->report, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (job->report == MAP_FAILED)
                        die("mmap");
        }
        memset(job->report, 0, sizeof *job->report);
        if (pipe2(ends, O_CLOEXEC) < 0)
                die("pipe");
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        job->test = t;
        job->output = ends[0];
        job->length = 0;
        job->timed_out = false;
        job->start = now();
        job->deadline = time_scale > 0 ? job->start + seconds : 0;
        fflush(NULL); /* or the child would print it again */
        job->pid = fork();
        if (job->pid < 0)
                die("fork");
        if (job->pid == 0)
                become_test(job, ends[1]);
        setpgid(job->pid, job->pid); /* both do it: whoever comes first */
        close(ends[1]);
}

static void read_output(struct job *job)
{
        char rest[4096];

        while (job->output >= 0) {
                size_t room = KEPT_OUTPUT - job->length;
                ssize_t n = room > 0 ? read(job->output, job->text + job->length, room) :
                                       read(job->output, rest, sizeof rest);

                if (n > 0 && room > 0)
                        job->length += (size_t)n;
                if (n > 0 && !interrupted)
                        continue;
                if (n == 0) {
                        close(job->output);
                        job->output = -1;
                }
                break;
        }
        job->text[job->length] = 0;
}

/* Why the test failed, or NULL if it did not. */
static const char *failure(const struct job *job, const siginfo_t *info)
{
        static char text[1400];
        const struct test *t = job->test;
        int outcome = atomic_load(&job->report->outcome);
        bool exited = info->si_code == CLD_EXITED;
        static char how[128];

        if (exited)
                snprintf(how, sizeof how, "exit status %d", info->si_status);
        else
                snprintf(how, sizeof how, "killed by signal %d (%s)", info->si_status,
                         strsignal(info->si_status));

        if (outcome == OUTCOME_FAILED)
                return job->report->reason;
        if (job->timed_out) {
                snprintf(text, sizeof text, "timed out after %.3g s", job->deadline - job->start);
                return text;
        }
        if (outcome == OUTCOME_SKIPPED)
                return NULL;
        if (t->ending == TEST_RETURNS && exited && info->si_status == 0)
                return outcome == OUTCOME_RETURNED ? NULL : "exited before the end of its body";
        if (t->ending == TEST_RETURNS)
                return how;
        if (outcome == OUTCOME_RETURNED)
                return t->ending == TEST_ABORTED ? "returned, and should have aborted" :
                                                   "returned, and should have died";
        if (t->ending == TEST_ABORTED ? exited || info->si_status != SIGABRT :
                                        exited && info->si_status == 0) {
                snprintf(text, sizeof text, "%s, and should have %s", how,
                         t->ending == TEST_ABORTED ? "aborted" : "died");
                return text;
        }
        if (!memmem(job->text, job->length, t->says, strlen(t->says))) {
                snprintf(text, sizeof text, "died without saying \"%s\"", t->says);
                return text;
        }
        return NULL;
}

static void print_output(const struct job *job)
{
        const char *line = job->text, *end = job->text + job->length;

        while (line < end) {
                const char *stop = memchr(line, '\n', (size_t)(end - line));

                if (!stop)
                        stop = end;
                printf("    ");
                fwrite(line, 1, (size_t)(stop - line), stdout);
                putchar('\n');
                line = stop + 1;
        }
        if (job->length == KEPT_OUTPUT)
                printf("    ... (more was printed)\n");
}

/* Called with the child dead but not reaped. */
static void finish(struct job *job, const siginfo_t *info)
{
        const char *why;

        kill(-job->pid, SIGKILL);
        waitpid(job->pid, NULL, 0);
        test__remove_folder(job->pid);
        read_output(job);
        why = failure(job, info);
        if (why) {
                totals.failed++;
                printf("FAIL %s: %s\n", job->test->name, why);
                print_output(job);
        } else if (atomic_load(&job->report->outcome) == OUTCOME_SKIPPED) {
                totals.skipped++;
                printf("skip %s: %s\n", job->test->name, job->report->reason);
        } else {
                totals.passed++;
                printf("ok %s (%.0f ms)\n", job->test->name, (now() - job->start) * 1e3);
        }
        fflush(stdout);
        if (job->output >= 0)
                close(job->output);
        job->test = NULL;
}

/* Sleeps until something happens, and deals with it. */
static void wait_for_events(void)
{
        struct pollfd fds[MAX_JOBS];
        struct timespec ts;
        double next = 0, t;

        for (size_t i = 0; i < MAX_JOBS; i++) {
                const struct job *job = &jobs[i];
                bool runs = job->test != NULL;

                fds[i] = (struct pollfd){ .fd = runs ? job->output : -1, .events = POLLIN };
                if (runs && !job->timed_out && job->deadline > 0 &&
                    (next <= 0 || job->deadline < next))
                        next = job->deadline;
        }
        t = next - now();
        t = t > 0 ? t : 0;
        ts.tv_sec = (time_t)t;
        ts.tv_nsec = (long)((t - (double)ts.tv_sec) * 1e9);
        ppoll(fds, MAX_JOBS, next > 0 ? &ts : NULL, &normal_mask);

        for (size_t i = 0; i < MAX_JOBS; i++) {
                struct job *job = &jobs[i];
                siginfo_t info = { 0 };

                if (!job->test)
                        continue;
                read_output(job);
                if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                    info.si_pid == job->pid) {
                        finish(job, &info);
                } else if (job->deadline > 0 && now() >= job->deadline && !job->timed_out) {
                        job->timed_out = true;
                        kill(-job->pid, SIGKILL);
                }
        }
}

struct test__totals test__run_all(struct test **tests, size_t count, size_t at_once, double scale)
{
        static const int handled[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
        struct sigaction sa = { .sa_handler = on_signal };
        sigset_t mask;
        size_t next = 0, running;

        time_scale = scale;
        if (at_once > MAX_JOBS)
                at_once = MAX_JOBS;
        sigemptyset(&mask);
        for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++) {
                sigaddset(&mask, handled[i]);
                sigaction(handled[i], &sa, NULL);
        }
        sigprocmask(SIG_BLOCK, &mask, &normal_mask);

        do {
                running = 0;
                for (size_t i = 0; i < at_once; i++) {
                        if (!jobs[i].test && next < count)
                                start(&jobs[i], tests[next++]);
                        running += jobs[i].test != NULL;
                }
                if (running > 0)
                        wait_for_events();
        } while (running > 0 && !interrupted);

        for (size_t i = 0; interrupted && i < MAX_JOBS; i++)
                if (jobs[i].test)
                        kill(-jobs[i].pid, SIGKILL);
        if (interrupted)
                exit(128 + interrupted);
        return totals;
}
