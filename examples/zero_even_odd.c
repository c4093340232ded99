/* SPDX-License-Identifier: MIT */
/*
 * Three tasks print 0102030405...: one the zeros, one the even numbers, and one the odd ones.
 *
 * The turn is a permit that is passed on: from zero to the task of the next number, and back.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_sem zero_turn = CEDE_SEM_INIT(1, CEDE_FIFO);
static struct cede_sem odd_turn = CEDE_SEM_INIT(0, CEDE_FIFO);
static struct cede_sem even_turn = CEDE_SEM_INIT(0, CEDE_FIFO);
static long last = 5;

static int zero(void *arg)
{
        (void)arg;
        for (long next = 1; next <= last; next++) {
                int r = cede_sem_acquire(&zero_turn);

                if (r < 0)
                        return r;
                printf("0");
                cede_sem_release(next % 2 ? &odd_turn : &even_turn);
        }
        return 0;
}

/* Every second number, from `number` on. */
static int print_numbers(long number, struct cede_sem *turn)
{
        for (; number <= last; number += 2) {
                int r = cede_sem_acquire(turn);

                if (r < 0)
                        return r;
                printf("%ld", number);
                cede_sem_release(&zero_turn);
        }
        return 0;
}

static int even(void *arg)
{
        (void)arg;
        return print_numbers(2, &even_turn);
}

static int odd(void *arg)
{
        (void)arg;
        return print_numbers(1, &odd_turn);
}

static int first;

static int zero_even_odd(void *arg)
{
        static int (*const tasks[])(void *) = { zero, even, odd };
        int r = 0;

        (void)arg;
        CEDE_SCOPE(all, &r) {
                for (int i = 0; i < 3 && r >= 0; i++)
                        r = cede_spawn(&all, tasks[(first + i) % 3], NULL);
        }
        printf("\n");
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "N", NULL, "the last number (5)", .number = &last, .min = 1, .max = 1000000,
                  .operand = true },
                { "first", "zero|even|odd", "which task is started first (zero)",
                  .choice = &first },
                { 0 },
        };

        return example_main(argc, argv, "Three tasks print 0102030405, each its own numbers.",
                            options, zero_even_odd);
}
