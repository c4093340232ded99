/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several at once: a takes 3 s, b 1 s, c 2 s.
 *
 * Gathered, they are futures: all values are there when the last is; when b fails after a second,
 * that is known at once, while a and c go on.  One can also wait for the first that is done, take
 * them one by one as they are done, or give up after a while.
 *
 * In a scope they stand or fall together: when b fails, a and c are cancelled at that moment, and
 * the scope returns b's error.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

enum { JOBS = 3 };

static int64_t takes[JOBS] = { CEDE_SEC(3), CEDE_SEC(1), CEDE_SEC(2) };
static int given = JOBS;
static long failing = 2; /* the number of the job that fails, where one does */
static int64_t patience = CEDE_MS(1500);

struct job {
        const char *name;
        int64_t takes;
        int result;
};

static int run_job(void *arg)
{
        struct job *job = arg;
        int r = cede_sleep(job->takes);

        if (r < 0) {
                say("%s cancelled", job->name);
                return r;
        }
        say("%s %s", job->name, job->result < 0 ? "failed" : "done");
        return job->result;
}

static const char *const names[JOBS] = { "a", "b", "c" };

/* They outlive the functions below: where one gives up, its jobs may still run. */
static struct job jobs[JOBS];

/* A job's result is its number, or an error if it is the one that fails. */
static void make_jobs(long fails)
{
        for (int i = 0; i < JOBS; i++)
                jobs[i] = (struct job){ names[i], takes[i], i + 1 == fails ? -EIO : i };
}

static int start(long fails, struct cede_future **ret_futures)
{
        int r = 0;

        make_jobs(fails);
        for (int i = 0; i < JOBS && r >= 0; i++)
                r = cede_spawn_future(NULL, run_job, &jobs[i], &ret_futures[i]);
        return r;
}

static void drop(struct cede_future **futures)
{
        for (int i = 0; i < JOBS; i++)
                cede_future_unref(futures[i]);
}

static int gather_all(void)
{
        struct cede_future *futures[JOBS] = { NULL };
        void *values[JOBS];
        int r = start(0, futures);

        if (r >= 0)
                r = cede_gather(futures, JOBS, values);
        if (r >= 0)
                say("results %s %s %s", names[(intptr_t)values[0]], names[(intptr_t)values[1]],
                    names[(intptr_t)values[2]]);
        drop(futures);
        return r;
}

static int gather_failure(void)
{
        struct cede_future *futures[JOBS] = { NULL };
        int r = start(failing, futures);

        if (r >= 0) {
                int failed = cede_gather(futures, JOBS, NULL);

                if (failed == jobs[failing - 1].result)
                        say("gather returned %s's error", jobs[failing - 1].name);
                r = cede_futures_wait(futures, JOBS, CEDE_ALL); /* the others went on */
        }
        drop(futures);
        return r;
}

static int scope_cancels(void)
{
        int r = 0;

        make_jobs(failing);
        CEDE_SCOPE(all, &r)
                for (int i = 0; i < JOBS && r >= 0; i++)
                        r = cede_spawn(&all, run_job, &jobs[i]);

        if (r != jobs[failing - 1].result)
                return r;
        say("scope returned %s's error", jobs[failing - 1].name);
        return 0;
}

static int first_completed(void)
{
        struct cede_future *futures[JOBS] = { NULL };
        int r = start(0, futures);

        if (r >= 0)
                r = cede_futures_wait(futures, JOBS, CEDE_FIRST_COMPLETED);
        if (r >= 0) {
                say("done %d pending %d", r, JOBS - r);
                r = cede_gather(futures, JOBS, NULL);
        }
        drop(futures);
        return r;
}

static int as_completed(void)
{
        struct cede_future *futures[JOBS] = { NULL };
        struct cede_as_completed each;
        int r = start(0, futures);
        size_t i;

        if (r >= 0)
                r = cede_as_completed_open(&each, futures, JOBS);
        if (r >= 0) {
                while ((r = cede_as_completed_next(&each, &i)) > 0)
                        say("the next result is %s's", names[i]);
                cede_as_completed_close(&each);
        }
        drop(futures);
        return r;
}

/* The wait is over in time, and the jobs go on: here they are cancelled then. */
static int not_for_ever(void)
{
        struct cede_future *futures[JOBS] = { NULL };
        int r = start(0, futures);

        if (r >= 0)
                CEDE_TIMEOUT(patience)
                        r = cede_gather(futures, JOBS, NULL);
        if (r == -ETIMEDOUT) {
                say("given up: done %zu of %d", cede_futures_done(futures, JOBS), JOBS);
                for (int i = 0; i < JOBS; i++)
                        cede_future_cancel(futures[i]);
                r = cede_futures_wait(futures, JOBS, CEDE_ALL);
        }
        drop(futures);
        return r;
}

/* Whole seconds, or with up to three decimals. */
static const char *seconds(int64_t ns)
{
        static char text[JOBS][32];
        static int next;
        char *s = text[next++ % JOBS];

        snprintf(s, sizeof(text[0]), "%.10g", (double)(ns / CEDE_MS(1)) / 1000);
        return s;
}

/* Those from EACH on are for whoever asks for them. */
enum { GATHER, FAILURE, SCOPE, FIRST, EACH, TIMEOUT, VARIANTS };

static int (*const variants[VARIANTS])(void) = { gather_all,      gather_failure, scope_cancels,
                                                 first_completed, as_completed,   not_for_ever };

static void print_title(int variant)
{
        const char *b = names[failing - 1];

        if (variant == GATHER)
                printf("gather: %s %s s, %s %s s, %s %s s\n", names[0], seconds(takes[0]), names[1],
                       seconds(takes[1]), names[2], seconds(takes[2]));
        if (variant == FAILURE)
                printf("gather, %s fails: the others go on\n", b);
        if (variant == SCOPE)
                printf("scope, %s fails: the others are cancelled\n", b);
        if (variant == FIRST)
                printf("first completed\n");
}

static int chosen = VARIANTS; /* the first four */

static int gather(void *arg)
{
        int r = 0;

        (void)arg;
        if (given != JOBS)
                example_usage("--takes takes %d durations, not %d", JOBS, given);
        if (chosen < VARIANTS)
                return variants[chosen]();
        for (int i = 0; i < EACH && r >= 0; i++) {
                print_title(i);
                r = variants[i]();
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "variant", "gather|failure|scope|first|each|timeout",
                  "only this one, without its title (the first four)", .choice = &chosen },
                { "takes", "A,B,C", "how many seconds each job takes (3,1,2)", .duration = takes,
                  .max = 1000000, .most = JOBS, .given = &given },
                { "fail", "K", "which job fails, where one does (2)", .number = &failing, .min = 1,
                  .max = JOBS },
                { "timeout", "S", "how long to wait for all, at most (1.5)", .duration = &patience,
                  .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "Three jobs at a time, of which one may fail.", options,
                            gather);
}
