/* SPDX-License-Identifier: MIT */
/*
 * main() of every test program: which tests, and how.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static struct test *first_test;
static struct test **last_link = &first_test;

void test__register(struct test *t)
{
        *last_link = t;
        last_link = &t->next;
}

/* For a debugger: one after the other in this process, up to the first failure. */
static struct test__totals run_here(struct test **selected, size_t count)
{
        struct test__totals totals = { 0 };

        for (size_t i = 0; i < count; i++) {
                const struct test *t = selected[i];

                if (t->ending != TEST_RETURNS && count > 1) {
                        totals.skipped++;
                        printf("skip %s: ends its process; name it alone to see it\n", t->name);
                        continue;
                }
                printf("run %s\n", t->name);
                fflush(stdout);
                test__run_here(t);
                totals.passed++;
                printf("ok %s\n", t->name);
        }
        return totals;
}

static bool is_traced(void)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        int tracer = 0;

        if (!f)
                return false;
        while (fgets(line, sizeof line, f))
                if (sscanf(line, "TracerPid: %d", &tracer) == 1)
                        break;
        fclose(f);
        return tracer != 0;
}

static void usage(FILE *to)
{
        fprintf(to,
                "usage: %s [OPTION...] [TEST...]\n"
                "  --list      print the names and stop\n"
                "  -k TEXT     only the tests whose name contains TEXT\n"
                "  -j COUNT    how many at a time (default 2)\n"
                "  --no-fork   in this process, without time-outs: for a debugger\n"
                "TEST_TIMEOUT=3 in the environment makes every time-out three times as long.\n",
                program_invocation_short_name);
}

int main(int argc, char **argv)
{
        struct test **selected;
        struct test__totals totals;
        const char *contains = "";
        double time_scale = 1;
        long at_once = 2;
        bool list = false, here = false;
        size_t count = 0, total = 0;
        int arg;

        for (arg = 1; arg < argc && argv[arg][0] == '-'; arg++) {
                const char *value = arg + 1 < argc ? argv[arg + 1] : NULL;

                if (strcmp(argv[arg], "--list") == 0) {
                        list = true;
                } else if (strcmp(argv[arg], "--no-fork") == 0) {
                        here = true;
                } else if (strcmp(argv[arg], "-k") == 0 && value) {
                        contains = value;
                        arg++;
                } else if (strcmp(argv[arg], "-j") == 0 && value && atol(value) > 0) {
                        at_once = atol(value);
                        arg++;
                } else {
                        usage(stderr);
                        return 2;
                }
        }

        for (struct test *t = first_test; t; t = t->next)
                total++;
        selected = calloc(total + 1, sizeof *selected);
        if (!selected)
                return 2;
        for (struct test *t = first_test; t; t = t->next) {
                bool named = arg == argc;

                for (int i = arg; i < argc && !named; i++)
                        named = strcmp(argv[i], t->name) == 0;
                if (named && strstr(t->name, contains))
                        selected[count++] = t;
        }
        /* A misspelt name must not pass for a success. */
        if (count < (size_t)(argc - arg)) {
                fprintf(stderr, "%s: no such test (--list shows them)\n", argv[0]);
                return 2;
        }
        if (list) {
                for (size_t i = 0; i < count; i++)
                        puts(selected[i]->name);
                return 0;
        }

        if (getenv("TEST_TIMEOUT"))
                time_scale = atof(getenv("TEST_TIMEOUT"));
        if (is_traced())
                time_scale = 0;
        totals = here ? run_here(selected, count) :
                        test__run_all(selected, count, (size_t)at_once, time_scale);
        free(selected);
        printf("%u passed, %u failed, %u skipped\n", totals.passed, totals.failed, totals.skipped);
        return totals.failed > 0;
}
