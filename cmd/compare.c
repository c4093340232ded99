/* SPDX-License-Identifier: MIT */
/*
 * --compare: the same walk in FIFO and in LIFO order.
 *
 * Each runs in a process of its own, forked before this one has done anything, so that its peak
 * memory is its own.  A walk that is not shown goes first: the others then find alike what the
 * system has cached.
 *
 * A child leads a process group: Ctrl-C on the terminal comes here only, and is passed on once.
 * (Twice would kill it, since the second signal has its default effect.)
 */
#include "explore.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child, caught;

static void pass_on(int signal)
{
        int saved_errno = errno;

        caught = signal;
        if (child)
                kill((pid_t)child, signal);
        errno = saved_errno;
}

/* As run.c, leaves alone what is ignored. */
static void catch_signals(void (*handler)(int))
{
        static const int signals[] = { SIGINT, SIGTERM };
        struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, now;

        for (unsigned i = 0; i < 2; i++)
                if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
                        sigaction(signals[i], &action, NULL);
}

static void hold_signals(sigset_t *ret_before)
{
        sigset_t both;

        sigemptyset(&both);
        sigaddset(&both, SIGINT);
        sigaddset(&both, SIGTERM);
        sigprocmask(SIG_BLOCK, &both, ret_before);
}

static _Noreturn void run_child(const struct options *o, int fd, pid_t parent,
                                const sigset_t *signals)
{
        struct top none = { 0 };
        struct outcome outcome;

        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN); /* it is in the background now, and may write all the same */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        catch_signals(SIG_DFL);
        sigprocmask(SIG_SETMASK, signals, NULL);
        if (explore_run(o, &none, &outcome) < 0)
                _exit(1);
        fflush(stderr);
        _exit(write(fd, &outcome, sizeof(outcome)) != sizeof(outcome));
}

static int run_apart(const struct options *o, struct outcome *ret_outcome)
{
        struct outcome outcome;
        sigset_t signals;
        pid_t parent = getpid(), pid;
        struct number room;
        ssize_t n;
        int ends[2], status = 0;

        if (pipe(ends) < 0) {
                fprintf(stderr, "cede: pipe: %s\n", strerror(errno));
                return -EIO;
        }
        /* A signal comes before the child, and prevents it, or goes to it. */
        hold_signals(&signals);
        pid = caught ? 0 : fork();
        if (!caught && pid == 0) {
                close(ends[0]);
                run_child(o, ends[1], parent, &signals);
        }
        if (pid > 0)
                child = pid;
        sigprocmask(SIG_SETMASK, &signals, NULL);
        close(ends[1]);
        do
                n = read(ends[0], &outcome, sizeof(outcome)); /* small enough to come at once */
        while (n < 0 && errno == EINTR);
        close(ends[0]);
        child = 0;
        if (pid < 0)
                fprintf(stderr, "cede: fork: %s\n", strerror(errno));
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (n != sizeof(outcome)) {
                if (pid > 0 && WIFSIGNALED(status) && !caught)
                        fprintf(stderr, "cede: a walk was killed by %s\n",
                                signal_text(WTERMSIG(status), &room));
                return caught ? -EINTR : -EIO;
        }
        *ret_outcome = outcome;
        return 0;
}

int explore_compare(const struct options *options)
{
        static const enum cede_order orders[] = { CEDE_LIFO, CEDE_FIFO, CEDE_LIFO };
        const struct top none = { 0 };
        struct outcome outcomes[3];
        struct options o = *options;
        int status = 0;

        o.top = 0;
        catch_signals(pass_on);
        for (unsigned i = 0; i < 3; i++) {
                int r;

                o.order = orders[i];
                r = run_apart(&o, &outcomes[i]);
                if (r < 0)
                        return caught ? 128 + caught : 1;
                if (outcomes[i].signal) {
                        if (o.json)
                                json_compare(&o, &outcomes[i], NULL); /* an array all the same */
                        else
                                report_print(&o, &outcomes[i], &none);
                        return output_status(outcome_status(&outcomes[i]));
                }
                status |= outcome_status(&outcomes[i]);
                o.messages = 0; /* they would be the same again */
        }
        (o.json ? json_compare : report_compare)(&o, &outcomes[1], &outcomes[2]);
        return output_status(status);
}
