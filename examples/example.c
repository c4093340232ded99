/* SPDX-License-Identifier: MIT */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program;
static int64_t start;
static int (*main_task)(void *arg);

const char *elapsed(void)
{
        static char text[32];
        int64_t ms = (cede_now() - start + CEDE_MS(1) / 2) / CEDE_MS(1);
        int length = snprintf(text, sizeof(text), "%lld.%03lld", (long long)(ms / 1000),
                              (long long)(ms % 1000));

        /* 2.000 is 2, and 0.050 is 0.05. */
        while (text[length - 1] == '0')
                text[--length] = '\0';
        if (text[length - 1] == '.')
                text[length - 1] = '\0';
        return text;
}

void say(const char *format, ...)
{
        va_list args;

        /* Standard output is line buffered: the line break makes one write of all this. */
        printf("t=%s ", elapsed());
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
}

void example_usage(const char *format, ...)
{
        va_list args;

        fprintf(stderr, "%s: ", program);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\ntry: %s --help\n", program);
        exit(2);
}

static void help(const char *about, const struct example_option *options)
{
        printf("usage: %s [OPTION...]\n\n%s\n\n", program, about);
        for (const struct example_option *o = options; o->name; o++)
                printf("  --%s%s%s\n        %s\n", o->name, o->value ? " " : "",
                       o->value ? o->value : "", o->help);
        printf("  --real\n        run on the real clock instead of the virtual one\n");
}

/* A number of nothing but digits; `end` is set to what follows them.  -1: there is none. */
static long digits(const char *text, const char **end)
{
        char *rest;
        long n;

        *end = text;
        if (text[0] < '0' || text[0] > '9')
                return -1;
        errno = 0;
        n = strtol(text, &rest, 10);
        *end = rest;
        return errno ? -1 : n;
}

static bool read_number(const struct example_option *o, const char *text)
{
        const char *end;
        long n = digits(text, &end);

        if (n < o->min || n > o->max || *end)
                return false;
        *o->number = n;
        return true;
}

static bool read_duration(const struct example_option *o, const char *text)
{
        const char *end;
        int64_t scale = 100, ms;
        long n = digits(text, &end);

        if (n < 0 || n > o->max)
                return false;
        ms = n * 1000;
        if (*end == '.' && end[1])
                for (end++; *end >= '0' && *end <= '9' && scale; end++, scale /= 10)
                        ms += (*end - '0') * scale;
        if (*end || ms < o->min * 1000 || ms > o->max * 1000)
                return false;
        *o->duration = CEDE_MS(ms);
        return true;
}

static bool read_choice(const struct example_option *o, const char *text)
{
        size_t length = strlen(text);
        int index = 0;

        for (const char *word = o->value; word; index++) {
                const char *bar = strchr(word, '|');
                size_t n = bar ? (size_t)(bar - word) : strlen(word);

                if (n == length && !memcmp(word, text, n)) {
                        *o->choice = index;
                        return true;
                }
                word = bar ? bar + 1 : NULL;
        }
        return false;
}

static void read_value(const struct example_option *o, const char *text)
{
        if (o->number && !read_number(o, text))
                example_usage("--%s takes a number from %ld to %ld, not \"%s\"", o->name, o->min,
                              o->max, text);
        if (o->duration && !read_duration(o, text))
                example_usage("--%s takes seconds from %ld to %ld, not \"%s\"", o->name, o->min,
                              o->max, text);
        if (o->choice && !read_choice(o, text))
                example_usage("--%s takes %s, not \"%s\"", o->name, o->value, text);
}

static const struct example_option *find(const struct example_option *options, const char *word)
{
        size_t length = strcspn(word, "=");

        for (const struct example_option *o = options; o->name; o++)
                if (strlen(o->name) == length && !memcmp(o->name, word, length))
                        return o;
        return NULL;
}

/* Returns whether the real clock was asked for. */
static bool read_options(char **argv, const char *about, const struct example_option *options)
{
        const struct example_option *o;
        bool real = false;

        for (char **word = argv + 1; *word; word++) {
                const char *value = strchr(*word, '=');

                if (!strcmp(*word, "--help") || !strcmp(*word, "-h")) {
                        help(about, options);
                        exit(fflush(stdout) ? 1 : 0);
                }
                if (!strcmp(*word, "--real")) {
                        real = true;
                        continue;
                }
                if (strncmp(*word, "--", 2))
                        example_usage("there is no place for \"%s\"", *word);
                o = find(options, *word + 2);
                if (!o)
                        example_usage("there is no option %s", *word);
                if (!o->flag && !value && !*++word)
                        example_usage("--%s wants a value: %s", o->name, o->value);
                if (o->flag && value)
                        example_usage("--%s takes no value", o->name);
                if (o->flag)
                        *o->flag = true;
                else
                        read_value(o, value ? value + 1 : *word);
        }
        return real;
}

static int begin(void *arg)
{
        start = cede_now();
        return main_task(arg);
}

int example_main(int argc, char **argv, const char *about, const struct example_option *options,
                 int (*fn)(void *arg))
{
        static const struct example_option none;
        struct cede_run_options how = { .clock = CEDE_CLOCK_VIRTUAL };
        const char *slash;
        int r;

        program = argc ? argv[0] : "example";
        slash = strrchr(program, '/');
        program = slash ? slash + 1 : program;
        main_task = fn;
        if (read_options(argv, about, options ? options : &none))
                how.clock = CEDE_CLOCK_REAL;
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
        r = cede_run_with(begin, NULL, &how);
        /* A deadlock has been reported already, at greater length. */
        if (r < 0 && r != -EDEADLK)
                fprintf(stderr, "%s: %s\n", program, strerror(-r));
        if (fflush(stdout) || ferror(stdout)) {
                fprintf(stderr, "%s: cannot write to standard output\n", program);
                return 1;
        }
        return cede_exit_status(r);
}
