/* SPDX-License-Identifier: MIT */
/* cede explore: the command line. */
#include "explore.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
        "usage: cede explore [OPTIONS] DIR\n"
        "\n"
        "Counts the files, directories (DIR included), symbolic links and other entries of a\n"
        "tree, the bytes of its regular files, and what all of them occupy on the disk; each\n"
        "name of a file with several counts.  A task visits each directory; symbolic links\n"
        "below DIR are not followed.\n"
        "\n"
        "  -l, --lines            count lines too, with a task for each regular file\n"
        "  -n, --top N            show the N directories that hold the most bytes (default 5)\n"
        "  -x, --one-file-system  do not enter directories on other file systems\n"
        "      --order ORDER      who opens next: lifo (the newest, default), fifo (the oldest),\n"
        "                         priority (the deepest)\n"
        "      --limit N          directories and files open at once (default 64)\n"
        "      --workers N        threads that run tasks (default 1); others read\n"
        "      --compare          run fifo and lifo and show what each needs, side by side\n"
        "      --json             print JSON\n"
        "  -q, --quiet            neither a progress line nor a message for each error\n"
        "  -h, --help             print this\n"
        "\n"
        "Exit status: 0; 1 if something could not be read (the totals are printed all the same);\n"
        "2 for wrong usage; 130 or 143 if SIGINT or SIGTERM ended it (it prints what it has).\n"
        "\n"
        "JSON is one object; with --compare, an array of one for each order that was run:\n"
        "  path                   DIR, or in top the path of a directory in it\n"
        "  path_hex               its exact bytes in hexadecimal, if they are no UTF-8\n"
        "  files, directories, symlinks, other\n"
        "                         how many there are\n"
        "  bytes                  of the regular files\n"
        "  allocated              bytes that entries of all kinds occupy on the disk\n"
        "  lines                  of the regular files; null without --lines\n"
        "  errors                 entries that could not be read\n"
        "  peak_live              tasks at a time, at most\n"
        "  peak_waiting           of them, how many waited to open something\n"
        "  peak_open              directories and files open at a time, at most\n"
        "  peak_memory            bytes resident, at most; null if unknown\n"
        "  seconds, order         how long it took, and in which order\n"
        "  limit                  the limit in force\n"
        "  workers                threads that ran tasks\n"
        "  interrupted            true: a signal ended it early\n"
        "  top                    the largest directories, path and bytes of each\n";

enum { ORDER = 256, LIMIT, WORKERS, COMPARE, JSON };

enum { TOP = 5, MESSAGES = 10, WORKERS_MAX = 64 };

static const struct option options[] = {
        { "lines", no_argument, NULL, 'l' },
        { "top", required_argument, NULL, 'n' },
        { "one-file-system", no_argument, NULL, 'x' },
        { "order", required_argument, NULL, ORDER },
        { "limit", required_argument, NULL, LIMIT },
        { "workers", required_argument, NULL, WORKERS },
        { "compare", no_argument, NULL, COMPARE },
        { "json", no_argument, NULL, JSON },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
};

static bool refuse(const char *why)
{
        fprintf(stderr, "cede explore: %s; try 'cede explore --help'\n", why);
        return false;
}

static bool parse_number(const char *text, long min, long max, long *ret_number)
{
        char *end;
        long n;

        errno = 0;
        n = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || n < min || n > max)
                return false;
        *ret_number = n;
        return true;
}

static bool parse_order(const char *text, enum cede_order *ret_order)
{
        static const enum cede_order known[] = { CEDE_FIFO, CEDE_LIFO, CEDE_PRIORITY };

        for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(text, order_name(known[i])) == 0) {
                        *ret_order = known[i];
                        return true;
                }
        return false;
}

static bool parse_one(struct options *o, int option)
{
        long n;

        switch (option) {
        case 'l':
                return o->lines = true;
        case 'x':
                return o->one_file_system = true;
        case 'q':
                o->progress = false;
                o->messages = 0;
                return true;
        case COMPARE:
                return o->compare = true;
        case JSON:
                return o->json = true;
        case 'n':
                if (!parse_number(optarg, 0, INT_MAX, &n))
                        return refuse("--top takes a number up to 2147483647");
                o->top = (unsigned)n;
                return true;
        case LIMIT:
                return parse_number(optarg, 1, LONG_MAX, &o->limit) ||
                       refuse("--limit takes a number, at least 1");
        case WORKERS:
                return parse_number(optarg, 1, WORKERS_MAX, &o->workers) ||
                       refuse("--workers takes a number from 1 to 64");
        case ORDER:
                return parse_order(optarg, &o->order) ||
                       refuse("--order is one of fifo, lifo, priority");
        default: /* getopt has printed what is wrong */
                fputs("try 'cede explore --help'\n", stderr);
                return false;
        }
}

bool options_parse(struct options *o, int argc, char **argv, int *ret_status)
{
        bool order = false, top = false;
        int option;

        *o = (struct options){
                .order = CEDE_LIFO,
                .workers = 1,
                .top = TOP,
                .progress = isatty(STDERR_FILENO),
                .messages = MESSAGES,
        };
        *ret_status = 2;
        argv[0] = (char[]){ "cede explore" }; /* how getopt's messages begin */
        while ((option = getopt_long(argc, argv, "ln:xqh", options, NULL)) != -1) {
                if (option == 'h') {
                        fputs(help, stdout);
                        *ret_status = output_status(0);
                        return false;
                }
                if (!parse_one(o, option))
                        return false;
                order |= option == ORDER;
                top |= option == 'n';
        }
        if (o->compare && order)
                return refuse("--compare runs fifo and lifo, there is no --order to choose");
        if (o->compare && top)
                return refuse("--compare shows no directories, --top does not go with it");
        if (argc - optind != 1)
                return refuse(argc == optind ? "name a directory" : "one directory at a time");
        if (!*argv[optind])
                return refuse("DIR is empty; '.' is the current directory");
        o->directory = argv[optind];
        return true;
}
