/* SPDX-License-Identifier: MIT */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program;
static int64_t start;
static int (*main_task)(void *arg);

const char *elapsed(void)
{
        static _Thread_local char text[32];
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

void restart_clock(void)
{
        start = cede_now();
}

void say(const char *format, ...)
{
        va_list args;

        /* Standard output is line buffered: the line break makes one write of all this. */
        flockfile(stdout);
        printf("t=%s ", elapsed());
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
        funlockfile(stdout);
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

static const char *dashes(const struct example_option *o)
{
        return o->operand ? "" : "--";
}

static void help(const char *about, const struct example_option *options)
{
        printf("usage: %s [OPTION...]", program);
        for (const struct example_option *o = options; o->name; o++)
                if (o->operand)
                        printf(" [%s]", o->name);
        printf("\n\n%s\n\n", about);
        for (const struct example_option *o = options; o->name; o++)
                printf("  %s%s%s%s\n        %s\n", dashes(o), o->name, o->value ? " " : "",
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

/* Both read up to `end`, which is for the caller to look at. */
static bool read_number(const struct example_option *o, int i, const char *text, const char **end)
{
        long n = digits(text, end);

        if (n < 0 || n < o->min || n > o->max)
                return false;
        o->number[i] = n;
        return true;
}

static bool read_duration(const struct example_option *o, int i, const char *text, const char **end)
{
        int64_t scale = 100, ms;
        long n = digits(text, end);

        if (n < 0 || n > o->max)
                return false;
        ms = n * 1000;
        if (**end == '.' && (*end)[1] >= '0' && (*end)[1] <= '9')
                for (++*end; **end >= '0' && **end <= '9' && scale; ++*end, scale /= 10)
                        ms += (**end - '0') * scale;
        if (ms < o->min * 1000 || ms > o->max * 1000)
                return false;
        o->duration[i] = CEDE_MS(ms);
        return true;
}

/* One number or duration, or as many as the option takes. */
static bool read_list(const struct example_option *o, const char *text)
{
        int n = 0, most = o->most ? o->most : 1;
        bool valid;

        do {
                valid = n < most && (o->number ? read_number(o, n, text, &text) :
                                                 read_duration(o, n, text, &text));
                n++;
        } while (valid && *text++ == ',');
        if (!valid || text[-1])
                return false;
        if (o->given)
                *o->given = n;
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

static void read_value(const struct example_option *o, const char *text, bool *real)
{
        if ((o->number || o->duration) && !read_list(o, text))
                example_usage("%s%s takes %s%s from %ld to %ld, not \"%s\"", dashes(o), o->name,
                              o->most   ? "a list of " :
                              o->number ? "a number" :
                                          "seconds",
                              !o->most  ? "" :
                              o->number ? "numbers" :
                                          "seconds",
                              o->min, o->max, text);
        if (o->choice && !read_choice(o, text))
                example_usage("--%s takes %s, not \"%s\"", o->name, o->value, text);
        if (o->text)
                *o->text = text;
        if (o->real && !strcmp(o->real, text))
                *real = true;
}

static const struct example_option *find(const struct example_option *options, const char *word)
{
        size_t length = strcspn(word, "=");

        for (const struct example_option *o = options; o->name; o++)
                if (!o->operand && strlen(o->name) == length && !memcmp(o->name, word, length))
                        return o;
        return NULL;
}

/* The next operand that the program takes; `o` is the one before, or NULL. */
static const struct example_option *next_operand(const struct example_option *options,
                                                 const struct example_option *o)
{
        for (o = o ? o + 1 : options; o->name; o++)
                if (o->operand)
                        return o;
        return NULL;
}

/* Returns whether the real clock was asked for. */
static bool read_options(char **argv, const char *about, const struct example_option *options)
{
        const struct example_option *o, *operand = next_operand(options, NULL);
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
                if (**word != '-' && operand) {
                        read_value(operand, *word, &real);
                        operand = next_operand(options, operand);
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
                        read_value(o, value ? value + 1 : *word, &real);
        }
        return real;
}

struct thread {
        pthread_t id;
        int (*fn)(void *arg);
        void *arg;
        int result;
};

static void *thread_main(void *arg)
{
        struct thread *me = arg;

        me->result = me->fn(me->arg);
        return NULL;
}

static int join(void *arg)
{
        struct thread *thread = arg;

        pthread_join(thread->id, NULL);
        return thread->result;
}

int run_threads(int n, int (*fn)(void *arg), void *const args[])
{
        struct thread *threads = calloc((size_t)n, sizeof(*threads));
        int started = 0, result = threads ? 0 : -ENOMEM;

        while (started < n && result == 0) {
                struct thread *t = &threads[started];

                *t = (struct thread){ .fn = fn, .arg = args ? args[started] : NULL };
                result = -pthread_create(&t->id, NULL, thread_main, t);
                if (result == 0)
                        started++;
        }
        /* Even if this task is cancelled meanwhile: the threads use what is on its stack. */
        CEDE_SHIELD
                for (int i = 0; i < started; i++) {
                        int r = cede_offload(join, &threads[i]);

                        if (result >= 0 && r < 0)
                                result = r;
                }
        free(threads);
        return result;
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
