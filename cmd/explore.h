/* SPDX-License-Identifier: MIT */
/*
 * cede explore: what its parts share.
 *
 * Errors are negated errno values, as in the library.
 */
#ifndef CEDE_CMD_EXPLORE_H
#define CEDE_CMD_EXPLORE_H

#include <cede.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* options.c */

struct options {
        const char *directory;
        enum cede_order order;
        long limit;   /* directories and files open at once; 0: as many as make sense */
        long workers; /* threads that run tasks */
        unsigned top; /* how many of the largest directories to show */
        bool lines;
        bool one_file_system;
        bool compare;
        bool json;
        bool progress;     /* show a line about it while it goes on */
        unsigned messages; /* how many errors are told, one by one; the others are only counted */
};

/* True: go on.  False: leave with *ret_status; what there was to say has been said. */
bool options_parse(struct options *o, int argc, char **argv, int *ret_status);

/* top.c: the largest directories, a heap whose root is the first to be displaced. */

struct place;

struct top_entry {
        uint64_t bytes;
        char *path;
};

struct top {
        struct top_entry *entries;
        unsigned count, max;
};

/* -ENOMEM: nothing was kept. */
int top_offer(struct top *t, uint64_t bytes, const struct place *place);
void top_sort(struct top *t); /* the largest first; it is no heap any more */
void top_finish(struct top *t);

/* run.c: one exploration, and what came of it. */

struct totals {
        uint64_t files, directories, symlinks, other;
        uint64_t bytes;     /* of regular files, each name counted */
        uint64_t allocated; /* bytes on the disk, of entries of all kinds, each name counted */
        uint64_t lines;
        uint64_t errors; /* entries that could not be read */
};

struct outcome {
        struct totals totals;
        uint64_t peak_live;    /* tasks: visits of directories and files */
        uint64_t peak_waiting; /* of them, for their turn to open something */
        uint64_t peak_open;
        uint64_t peak_memory; /* bytes resident; 0: unknown */
        int64_t nanoseconds;
        long limit; /* the one in force */
        int signal; /* what ended it early, 0: nothing */
};

/* 0, or -errno when there is no outcome; the reason has been printed then. */
int explore_run(const struct options *o, struct top *top, struct outcome *ret_outcome);

/* compare.c: the exit status. */
int explore_compare(const struct options *o);

/* explore.c: the subcommand. */
int explore_main(int argc, char **argv);
int outcome_status(const struct outcome *outcome);

/*
 * The exit status of a program that has printed all it wanted: `status`, or 1 with a message if
 * standard output did not take everything.
 */
int output_status(int status);

/* report.c, json.c */

void report_print(const struct options *o, const struct outcome *outcome, const struct top *top);
void report_compare(const struct options *o, const struct outcome *fifo,
                    const struct outcome *lifo);
void json_print(const struct options *o, const struct outcome *outcome, const struct top *top);
void json_compare(const struct options *o, const struct outcome *fifo, const struct outcome *lifo);

/* text.c */

const char *order_name(enum cede_order order);

/* A name of any bytes as one line of valid UTF-8: \n, \\, \xff for what cannot stand for itself. */
void print_name(FILE *to, const char *name);

/* The length of the UTF-8 character at p (not a control character's), 0 if there is none. */
unsigned utf8_length(const char *p);

/* 1,234,567 and 1.2 MiB, in `room`, which is returned. */
struct number {
        char text[32];
};
const char *grouped(uint64_t n, struct number *room);
const char *size_text(uint64_t bytes, struct number *room);

/* SIGINT, or signal 64 for one without a name; the text may be in `room`. */
const char *signal_text(int signal, struct number *room);

#endif
