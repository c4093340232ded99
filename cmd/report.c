/* SPDX-License-Identifier: MIT */
/* The result for people. */
#include "explore.h"
#include <signal.h>
#include <string.h>

static const char *plural(uint64_t n)
{
        return n == 1 ? "" : "s";
}

static void print_totals(const struct options *o, const struct totals *t)
{
        struct number n[4], size;

        print_name(stdout, o->directory);
        printf(": %s file%s, %s director%s, %s symlink%s, %s other\n", grouped(t->files, &n[0]),
               plural(t->files), grouped(t->directories, &n[1]), t->directories == 1 ? "y" : "ies",
               grouped(t->symlinks, &n[2]), plural(t->symlinks), grouped(t->other, &n[3]));
        printf("%s bytes", grouped(t->bytes, &n[0]));
        if (t->bytes >= 1024)
                printf(" (%s)", size_text(t->bytes, &size));
        printf(", %s on disk", size_text(t->allocated, &size));
        if (o->lines)
                printf(", %s line%s", grouped(t->lines, &n[1]), plural(t->lines));
        putchar('\n');
        if (t->errors)
                printf("%s entr%s could not be read\n", grouped(t->errors, &n[0]),
                       t->errors == 1 ? "y" : "ies");
}

static void print_top(const struct top *top)
{
        struct number size;

        if (top->count)
                puts("\nlargest directories");
        for (unsigned i = 0; i < top->count; i++) {
                printf("%12s  ", size_text(top->entries[i].bytes, &size));
                print_name(stdout, top->entries[i].path);
                putchar('\n');
        }
}

static void print_interruption(const struct outcome *outcome)
{
        struct number room;

        if (outcome->signal)
                printf("\ninterrupted by %s: this is what had been seen until then\n",
                       signal_text(outcome->signal, &room));
}

void report_print(const struct options *o, const struct outcome *outcome, const struct top *top)
{
        struct number live, waiting, open, memory;

        print_totals(o, &outcome->totals);
        print_top(top);
        printf("\n%.3f s, order %s, limit %ld; at most %s task%s live, %s waiting, %s open",
               (double)outcome->nanoseconds / 1e9, order_name(o->order), outcome->limit,
               grouped(outcome->peak_live, &live), plural(outcome->peak_live),
               grouped(outcome->peak_waiting, &waiting), grouped(outcome->peak_open, &open));
        if (outcome->peak_memory)
                printf("; %s memory", size_text(outcome->peak_memory, &memory));
        putchar('\n');
        print_interruption(outcome);
}

static void print_row(enum cede_order order, const struct outcome *outcome)
{
        struct number live, waiting, open, memory;

        printf("%-6s %10s %13s %10s %12s %9.3f\n", order_name(order),
               grouped(outcome->peak_live, &live), grouped(outcome->peak_waiting, &waiting),
               grouped(outcome->peak_open, &open),
               outcome->peak_memory ? size_text(outcome->peak_memory, &memory) : "unknown",
               (double)outcome->nanoseconds / 1e9);
}

void report_compare(const struct options *o, const struct outcome *fifo, const struct outcome *lifo)
{
        print_totals(o, &lifo->totals);
        printf("\nlimit %ld\n%-6s %10s %13s %10s %12s %9s\n", lifo->limit, "order", "peak live",
               "peak waiting", "peak open", "peak memory", "seconds");
        print_row(CEDE_FIFO, fifo);
        print_row(CEDE_LIFO, lifo);
}
