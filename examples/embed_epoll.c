/* SPDX-License-Identifier: MIT */
/*
 * Cede inside of somebody else's event loop.  The program has an epoll loop of its own, which
 * reads requests from a pipe, and hands each to a task.  The loop waits for two descriptors: the
 * pipe, and that of the run.  Tasks, timers and offloaded functions go on in the steps between.
 *
 * A request is a number of milliseconds: the task sleeps so long, lets a thread take the square of
 * the number, and prints it.
 */
#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { REQUESTS_MAX = 1000 }; /* what a pipe takes in at once */

struct request {
        long ms, square;
};

static int pending;

static int take_square(void *arg)
{
        struct request *request = arg;

        request->square = request->ms * request->ms;
        return 0;
}

static int serve(void *arg)
{
        struct request *request = arg;
        int r = cede_sleep(CEDE_MS(request->ms));

        if (r >= 0)
                r = cede_offload(take_square, request);
        if (r >= 0)
                printf("%ld squared is %ld\n", request->ms, request->square);
        free(request);
        pending--;
        return r;
}

/* What the foreign loop does when the pipe is readable.  0: it has come to its end. */
static int read_requests(int fd)
{
        static long ms[512];
        ssize_t n = read(fd, ms, sizeof(ms));

        for (ssize_t i = 0; i < n / (ssize_t)sizeof(*ms); i++) {
                struct request *request = malloc(sizeof(*request));

                if (!request)
                        return -ENOMEM;
                *request = (struct request){ .ms = ms[i] };
                if (cede_spawn(NULL, serve, request) < 0) {
                        free(request);
                        return -ENOMEM;
                }
                pending++;
        }
        return n < 0 ? -EIO : n > 0;
}

/* Milliseconds until the run's next step, for epoll_wait. */
static int timeout(void)
{
        int64_t deadline = cede_run_deadline(), ns = deadline - cede_now();

        if (deadline == CEDE_NEVER)
                return -1;
        return ns <= 0 ? 0 : (int)((ns + CEDE_MS(1) - 1) / CEDE_MS(1));
}

static int loop(int epoll, int requests)
{
        struct epoll_event event;
        bool open = true;
        int r = 0;

        while (r >= 0 && (r = cede_run_step()) >= 0 && (open || pending)) {
                if (epoll_wait(epoll, &event, 1, timeout()) < 1 || event.data.fd != requests)
                        continue; /* a step is due */
                r = read_requests(requests);
                if (r == 0) {
                        open = false;
                        r = epoll_ctl(epoll, EPOLL_CTL_DEL, requests, NULL);
                }
        }
        return r;
}

static int watch(int epoll, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        return fd < 0 ? fd : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv)
{
        int pipes[2], epoll = epoll_create1(EPOLL_CLOEXEC), r;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--help") == 0) {
                        printf("usage: %s MS...\n\nTasks in a foreign epoll loop: each sleeps for "
                               "so many milliseconds.\n",
                               argv[0]);
                        return 0;
                }
                if (argv[i][strspn(argv[i], "0123456789")] || strlen(argv[i]) > 6 || !*argv[i]) {
                        fprintf(stderr, "%s: \"%s\" is no number of up to six digits\n", argv[0],
                                argv[i]);
                        return 2;
                }
        }
        if (argc > REQUESTS_MAX + 1) {
                fprintf(stderr, "%s: more than %d requests\n", argv[0], REQUESTS_MAX);
                return 2;
        }
        if (epoll < 0 || pipe(pipes) < 0 || cede_run_begin(NULL) < 0)
                return 1;
        for (int i = 1; i < argc; i++)
                if (write(pipes[1], &(long){ atol(argv[i]) }, sizeof(long)) < 0)
                        return 1;
        close(pipes[1]);
        r = watch(epoll, cede_run_fd());
        if (r >= 0)
                r = watch(epoll, pipes[0]);
        if (r >= 0)
                r = loop(epoll, pipes[0]);
        r = cede_run_end(r);
        close(pipes[0]);
        close(epoll);
        return cede_exit_status(r);
}
