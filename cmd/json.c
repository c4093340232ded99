/* SPDX-License-Identifier: MIT */
/*
 * The result for programs.
 *
 * A name may be any bytes, a JSON string may not.  Where a path is no UTF-8, "path" has U+FFFD for
 * the bytes that are wrong, and "path_hex" beside it has the exact ones.
 */
#include "explore.h"

static void print_path(const char *path)
{
        bool exact = true;

        fputs("\"path\": \"", stdout);
        for (const char *p = path; *p;) {
                unsigned length = utf8_length(p);

                if (*p == '"' || *p == '\\') {
                        printf("\\%c", *p);
                } else if (length) {
                        fwrite(p, 1, length, stdout);
                } else if ((unsigned char)*p < 0x80) {
                        printf("\\u%04x", (unsigned)*p);
                } else {
                        fputs("\\ufffd", stdout);
                        exact = false;
                }
                p += length ? length : 1;
        }
        putchar('"');
        if (exact)
                return;
        fputs(", \"path_hex\": \"", stdout);
        for (const char *p = path; *p; p++)
                printf("%02x", (unsigned char)*p);
        putchar('"');
}

static void print_number(const char *key, uint64_t n)
{
        printf("  \"%s\": %llu,\n", key, (unsigned long long)n);
}

static void print_totals(const struct options *o, const struct totals *t)
{
        print_number("files", t->files);
        print_number("directories", t->directories);
        print_number("symlinks", t->symlinks);
        print_number("other", t->other);
        print_number("bytes", t->bytes);
        print_number("allocated", t->allocated);
        if (o->lines)
                print_number("lines", t->lines);
        else
                puts("  \"lines\": null,");
        print_number("errors", t->errors);
}

static void print_object(const struct options *o, enum cede_order order,
                         const struct outcome *outcome, const struct top *top)
{
        fputs("{\n  ", stdout);
        print_path(o->directory);
        puts(",");
        print_totals(o, &outcome->totals);
        print_number("peak_live", outcome->peak_live);
        print_number("peak_waiting", outcome->peak_waiting);
        print_number("peak_open", outcome->peak_open);
        if (outcome->peak_memory)
                print_number("peak_memory", outcome->peak_memory);
        else
                puts("  \"peak_memory\": null,");
        printf("  \"seconds\": %.6f,\n", (double)outcome->nanoseconds / 1e9);
        printf("  \"order\": \"%s\",\n", order_name(order));
        print_number("limit", (uint64_t)outcome->limit);
        print_number("workers", (uint64_t)o->workers);
        printf("  \"interrupted\": %s,\n", outcome->signal ? "true" : "false");
        fputs("  \"top\": [", stdout);
        for (unsigned i = 0; top && i < top->count; i++) {
                fputs(i ? ",\n    { " : "\n    { ", stdout);
                print_path(top->entries[i].path);
                printf(", \"bytes\": %llu }", (unsigned long long)top->entries[i].bytes);
        }
        fputs(top && top->count ? "\n  ]\n}" : "]\n}", stdout);
}

void json_print(const struct options *o, const struct outcome *outcome, const struct top *top)
{
        print_object(o, o->order, outcome, top);
        putchar('\n');
}

void json_compare(const struct options *o, const struct outcome *fifo, const struct outcome *lifo)
{
        puts("[");
        print_object(o, lifo ? CEDE_FIFO : o->order, fifo, NULL);
        if (lifo) {
                puts(",");
                print_object(o, CEDE_LIFO, lifo, NULL);
        }
        puts("\n]");
}
