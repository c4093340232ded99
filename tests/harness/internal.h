/* SPDX-License-Identifier: MIT */
/* What the parts of the harness share: harness.c (main), runner.c, child.c, folder.c,
 * memory.c. */
#ifndef TEST_INTERNAL_H
#define TEST_INTERNAL_H

#include <stddef.h>
#include <sys/types.h>

#include "test.h"

enum outcome {
        OUTCOME_NONE, /* still running, or died */
        OUTCOME_RETURNED,
        OUTCOME_SKIPPED,
        OUTCOME_FAILED,
};

/* Where a test says how it ended: memory shared with the child and with what that forks. */
struct report {
        _Atomic int outcome; /* leaves OUTCOME_NONE once; the first to change it owns `reason` */
        char reason[1024];
};

struct test__totals {
        unsigned passed, failed, skipped;
};

/* runner.c. Prints a line for each test; with a time_scale of 0 there are no time-outs. */
struct test__totals test__run_all(struct test **tests, size_t count, size_t at_once,
                                  double time_scale);

/* child.c. Runs the test in this process, which must have been forked for it, and exits. */
void test__run_child(const struct test *t, struct report *report) __attribute__((noreturn));

/* The same without a fork, for a debugger: returns if the body does, else the process ends. */
void test__run_here(const struct test *t);

/* folder.c. Removes the folder of a test that ran in this process, if it has made one. */
void test__remove_folder(pid_t pid);

/* memory.c. Watches the blocks allocated from here on. Does nothing where the watch is off. */
void test__memory_watch(void);

/* How many blocks our own code has allocated since and not freed; describes the first in `text`. */
size_t test__memory_leaked(char *text, size_t size);

/* The watch ends with test__memory_leaked; this lets it go on, if it was on. */
void test__memory_resume(void);

#endif
