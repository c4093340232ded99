/* SPDX-License-Identifier: MIT */
/*
 * Nobody passes a barrier before everybody has come.
 *
 * The last to arrive goes on at once, the others in the order in which they came.  The next round
 * begins with whoever arrives after that.
 */
#include "example.h"

#include <cede.h>

enum { WORKERS_MAX = 100 };

static struct cede_barrier barrier;
static int64_t seconds[WORKERS_MAX] = { CEDE_SEC(1), CEDE_SEC(2), CEDE_SEC(3) };
static int workers = 3;
static long rounds = 2;

/* Works as long before each round. */
static int work(void *arg)
{
        int64_t *mine = arg;
        long number = (long)(mine - seconds) + 1;

        for (long round = 1; round <= rounds; round++) {
                int r = cede_sleep(*mine);

                if (r < 0)
                        return r;
                say("w%ld arrives round %ld", number, round);
                r = cede_barrier_wait(&barrier);
                if (r < 0)
                        return r;
                say("w%ld passes round %ld idx %d", number, round, r);
        }
        return 0;
}

static int meet(void *arg)
{
        int r = cede_barrier_init(&barrier, workers, CEDE_FIFO);

        (void)arg;
        if (r < 0)
                return r;
        CEDE_SCOPE(all, &r) {
                for (int i = 0; i < workers && r >= 0; i++)
                        r = cede_spawn(&all, work, &seconds[i]);
        }
        cede_barrier_finish(&barrier);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "seconds", "S,...",
                  "a worker for each, and how long it works before it arrives (1,2,3)",
                  .duration = seconds, .most = WORKERS_MAX, .given = &workers, .max = 10000 },
                { "rounds", "N", "how often they meet (2)", .number = &rounds, .max = 100000 },
                { 0 },
        };

        return example_main(argc, argv, "Workers meet at a barrier, round after round.", options,
                            meet);
}
