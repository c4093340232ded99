/* SPDX-License-Identifier: MIT */
/*
 * The command `cede`: dispatches to its subcommands.
 *
 * A subcommand gets the arguments that follow its name, itself as argv[0], and returns the exit
 * status: 0, 1 for a failure, 2 for wrong usage, 128 + n when signal n ended it early.
 *
 * `cede explore`, from the outside in:
 *
 *      options.c   the command line
 *      explore.c   one exploration, or two for --compare, and what is printed about it
 *      compare.c   the two of --compare, each in a process of its own
 *      run.c       one walk inside cede_run: its limits and measurements
 *      walk.c      the tasks: one for each directory, with --lines one for each file too
 *      turn.c      the one semaphore that decides who may open something: tasks and threads
 *      list.c      the job that reads a directory
 *      lines.c     the job that counts the lines of a file
 *      place.c     where in the tree something is: its path, and how it is opened
 *      top.c       the largest directories
 *      progress.c  the progress line, and messages that do not run into it
 *      report.c    the result for people;  json.c: the same for programs
 *      text.c      names and numbers as text
 */
#include "cmd/version.h"
#include "explore.h"
#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *purpose;
} commands[] = {
        { "explore", explore_main,
          "count what is in a directory tree, many directories at a time" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
        fputs("usage: cede COMMAND [ARGUMENTS]\n"
              "       cede COMMAND --help\n"
              "       cede --version\n"
              "\n"
              "Commands:\n",
              to);
        for (unsigned i = 0; i < COMMANDS; i++)
                fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].purpose);
}

int main(int argc, char **argv)
{
        const char *word = argc > 1 ? argv[1] : NULL;

        if (!word) {
                usage(stderr);
                return 2;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
                usage(stdout);
                return output_status(0);
        }
        if (strcmp(word, "--version") == 0) {
                puts("cede " CEDE_CMD_VERSION);
                return output_status(0);
        }
        for (unsigned i = 0; i < COMMANDS; i++)
                if (strcmp(word, commands[i].name) == 0)
                        return commands[i].run(argc - 1, argv + 1);
        fprintf(stderr, "cede: there is no command '%s'; try 'cede --help'\n", word);
        return 2;
}
