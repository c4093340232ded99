/* SPDX-License-Identifier: MIT */
/* cede explore: explores a tree and prints what was found. */
#include "explore.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

int output_status(int status)
{
        /* Short of space, a broken pipe: known for sure only when all of it has been written. */
        int error = ferror(stdout) ? EIO : 0;

        if (fflush(stdout) == EOF)
                error = errno;
        if (!error)
                return status;
        fprintf(stderr, "cede: standard output: %s\n", strerror(error));
        return 1;
}

int outcome_status(const struct outcome *outcome)
{
        if (outcome->signal)
                return 128 + outcome->signal;
        return outcome->totals.errors > 0;
}

static int explore(const struct options *o)
{
        struct top top = { .max = o->top };
        struct outcome outcome;
        int r = explore_run(o, &top, &outcome);

        if (r == 0) {
                top_sort(&top);
                (o->json ? json_print : report_print)(o, &outcome, &top);
                r = output_status(outcome_status(&outcome));
        } else {
                r = 1;
        }
        top_finish(&top);
        return r;
}

int explore_main(int argc, char **argv)
{
        struct options o;
        int status;

        /* A reader that is gone shall be an error of the write, with a message. */
        signal(SIGPIPE, SIG_IGN);
        setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a message in one piece */
        if (!options_parse(&o, argc, argv, &status))
                return status;
        return o.compare ? explore_compare(&o) : explore(&o);
}
