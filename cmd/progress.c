/* SPDX-License-Identifier: MIT */
/*
 * What is said on standard error while a walk goes on: a line that is written over and over, on a
 * terminal only, and the first few errors.
 */
#include "walk.h"
#include <stdlib.h>
#include <string.h>

enum { PERIOD_MS = 200 };

static void draw(struct walk *w)
{
        struct number files, directories, size, waiting;

        fprintf(stderr, "\r%s files, %s directories, %s; %s waiting\033[K",
                grouped(w->seen.files, &files), grouped(w->seen.directories, &directories),
                size_text(w->seen.bytes, &size), grouped(turns_waiting(w), &waiting));
        fflush(stderr);
        w->line_shown = true;
}

static void erase(struct walk *w)
{
        if (!w->line_shown)
                return;
        fputs("\r\033[K", stderr);
        fflush(stderr);
        w->line_shown = false;
}

int progress_watch(void *walk)
{
        struct walk *w = walk;

        while (cede_sleep(CEDE_MS(PERIOD_MS)) == 0) {
                pthread_mutex_lock(&w->lock);
                if (w->options->progress)
                        draw(w);
                pthread_mutex_unlock(&w->lock);
        }
        /* The end of the walk, or Ctrl-C: then a job may have a large file still before it. */
        atomic_store_explicit(&w->stop, true, memory_order_relaxed);
        pthread_mutex_lock(&w->lock);
        erase(w);
        pthread_mutex_unlock(&w->lock);
        return 0;
}

void progress_complain(struct walk *w, const struct place *place, int error)
{
        char *path;

        if (w->messages >= w->options->messages)
                return;
        w->messages++;
        erase(w);
        path = place_text(place);
        fputs("cede: ", stderr);
        print_name(stderr, path ? path : place->name);
        fprintf(stderr, ": %s\n", strerror(error));
        free(path);
        if (w->messages == w->options->messages)
                fputs("cede: further errors are only counted\n", stderr);
}
