/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several at once: a takes 3 s, b 1 s, c 2 s.
 *
 * In a scope they stand or fall together: when b fails after a second, a and c are cancelled at
 * that moment, and the scope returns b's error.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

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

static int scope_cancels(void)
{
        struct job a = { "a", CEDE_SEC(3), 0 };
        struct job b = { "b", CEDE_SEC(1), -EIO };
        struct job c = { "c", CEDE_SEC(2), 0 };
        int r = 0;

        CEDE_SCOPE(all, &r) {
                r = cede_spawn(&all, run_job, &a);
                if (r >= 0)
                        r = cede_spawn(&all, run_job, &b);
                if (r >= 0)
                        r = cede_spawn(&all, run_job, &c);
        }

        if (r != b.result)
                return r;
        say("scope returned %s's error", b.name);
        return 0;
}

static const struct variant {
        const char *title;
        int (*run)(void);
} variants[] = {
        { "scope, b fails: the others are cancelled", scope_cancels },
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static int chosen = VARIANTS; /* all of them */

static int gather(void *arg)
{
        int r = 0;

        (void)arg;
        if (chosen < VARIANTS)
                return variants[chosen].run();
        for (int i = 0; i < VARIANTS && r >= 0; i++) {
                printf("%s\n", variants[i].title);
                r = variants[i].run();
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "variant", "scope", "only this one, without its title", .choice = &chosen },
                { 0 },
        };

        return example_main(argc, argv, "Three jobs at a time, of which one may fail.", options,
                            gather);
}
