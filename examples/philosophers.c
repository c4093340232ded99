/* SPDX-License-Identifier: MIT */
/*
 * Philosophers sit around a table, with one fork between any two neighbours, and need two forks to
 * eat.
 *
 * If each takes the left one first, all of them can hold one and wait for the other for ever.  If
 * each takes the one with the lower number first, this cannot happen: whoever holds the highest of
 * all the forks that are taken waits for none of them.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

enum { SEATS_MAX = 1000 };

static long seats = 5, meals = 3;
static bool naive;
static int64_t eating = CEDE_SEC(1);

static struct cede_mutex forks[SEATS_MAX]; /* fork i lies to the left of philosopher i */
static char fork_names[SEATS_MAX][32], names[SEATS_MAX][32];
static long eaten;

static int eat(long me, long meal)
{
        int r = cede_checkpoint(); /* the party may be over, even with both forks in hand */

        if (r < 0)
                return r;
        say("%ld eats meal %ld", me, meal);
        r = cede_sleep(eating);
        if (r < 0)
                return r;
        say("%ld has eaten", me);
        eaten++;
        return 0;
}

static int take_forks(long me)
{
        long left = me, right = (me + 1) % seats;
        bool left_first = naive || left < right;
        struct cede_mutex *first = &forks[left_first ? left : right];
        struct cede_mutex *second = &forks[left_first ? right : left];
        int r = cede_mutex_lock(first);

        if (r < 0)
                return r;
        r = cede_yield(); /* a hand takes its time */
        if (r >= 0)
                r = cede_mutex_lock(second);
        if (r == -EDEADLK)
                say("%ld would wait for ever", me);
        if (r < 0)
                cede_mutex_unlock(first);
        return r;
}

static int philosopher(void *arg)
{
        long me = (long)(intptr_t)arg;

        for (long meal = 1; meal <= meals; meal++) {
                int r = take_forks(me);

                if (r < 0)
                        return r;
                r = eat(me, meal);
                cede_mutex_unlock(&forks[me]);
                cede_mutex_unlock(&forks[(me + 1) % seats]);
                if (r >= 0)
                        r = cede_yield(); /* and think */
                if (r < 0)
                        return r;
        }
        return 0;
}

static int dine(void *arg)
{
        int r = 0;

        (void)arg;
        for (long i = 0; i < seats; i++) {
                snprintf(fork_names[i], sizeof(fork_names[i]), "fork %ld", i);
                snprintf(names[i], sizeof(names[i]), "philosopher %ld", i);
                cede_mutex_set_name(&forks[i], fork_names[i]);
        }
        CEDE_SCOPE(table, &r) {
                for (long i = 0; i < seats && r >= 0; i++) {
                        const struct cede_spawn_options options = { .name = names[i] };

                        r = cede_spawn_with(&table, &options, philosopher, (void *)(intptr_t)i,
                                            NULL);
                }
        }
        /* The library has reported a deadlock on standard error: who waits for whom. */
        if (r == -EDEADLK || r == -ECANCELED)
                say("deadlock: %ld of %ld meals eaten", eaten, seats * meals);
        else if (r >= 0)
                say("%ld meals eaten", eaten);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "meals", "N", "how often each of them eats (3)", .number = &meals,
                  .max = 1000000 },
                { "seats", "K", "how many of them there are (5)", .number = &seats, .min = 2,
                  .max = SEATS_MAX },
                { "seconds", "S", "how long a meal takes (1)", .duration = &eating, .max = 10000 },
                { "naive", NULL, "everybody takes the left fork first", .flag = &naive },
                { 0 },
        };

        return example_main(argc, argv, "Philosophers share their forks.", options, dine);
}
