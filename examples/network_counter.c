/* SPDX-License-Identifier: MIT */
/*
 * A counter whose every step is recorded over the network, which takes a while.  What does a call
 * of next() return if another one begins meanwhile?
 *
 * racy    the count when the record is done: by then the other call has counted too
 * locked  the whole call runs under a lock, as with Twisted's DeferredLock.run: the second one
 *         begins when the first one's record is done.  It has to be the same lock: with one for
 *         each call (--own-locks) they race as before
 * local   the count is remembered in the call: nothing is shared across the wait, and nothing
 *         needs a lock, since between two waits nobody else runs
 *
 * All is callbacks and futures; only what stands for the network is a task, which sleeps.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_MAX = 1000 };

static int64_t latencies[CALLS_MAX] = { CEDE_SEC(1), CEDE_SEC(1) };
static int latencies_given = 2;
static long calls = -1; /* as many as there are latencies */
static long failing;    /* the record of this call fails; 0: none does */
static const char *cancel_text;
static long cancelled; /* this call is cancelled; 0: none is */
static int64_t cancel_at;
static bool own_locks;

static int variant;

struct counter {
        long count;
        struct cede_mutex lock;
};

struct call {
        struct counter *counter;
        long number; /* from 1 on */
        long count;  /* local: what this call has counted */
        struct cede_mutex own_lock;
        struct cede_future *result, *printed;
};

/* The network: the last latency goes for all calls that follow. */
static int request(void *arg)
{
        const struct call *call = arg;
        long i = call->number < latencies_given ? call->number - 1 : latencies_given - 1;
        int r = cede_sleep(latencies[i]);

        if (r < 0)
                return r;
        return call->number == failing ? -EIO : 0;
}

static int count_now(void *value, void *arg, void **ret_value)
{
        const struct call *call = arg;

        (void)value;
        *ret_value = (void *)(intptr_t)call->counter->count;
        return 0;
}

static int count_then(void *value, void *arg, void **ret_value)
{
        const struct call *call = arg;

        (void)value;
        *ret_value = (void *)(intptr_t)call->count;
        return 0;
}

enum { RACY, LOCKED, LOCAL, VARIANTS };

/* Counts, and returns a future for the record. */
static int count_and_record(void *value, void *arg, void **ret_value)
{
        struct call *call = arg;
        struct cede_future *recording;
        int r;

        (void)value;
        call->count = ++call->counter->count;
        r = cede_spawn_future(NULL, request, call, &recording);
        if (r < 0)
                return r;
        *ret_value =
                cede_future_then(recording, variant == LOCAL ? count_then : count_now, NULL, call);
        cede_future_unref(recording);
        return *ret_value ? CEDE_CHAIN : -ENOMEM;
}

static struct cede_future *next(struct call *call)
{
        void *recorded;

        if (variant == LOCKED)
                return cede_mutex_run_future(own_locks ? &call->own_lock : &call->counter->lock,
                                             count_and_record, call);
        return count_and_record(NULL, call, &recorded) == CEDE_CHAIN ? recorded : NULL;
}

static int print_count(void *value, void *arg, void **ret_value)
{
        const struct call *call = arg;

        (void)ret_value;
        say("%ld d%ld", (long)(intptr_t)value, call->number);
        return 0;
}

static int print_error(int error, void *arg, void **ret_value)
{
        const struct call *call = arg;

        (void)ret_value;
        say("d%ld %s", call->number, error == -ECANCELED ? "cancelled" : "failed");
        return 0;
}

/* They outlive run_variant: where it gives up, records may still be under way. */
static struct call all[CALLS_MAX];
static struct counter counter;

static int make_calls(void)
{
        for (long i = 0; i < calls; i++) {
                struct call *call = &all[i];

                call->counter = &counter;
                call->number = i + 1;
                call->result = next(call);
                call->printed = cede_future_then(call->result, print_count, print_error, call);
                if (!call->printed)
                        return -ENOMEM;
        }
        return 0;
}

static int wait_for_all(void)
{
        int r = 0;

        if (cancelled) {
                r = cede_sleep(cancel_at);
                if (r == 0)
                        cede_future_cancel(all[cancelled - 1].result);
        }
        for (long i = 0; i < calls && r == 0; i++)
                r = cede_future_await(all[i].printed, NULL);
        return r;
}

static int run_variant(int which)
{
        int r;

        variant = which;
        counter = (struct counter){ 0 };
        memset(all, 0, sizeof(all));
        restart_clock();
        r = make_calls();
        if (r == 0)
                r = wait_for_all();
        for (long i = 0; i < calls; i++) {
                cede_future_unref(all[i].result);
                cede_future_unref(all[i].printed);
        }
        return r;
}

static int chosen = VARIANTS; /* all of them */

/* K@T */
static void read_cancel(void)
{
        char *end;
        double seconds;

        if (!cancel_text)
                return;
        errno = 0;
        cancelled = strtol(cancel_text, &end, 10);
        seconds = *end == '@' && end[1] >= '0' && end[1] <= '9' ? strtod(end + 1, &end) : -1;
        if (errno || cancelled < 1 || cancelled > calls || *end || !(seconds >= 0) ||
            seconds > 1000000)
                example_usage("--cancel takes a call and when to cancel it, like 2@0.5, not \"%s\"",
                              cancel_text);
        cancel_at = CEDE_MS((int64_t)(seconds * 1000 + 0.5));
}

static int network_counter(void *arg)
{
        static const char *const names[VARIANTS] = { "racy", "locked", "local" };
        int r = 0;

        (void)arg;
        if (calls < 0)
                calls = latencies_given;
        read_cancel();
        if (chosen < VARIANTS)
                return run_variant(chosen);
        for (int i = 0; i < VARIANTS && r >= 0; i++) {
                printf("%s\n", names[i]);
                r = run_variant(i);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "variant", "racy|locked|local", "only this one, without its name",
                  .choice = &chosen },
                { "latency", "A,B,...",
                  "how many seconds the record of each call takes (1,1); the last goes on",
                  .duration = latencies, .max = 1000000, .most = CALLS_MAX,
                  .given = &latencies_given },
                { "calls", "N", "how many calls; by default one for each latency", .number = &calls,
                  .max = CALLS_MAX },
                { "fail", "K", "the record of this call fails", .number = &failing, .min = 1,
                  .max = CALLS_MAX },
                { "own-locks", NULL, "locked: each call has a lock of its own",
                  .flag = &own_locks },
                { "cancel", "K@T", "cancels call K at T seconds", .text = &cancel_text },
                { 0 },
        };

        return example_main(argc, argv, "A counter that is recorded over the network.", options,
                            network_counter);
}
