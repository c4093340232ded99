/* SPDX-License-Identifier: MIT */
/*
 * Three tasks print "first", "second" and "third", in this order, whichever of them starts first.
 *
 * Each waits for an event that the one before it sets.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_event first_printed, second_printed;

static int first(void *arg)
{
        (void)arg;
        printf("first");
        cede_event_set(&first_printed);
        return 0;
}

static int second(void *arg)
{
        int r = cede_event_wait(&first_printed);

        (void)arg;
        if (r < 0)
                return r;
        printf("second");
        cede_event_set(&second_printed);
        return 0;
}

static int third(void *arg)
{
        int r = cede_event_wait(&second_printed);

        (void)arg;
        if (r < 0)
                return r;
        printf("third");
        return 0;
}

static int print(const int order[3])
{
        static int (*const tasks[])(void *) = { first, second, third };
        int r = 0;

        cede_event_clear(&first_printed);
        cede_event_clear(&second_printed);
        printf("start %d %d %d: ", order[0], order[1], order[2]);
        CEDE_SCOPE(all, &r) {
                for (int i = 0; i < 3 && r >= 0; i++) {
                        r = cede_spawn(&all, tasks[order[i] - 1], NULL);
                        if (r >= 0)
                                r = cede_yield(); /* lets it run as far as it can */
                }
        }
        printf("\n");
        return r;
}

static const char *wanted;

/* "213", "2,1,3", "2 1 3" or "[2,1,3]": each of the three numbers once. */
static bool read_order(const char *text, int ret_order[3])
{
        int n = 0, seen = 0;

        for (; *text; text++) {
                if (*text >= '1' && *text <= '3' && n < 3) {
                        ret_order[n++] = *text - '0';
                        seen |= 1 << (*text - '0');
                } else if (*text != ' ' && *text != ',' && *text != '[' && *text != ']') {
                        return false;
                }
        }
        return seen == (1 << 1 | 1 << 2 | 1 << 3);
}

static int print_in_order(void *arg)
{
        static const int all[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 },
                                      { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
        int order[3], r = 0;

        (void)arg;
        if (wanted && !read_order(wanted, order))
                example_usage("an order is 1, 2 and 3 in some order, as in 213, not \"%s\"",
                              wanted);
        if (wanted)
                return print(order);
        for (int i = 0; i < 6 && r >= 0; i++)
                r = print(all[i]);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "ORDER", NULL, "in which order the tasks start: 213 (all six, one after another)",
                  .text = &wanted, .operand = true },
                { 0 },
        };

        return example_main(argc, argv, "Three tasks print in order, whoever starts first.",
                            options, print_in_order);
}
