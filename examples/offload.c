/* SPDX-License-Identifier: MIT */
/*
 * A function that blocks would stop every task of the loop.  Offloaded to a thread, it stops only
 * the task that asked for it: the clock goes on ticking meanwhile.
 *
 * cede_offload returns what the function returned.  So "no" (0) and "could not find out" (an error)
 * stay different answers.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <string.h>

struct check {
        const char *password, *stored;
        int64_t takes;
};

/* Runs on a thread.  1: the password is right; 0: it is wrong; -EINVAL: nothing to compare with. */
static int verify(void *arg)
{
        struct check *check = arg;
        int r = cede_sleep(check->takes); /* as a slow hash function would */

        if (r < 0)
                return r;
        if (!check->stored)
                return -EINVAL;
        return strcmp(check->password, check->stored) == 0;
}

static const char *word_for(int result)
{
        return result < 0 ? "error" : result ? "true" : "false";
}

static int64_t duration = CEDE_SEC(3);

static int ticker(void *arg)
{
        int64_t begin = cede_now();

        (void)arg;
        for (int64_t t = 0; t <= duration; t += CEDE_SEC(1)) {
                int r = cede_sleep_until(begin + t);

                if (r < 0)
                        return r;
                say("tick");
        }
        return 0;
}

static int offload(void *arg)
{
        struct check right = { "sesame", "sesame", duration };
        struct check wrong = { "simsim", "sesame", 0 };
        struct check broken = { "sesame", NULL, 0 };
        int r = 0;

        (void)arg;
        CEDE_SCOPE(ticking, &r) {
                r = cede_spawn(&ticking, ticker, NULL);
                if (r >= 0) {
                        r = cede_offload(verify, &right);
                        say("result %s", word_for(r));
                }
        }
        if (r < 0)
                return r;
        say("false stays %s", word_for(cede_offload(verify, &wrong)));
        say("error stays %s", word_for(cede_offload(verify, &broken)));
        return 0;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "seconds", "S", "how long the function blocks (3)", .duration = &duration,
                  .max = 100000 },
                { 0 },
        };

        return example_main(argc, argv, "A clock ticks while a function blocks on a thread.",
                            options, offload);
}
