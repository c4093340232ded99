/* SPDX-License-Identifier: MIT */
/*
 * Callbacks on a value that comes later, as with Twisted's Deferred: each callback makes of the
 * value before it the next one.
 *
 * A link is a future of its own.  What a callback returns, a value or an error, is what the next
 * one gets; an error passes over those that handle only values.  Callbacks are called in their turn
 * by the run, never inside of whoever resolves, so the main task awaits the last link.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>

static long start = 5;

static void *number(long n)
{
        return (void *)(intptr_t)n;
}

static int add_one(void *value, void *arg, void **ret_value)
{
        (void)arg;
        *ret_value = number((intptr_t)value + 1);
        return 0;
}

static int twice(void *value, void *arg, void **ret_value)
{
        (void)arg;
        *ret_value = number(2 * (intptr_t)value);
        return 0;
}

static int refuse(void *value, void *arg, void **ret_value)
{
        (void)arg;
        (void)ret_value;
        printf("refuse %ld\n", (long)(intptr_t)value);
        return -EIO;
}

static int skipped(void *value, void *arg, void **ret_value)
{
        (void)arg;
        *ret_value = value;
        printf("a value: %ld\n", (long)(intptr_t)value);
        return 0;
}

static int handle(int error, void *arg, void **ret_value)
{
        printf("an error: %s\n", error == -EIO ? "EIO" : "another");
        *ret_value = arg;
        return 0;
}

/* Prints what the last of a chain comes to, and gives it back. */
static int print_result(struct cede_future *last)
{
        void *value;
        int r = cede_future_await(last, &value);

        if (r == 0)
                printf("%ld\n", (long)(intptr_t)value);
        cede_future_unref(last);
        return r;
}

static int chain(struct cede_future *f)
{
        struct cede_future *more = cede_future_then(f, add_one, NULL, NULL);
        struct cede_future *last = cede_future_then(more, twice, NULL, NULL);

        cede_future_unref(more);
        cede_future_resolve(f, number(start));
        return print_result(last);
}

static int once(struct cede_future *f)
{
        int r = cede_future_resolve(f, number(start));

        if (r < 0)
                return r;
        r = cede_future_resolve(f, number(start + 1));
        printf("resolved again: %s\n", r == -EALREADY ? "refused" : "accepted");
        return print_result(cede_future_ref(f));
}

static int failure(struct cede_future *f)
{
        struct cede_future *refused = cede_future_then(f, refuse, NULL, NULL);
        struct cede_future *passed = cede_future_then(refused, skipped, NULL, NULL);
        struct cede_future *handled = cede_future_then(passed, skipped, handle, number(start));
        struct cede_future *last = cede_future_then(handled, skipped, handle, NULL);

        cede_future_unref(refused);
        cede_future_unref(passed);
        cede_future_unref(handled);
        cede_future_resolve(f, number(start));
        return print_result(last);
}

static void stop_work(struct cede_future *f, void *arg)
{
        (void)f;
        (void)arg;
        printf("the canceller ends the work\n");
}

static int cancel(struct cede_future *f)
{
        struct cede_future *last = cede_future_then(f, add_one, NULL, NULL);
        int r;

        cede_future_set_canceller(f, stop_work, NULL);
        cede_future_cancel(last);
        r = cede_future_await(last, NULL);
        cede_future_unref(last);
        if (r != -ECANCELED)
                return r < 0 ? r : -EIO;
        printf("cancelled\n");
        return 0;
}

static int late(struct cede_future *f)
{
        struct cede_future *last;

        cede_future_resolve(f, number(start));
        last = cede_future_then(f, skipped, NULL, NULL);
        printf("resolved, then added\n"); /* it is called in its turn, not inside of then */
        return print_result(last);
}

static const struct variant {
        const char *title;
        int (*run)(struct cede_future *f);
} variants[] = {
        { "chain", chain },   { "resolved twice", once }, { "failure", failure },
        { "cancel", cancel }, { "added later", late },
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static int chosen = VARIANTS; /* all of them */

static int run_variant(int i)
{
        struct cede_future *f = cede_future_new();
        int r = f ? variants[i].run(f) : -ENOMEM;

        cede_future_unref(f);
        return r;
}

static int deferred(void *arg)
{
        int r = 0;

        (void)arg;
        if (chosen < VARIANTS)
                return run_variant(chosen);
        for (int i = 0; i < VARIANTS && r >= 0; i++) {
                printf("%s:\n", variants[i].title);
                r = run_variant(i);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "variant", "chain|once|failure|cancel|late", "only this one, without its title",
                  .choice = &chosen },
                { "value", "N", "what the future is resolved with (5)", .number = &start,
                  .max = 1000000 },
                { 0 },
        };

        return example_main(argc, argv, "Callbacks on a value that comes later.", options,
                            deferred);
}
