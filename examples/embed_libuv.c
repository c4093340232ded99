/* SPDX-License-Identifier: MIT */
/*
 * Cede's objects in a libuv program, without a run: callbacks wait for a semaphore.  Each job
 * needs one of a few connections, keeps it for a while (a libuv timer), and gives it back.  The
 * queue, and who goes next, are cede's; threads and tasks could wait in the same queue.
 *
 * A callback that was granted is posted: `post` may be called on any thread, so it puts the
 * callback into a list and wakes libuv's loop, which calls it on its own thread.
 */
#include <cede.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { JOBS_MAX = 1000, WORK_MS = 2 };

struct job {
        struct cede_callback turn;
        struct job *next; /* of those posted */
        int number;
        uv_timer_t timer;
};

static struct cede_sem connections;
static struct job jobs[JOBS_MAX];
static int unfinished;

static uv_loop_t *loop;
static uv_async_t wake;
static uv_mutex_t posted_lock;
static struct job *posted, **posted_last = &posted;

/* On whichever thread has released the semaphore. */
static void post(struct cede_callback *callback)
{
        struct job *job = (struct job *)callback;

        uv_mutex_lock(&posted_lock);
        job->next = NULL;
        *posted_last = job;
        posted_last = &job->next;
        uv_mutex_unlock(&posted_lock);
        uv_async_send(&wake);
}

static void call_posted(uv_async_t *async)
{
        struct job *job;

        (void)async;
        uv_mutex_lock(&posted_lock);
        job = posted;
        posted = NULL;
        posted_last = &posted;
        uv_mutex_unlock(&posted_lock);
        while (job) {
                struct job *next = job->next;

                cede_callback_run(&job->turn);
                job = next;
        }
}

static void finish(uv_timer_t *timer)
{
        struct job *job = timer->data;

        printf("job %d gives its connection back\n", job->number);
        uv_close((uv_handle_t *)timer, NULL);
        cede_sem_release(&connections);
        if (--unfinished == 0)
                uv_close((uv_handle_t *)&wake, NULL);
}

/* The job holds a connection. */
static void begin(struct cede_callback *turn, int result)
{
        struct job *job = (struct job *)turn;

        (void)result;
        printf("job %d has a connection\n", job->number);
        uv_timer_init(loop, &job->timer);
        job->timer.data = job;
        uv_timer_start(&job->timer, finish, WORK_MS, 0);
}

static int usage(const char *program, FILE *file)
{
        fprintf(file,
                "usage: %s JOBS CONNECTIONS fifo|lifo\n\n"
                "Callbacks of a libuv loop wait for a semaphore (5 2 fifo).\n",
                program);
        return file == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
        int permits = argc > 2 ? atoi(argv[2]) : 2;
        enum cede_order order = argc > 3 && strcmp(argv[3], "lifo") == 0 ? CEDE_LIFO : CEDE_FIFO;

        if (argc > 1 && strcmp(argv[1], "--help") == 0)
                return usage(argv[0], stdout);
        unfinished = argc > 1 ? atoi(argv[1]) : 5;
        if (argc > 4 || unfinished < 1 || unfinished > JOBS_MAX || permits < 1 ||
            (argc > 3 && order == CEDE_FIFO && strcmp(argv[3], "fifo") != 0))
                return usage(argv[0], stderr);
        if (cede_sem_init(&connections, permits, order) < 0)
                return 1;
        loop = uv_default_loop();
        uv_mutex_init(&posted_lock);
        uv_async_init(loop, &wake, call_posted);
        for (int i = 0; i < unfinished; i++) {
                jobs[i] = (struct job){ .turn = { .fn = begin, .post = post }, .number = i + 1 };
                if (cede_sem_acquire_async(&connections, 1, &jobs[i].turn) < 0)
                        return 1;
        }
        uv_run(loop, UV_RUN_DEFAULT);
        uv_loop_close(loop);
        uv_mutex_destroy(&posted_lock);
        cede_sem_finish(&connections);
        return 0;
}
