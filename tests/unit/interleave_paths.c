/* SPDX-License-Identifier: MIT */
/*
 * Which schedules are run.
 *
 * A schedule is the list of its decisions.  The next one to explore makes the same decisions up to
 * the last that has an option left, takes the next option there, and from then on always the first,
 * which is to let the thread go on that runs.
 */
#include "interleave_internal.h"

#include "base/prng.h"
#include "test.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        DECISIONS_MAX = 4000, /* in a schedule; more are taken for a loop without end */
        SLOWED = 1,           /* preemptions under valgrind and the sanitizers */
};

struct decision {
        struct interleave__option option;
        uint8_t taken, options;
};

static struct decision path[DECISIONS_MAX];
static unsigned length; /* decisions made */
static unsigned prefix; /* how many of them are to be made as in the schedule before */
static unsigned bound;  /* on preemptions */
static bool pruned;     /* an option was left out because of it */
static bool at_random;
static uint64_t seed, drawn;
static const char *replay; /* the rest of the string to be followed; NULL: none is */
static unsigned again;     /* how often more the letter before it counts */
static struct interleave__option last;

unsigned interleave__preempted, interleave__early, interleave__expired;

bool interleave__loud(void)
{
        return replay != NULL;
}

static const char marks[] = { [EARLY] = '~', [EXPIRED] = '@' };

/* A letter for the thread, with how it goes on before it, and how often in a row after it. */
void interleave__describe(char *text, size_t size)
{
        size_t used = 0;

        text[0] = 0;
        for (unsigned i = 0, n; i < length && used + 16 < size; i += n) {
                const struct interleave__option *o = &path[i].option;

                for (n = 1; i + n < length && path[i + n].option.how == GO &&
                            path[i + n].option.thread == o->thread;
                     n++)
                        ;
                if (o->how != GO)
                        text[used++] = marks[o->how];
                text[used++] = (char)('a' + o->thread);
                text[used] = 0;
                if (n > 1)
                        used += (size_t)snprintf(text + used, size - used, "%u", n);
        }
}

/* The next decision of the string to be followed. */
static struct interleave__option read_string(void)
{
        if (again == 0) {
                char *end;

                last.how = *replay == marks[EARLY]   ? EARLY :
                           *replay == marks[EXPIRED] ? EXPIRED :
                                                       GO;
                replay += last.how != GO;
                last.thread = (uint8_t)(*replay - 'a');
                replay += *replay != 0;
                again = (unsigned)strtoul(replay, &end, 10);
                again = end == replay ? 1 : again;
                replay = end;
        } else {
                last.how = GO;
        }
        again--;
        return last;
}

static unsigned follow_string(const struct interleave__option *options, unsigned n)
{
        struct interleave__option wanted;

        if (*replay == 0 && again == 0)
                return 0;
        wanted = read_string();
        for (unsigned i = 0; i < n; i++)
                if (options[i].thread == wanted.thread && options[i].how == wanted.how)
                        return i;
        interleave__fail("the schedule cannot be followed: %c cannot go on", 'a' + wanted.thread);
}

/* Leaves out the options that would be a preemption too much. */
static unsigned within_bound(struct interleave__option *kept,
                             const struct interleave__option *options, unsigned n)
{
        unsigned count = 0;

        for (unsigned i = 0; i < n; i++) {
                if (!replay && !at_random && options[i].preempts && interleave__preempted == bound)
                        pruned = true;
                else
                        kept[count++] = options[i];
        }
        return count;
}

static unsigned take(const struct interleave__option *options, unsigned n)
{
        uint64_t random;

        if (replay)
                return follow_string(options, n);
        if (!at_random)
                return 0;
        random = cede__prng(seed, drawn++);
        return random & 1 ? 0 : (unsigned)((random >> 8) % n);
}

unsigned interleave__choose(const struct interleave__option *options, unsigned n)
{
        struct interleave__option kept[OPTIONS_MAX];
        unsigned count = within_bound(kept, options, n), i = 0;
        struct decision *d = &path[length];

        if (length == DECISIONS_MAX)
                interleave__fail("the schedule does not end");
        if (length >= prefix)
                *d = (struct decision){ .taken = (uint8_t)take(kept, count) };
        else if (d->options != count)
                interleave__fail("the same schedule went another way");
        d->options = (uint8_t)count;
        d->option = kept[d->taken];
        length++;
        interleave__preempted += d->option.preempts;
        interleave__early += d->option.how == EARLY;
        interleave__expired += d->option.how == EXPIRED;
        while (memcmp(&options[i], &d->option, sizeof(d->option)) != 0)
                i++;
        return i;
}

static void run_one(void)
{
        length = interleave__preempted = interleave__early = interleave__expired = 0;
        interleave__run();
}

/* False: there is none. */
static bool to_next_schedule(void)
{
        while (length > 0 && path[length - 1].taken + 1 == path[length - 1].options)
                length--;
        if (length == 0)
                return false;
        path[length - 1].taken++;
        prefix = length;
        return true;
}

/* All schedules within the bound; returns how many. */
static unsigned long run_round(void)
{
        unsigned long schedules = 0;

        prefix = 0;
        pruned = false;
        do {
                run_one();
                schedules++;
        } while (to_next_schedule());
        return schedules;
}

struct interleaved interleave__explore(const struct interleaving *what)
{
        unsigned limit = what->preemptions ? what->preemptions : UINT_MAX;
        struct interleaved r = { 0 };

        prefix = 0;
        replay = getenv("INTERLEAVE");
        at_random = what->draws > 0;
        seed = what->seed;
        drawn = 0;
        if (test_slowed() && limit > SLOWED)
                limit = SLOWED;
        if (replay || at_random) {
                for (r.schedules = 0; r.schedules < (replay ? 1 : what->draws); r.schedules++) {
                        run_one();
                        if (interleave__preempted > r.preemptions)
                                r.preemptions = interleave__preempted;
                }
        } else {
                for (bound = 0;; bound++) {
                        r.schedules = run_round();
                        r.preemptions = bound;
                        r.complete = !pruned;
                        if (r.complete || bound == limit)
                                break;
                }
        }
        printf("%lu schedules, of at most %u preemptions%s\n", r.schedules, r.preemptions,
               r.complete ? ", all there are" : "");
        return r;
}
