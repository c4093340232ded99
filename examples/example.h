/* SPDX-License-Identifier: MIT */
/*
 * What the examples share and cede has no part in: options, and lines that begin with the time.
 *
 * The examples run on the virtual clock, where sleeping takes no time and every run prints the
 * same; with --real they run on the real one.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* An option, and the one variable that it sets.  A list of them ends with an empty one. */
struct example_option {
        const char *name;  /* without the dashes; of an operand, what the help calls it */
        const char *value; /* what the help calls it; of a choice: "fifo|lifo"; of a flag: NULL */
        const char *help;
        bool *flag;        /* set */
        long *number;      /* from min to max */
        int64_t *duration; /* given in seconds, from min to max, with up to three decimals */
        int *choice;       /* which of the words in `value`, from 0 on */
        const char **text; /* as it is */
        long min, max;
        int most;         /* numbers or durations: an array of so many, given with commas between */
        int *given;       /* how many of them were given */
        bool operand;     /* it is given without its name: the first word without dashes */
        const char *real; /* the choice that implies --real: a program's own threads live on it */
};

/*
 * Reads the options (and --real, --help), runs fn as the main task, and returns main()'s exit
 * status: 0; 1 if fn failed or the run came to a deadlock; 2 for options that make no sense.
 */
int example_main(int argc, char **argv, const char *about, const struct example_option *options,
                 int (*fn)(void *arg));

/*
 * Runs fn on n threads, with the elements of `args` (NULL: with NULL), and waits for their ends,
 * while other tasks go on.  Returns the first failure.
 */
int run_threads(int n, int (*fn)(void *arg), void *const args[]);

/* Says on standard error what is wrong with the options, and exits with 2. */
_Noreturn void example_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a line `t=SECONDS text`, in one write; from any thread. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on say() counts the time from here: what follows is a program of its own. */
void restart_clock(void);

/* The seconds since fn began, as say() prints them.  The text is overwritten by the next call. */
const char *elapsed(void);

#endif
