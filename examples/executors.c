/* SPDX-License-Identifier: MIT */
/*
 * More jobs than workers: each job takes two seconds, and two run at a time.
 *
 * The jobs run on the threads of a pool.  The task that has submitted them awaits their futures, in
 * order, and says what became of each.  A job that fails hands its error to whoever awaits its
 * future, and the others go on.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static long jobs = 5, workers = 2, failing;
static int64_t duration = CEDE_SEC(2);
static int way; /* threads are the only one */

struct job {
        long number;
        char begin[32], end[32]; /* when it ran; written on the pool's thread */
        struct cede_future *result;
};

static int run_job(void *arg)
{
        struct job *job = arg;
        int r;

        snprintf(job->begin, sizeof(job->begin), "%s", elapsed());
        r = cede_sleep(duration);
        snprintf(job->end, sizeof(job->end), "%s", elapsed());
        if (r < 0)
                return r;
        return job->number == failing ? -EIO : (int)job->number;
}

static int tell(struct job *job, long *sum)
{
        void *value;
        int r = cede_future_await(job->result, &value);

        if (r == 0) {
                say("job %ld ran from %s to %s", job->number, job->begin, job->end);
                *sum += (long)(intptr_t)value;
        } else if (r == -EIO) {
                say("job %ld ran from %s to %s, and failed", job->number, job->begin, job->end);
        }
        return r == -EIO ? 0 : r;
}

static int run_all(struct cede_pool *pool, struct job *job)
{
        long sum = 0;
        int r = 0;

        for (long i = 0; i < jobs && r == 0; i++) {
                job[i].number = i + 1;
                r = cede_pool_submit(pool, run_job, &job[i], &job[i].result);
        }
        for (long i = 0; i < jobs && r == 0; i++)
                r = tell(&job[i], &sum);
        if (r == 0)
                say("all jobs have ended; the sum of their results is %ld", sum);
        return r;
}

static int executors(void *arg)
{
        struct job *job = calloc((size_t)jobs + 1, sizeof(*job));
        const struct cede_pool_options options = { .name = "executor",
                                                   .threads = (unsigned)workers };
        struct cede_pool *pool;
        int r = job ? cede_pool_create(&options, &pool) : -ENOMEM;

        (void)arg;
        if (r == 0) {
                r = run_all(pool, job);
                /* If that was cut short, what is queued is not run; what runs uses `job`. */
                CEDE_SHIELD(void)
                        !cede_pool_shutdown(pool, true);
                cede_pool_destroy(pool);
        }
        for (long i = 0; job && i < jobs; i++)
                cede_future_unref(job[i].result);
        free(job);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "jobs", "N", "how many there are (5)", .number = &jobs, .max = 100000 },
                { "workers", "K", "how many run at a time (2)", .number = &workers, .min = 1,
                  .max = 1024 },
                { "seconds", "S", "how long each takes (2)", .duration = &duration, .max = 100000 },
                { "fail", "J", "job number J fails", .number = &failing, .max = 100000 },
                { "with", "threads", "what the workers are", .choice = &way },
                { 0 },
        };

        return example_main(argc, argv, "Five jobs share two workers.", options, executors);
}
