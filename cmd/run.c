/* SPDX-License-Identifier: MIT */
/* One walk from start to end: how it is limited, interrupted and measured. */
#include "walk.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Turns by default, and at most.  STARTED: how many stacks those who wait may take; at a page each
 * that is 32 MiB.
 */
enum { LIMIT = 64, LIMIT_MAX = 1 << 20, STARTED = 8192 };

/* One for each processor, but as many as keep a disk busy, and no more than are of use. */
enum { THREADS_MIN = 4, THREADS_MAX = 32 };

static void complain(const struct options *o, int error)
{
        fputs("cede: ", stderr);
        print_name(stderr, o->directory);
        fprintf(stderr, ": %s\n", strerror(error));
}

/*
 * How many descriptors the process may still open, as far as `enough`; one is left for what is
 * opened in two steps.
 */
static long descriptors_free(long enough)
{
        struct rlimit limit;
        long n = 0;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return enough;
        for (rlim_t fd = 0; fd < limit.rlim_cur && n <= enough; fd++)
                n += fcntl((int)fd, F_GETFD) < 0;
        return n > 2 ? n - 1 : 1;
}

static long choose_limit(const struct options *o)
{
        long wanted = o->limit ? o->limit : LIMIT, possible;

        if (wanted > LIMIT_MAX)
                wanted = LIMIT_MAX;
        possible = descriptors_free(wanted);
        if (possible >= wanted)
                return wanted;
        if (o->limit && o->messages)
                fprintf(stderr, "cede: --limit %ld is more than can be open; it is %ld now\n",
                        o->limit, possible);
        return possible;
}

static unsigned choose_threads(void)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        return processors < THREADS_MIN ? THREADS_MIN :
               processors > THREADS_MAX ? THREADS_MAX :
                                          (unsigned)processors;
}

/* The most memory that was ever resident.  Not getrusage's: that survives an exec. */
static uint64_t peak_memory(void)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[128];
        unsigned long kib = 0;

        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
                        break;
        if (f)
                fclose(f);
        return (uint64_t)kib * 1024;
}

struct exploration {
        struct walk walk;
        struct outcome outcome;
};

/* The run's main function. */
static int explore(void *arg)
{
        struct exploration *e = arg;
        struct cede_run_stats run;
        int r;

        r = cede_spawn(NULL, progress_watch, &e->walk);
        if (r == 0)
                r = walk_tree(&e->walk);
        cede_run_stats(&run);
        e->outcome.peak_live = run.peak_live - 1; /* without progress_watch */
        /* One that comes when the walk is complete takes nothing away. */
        e->outcome.signal = r == -ECANCELED ? cede_interrupted() : 0;
        return e->outcome.signal ? 0 : r;
}

static int run(struct exploration *e, unsigned threads)
{
        static const int interrupts[] = { SIGINT, SIGTERM, 0 };
        const struct cede_run_options options = {
                .cancel_signals = interrupts,
                .offload_threads = threads,
                .offload_threads_min = e->walk.options->lines ? threads : 0,
                .offload_order = e->walk.options->order,
                .workers = (unsigned)e->walk.options->workers,
        };
        int64_t start = cede_now();
        int r = cede_run_with(explore, e, &options);

        e->outcome.nanoseconds = cede_now() - start;
        e->outcome.totals = e->walk.totals;
        e->outcome.peak_open = e->walk.peak_open;
        e->outcome.peak_waiting = e->walk.peak_waiting;
        e->outcome.peak_memory = peak_memory();
        return r;
}

int explore_run(const struct options *o, struct top *top, struct outcome *ret_outcome)
{
        struct exploration e = {
                .walk = { .options = o, .top = top, .lock = PTHREAD_MUTEX_INITIALIZER }
        };
        unsigned threads = choose_threads();
        struct stat st;
        int r;

        /* From here on paths are below DIR, see place.h. */
        if (chdir(o->directory) < 0 || stat(".", &st) < 0) {
                r = -errno;
                complain(o, -r);
                return r;
        }
        e.walk.device = st.st_dev;
        e.outcome.limit = choose_limit(o);
        r = cede_limit_init(&e.walk.starts, STARTED, o->order);
        if (r == 0)
                r = turns_init(&e.walk, e.outcome.limit, threads);
        if (r == 0) {
                cede_limit_set_name(&e.walk.starts, "started tasks");
                r = run(&e, threads);
                turns_finish(&e.walk);
                cede_limit_finish(&e.walk.starts);
        }
        if (r < 0) {
                complain(o, -r);
                return r;
        }
        *ret_outcome = e.outcome;
        return 0;
}
