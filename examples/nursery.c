/* SPDX-License-Identifier: MIT */
/*
 * A scope is left when all its children have ended, and not before.  The first child that fails
 * cancels the others: what they wait in returns -ECANCELED, they clean up and return it, and the
 * scope returns the error that began it.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>

static struct child {
        const char *name;
        int64_t sleeps;
        int result;
} children[] = {
        { "a", CEDE_SEC(3), 0 },
        { "b", CEDE_SEC(3), 0 },
        { "c", CEDE_SEC(3), 0 },
};

static int failing = 1;
static int64_t fails_at = CEDE_SEC(1);

static int sleeper(void *arg)
{
        struct child *me = arg;
        int r = cede_sleep(me->sleeps);

        if (r < 0) {
                say("%s cancelled", me->name);
                return r;
        }
        say("%s %s", me->name, me->result < 0 ? "failed" : "finished");
        return me->result;
}

static int nursery(void *arg)
{
        int r = 0;

        (void)arg;
        children[failing].sleeps = fails_at;
        children[failing].result = -EIO;

        CEDE_SCOPE(scope, &r) {
                for (int i = 0; i < 3 && r >= 0; i++)
                        r = cede_spawn(&scope, sleeper, &children[i]);
        }

        if (r != children[failing].result)
                return r;
        say("the scope returned %s's error", children[failing].name);
        return 0;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "fail", "a|b|c", "which child fails (b)", .choice = &failing },
                { "at", "S", "when it fails (1); the others finish at 3", .duration = &fails_at,
                  .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "One of three children fails.", options, nursery);
}
