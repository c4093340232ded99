/* SPDX-License-Identifier: MIT */
/*
 * One task prints "foo" and another one "bar", in turns.
 *
 * Each waits for a permit that the other gives.  It does not matter which of them is started first:
 * only foo's semaphore has a permit to begin with.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_sem foo_turn = CEDE_SEM_INIT(1, CEDE_FIFO);
static struct cede_sem bar_turn = CEDE_SEM_INIT(0, CEDE_FIFO);
static long times = 2;

static struct printer {
        const char *word;
        struct cede_sem *mine, *other;
} printers[] = {
        { "foo", &foo_turn, &bar_turn },
        { "bar", &bar_turn, &foo_turn },
};

static int print(void *arg)
{
        struct printer *me = arg;

        for (long i = 0; i < times; i++) {
                int r = cede_sem_acquire(me->mine);

                if (r < 0)
                        return r;
                printf("%s", me->word);
                cede_sem_release(me->other);
        }
        return 0;
}

static int first;

static int foobar(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(both, &r) {
                r = cede_spawn(&both, print, &printers[first]);
                if (r >= 0)
                        r = cede_spawn(&both, print, &printers[!first]);
        }
        printf("\n");
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "N", NULL, "how often (2)", .number = &times, .min = 1, .max = 1000000,
                  .operand = true },
                { "first", "foo|bar", "which task is started first (foo)", .choice = &first },
                { 0 },
        };

        return example_main(argc, argv, "Two tasks print foo and bar in turns.", options, foobar);
}
