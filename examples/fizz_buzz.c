/* SPDX-License-Identifier: MIT */
/*
 * Four tasks count together: one says "fizz" for multiples of 3, one "buzz" for those of 5, one
 * "fizzbuzz" for those of both, and one says all other numbers.
 *
 * All wait for one condition, each for a number of its own kind.  Whoever has said one wakes the
 * others, who look whether it is their turn.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_mutex mutex;
static struct cede_condition said;
static long next = 1, last = 15; /* next: under the mutex */

static struct speaker {
        const char *word; /* NULL: the number itself */
        bool by_3, by_5;
} speakers[] = {
        { NULL, false, false },
        { "fizz", true, false },
        { "buzz", false, true },
        { "fizzbuzz", true, true },
};

static bool my_turn(void *arg)
{
        const struct speaker *me = arg;

        return next > last || ((next % 3 == 0) == me->by_3 && (next % 5 == 0) == me->by_5);
}

static void say_next(const struct speaker *me)
{
        if (next > 1)
                printf(" ");
        if (me->word)
                printf("%s", me->word);
        else
                printf("%ld", next);
        next++;
        cede_condition_notify_all(&said);
}

static int speak(void *arg)
{
        int r = cede_mutex_lock(&mutex);

        if (r < 0)
                return r;
        do {
                r = cede_condition_wait_for(&said, &mutex, my_turn, arg);
                if (r >= 0 && next <= last)
                        say_next(arg);
        } while (r >= 0 && next <= last);
        cede_mutex_unlock(&mutex);
        return r;
}

static int first;

static int fizz_buzz(void *arg)
{
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                for (int i = 0; i < 4 && r >= 0; i++)
                        r = cede_spawn(&all, speak, &speakers[(first + i) % 4]);
        }
        printf("\n");
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "N", NULL, "the last number (15)", .number = &last, .min = 1, .max = 1000000,
                  .operand = true },
                { "first", "number|fizz|buzz|fizzbuzz", "which task is started first (number)",
                  .choice = &first },
                { 0 },
        };

        return example_main(argc, argv, "Four tasks play fizz buzz.", options, fizz_buzz);
}
