/* SPDX-License-Identifier: MIT */
/*
 * The tasks of a walk.
 *
 * A visit is a task for one directory.  It waits for its turn, reads the directory in a job, spawns
 * a visit for each directory in it, and waits until those have ended; each has then added what it
 * found to its parent's totals.  With --lines each file has a task too, whose job counts its lines.
 * With --workers tasks run on several threads, and what they add to is under a lock that is held
 * for a few additions only.
 *
 *      visit(d):  take a turn | job: list d | spawn children, let them queue | give the turn back
 *                                                          | close the scope | add up
 *
 * The turn (turn.c) is kept until the children stand in the queue for theirs.  For then it is up
 * to the queue's order who gets it: in LIFO order a child, so that the walk goes to the bottom
 * before it turns to the next sibling, and only the siblings along the way wait.  Were it given
 * back before, another directory of the same level would have it, and wait with all its children.
 * In FIFO order a whole level of the tree waits in any case.
 *
 * The turn is not kept while waiting for the children: they could not get one, and all would wait
 * for ever.
 *
 * Waiting for a turn takes a stack, though, and a directory may have a million entries.  So the
 * scopes share a limit of tasks that have started and do not wait for children; those beyond it
 * are small records, and start in the same order in which turns are granted.
 */
#include "walk.h"
#include "list.h"
#include <errno.h>
#include <stdlib.h>

struct visit {
        struct walk *walk;
        const struct place *place;
        struct totals totals; /* of the directory and all below it whose visit has ended */
        int depth;
};

/* What a task is given. */
struct child {
        struct place place;
        struct visit *parent;
};

static void add(struct totals *to, const struct totals *t)
{
        to->files += t->files;
        to->directories += t->directories;
        to->symlinks += t->symlinks;
        to->other += t->other;
        to->bytes += t->bytes;
        to->allocated += t->allocated;
        to->lines += t->lines;
        to->errors += t->errors;
}

static void lock(struct walk *w)
{
        pthread_mutex_lock(&w->lock);
}

static void unlock(struct walk *w)
{
        pthread_mutex_unlock(&w->lock);
}

static int read_file(void *arg)
{
        const struct child *c = arg;
        struct walk *w = c->parent->walk;
        struct line_count count = { .place = &c->place, .stop = &w->stop };
        int r = turn_run(w, c->parent->depth + 1, count_lines, &count, &count.result);

        lock(w);
        c->parent->totals.lines += count.lines;
        if (count.result < 0 && count.result != -ENOENT) {
                c->parent->totals.errors++;
                progress_complain(w, &c->place, -count.result);
        }
        unlock(w);
        return r;
}

static int visit(struct visit *v);

static int visit_child(void *arg)
{
        const struct child *c = arg;
        struct visit v = {
                .walk = c->parent->walk,
                .place = &c->place,
                .depth = c->parent->depth + 1,
        };
        int r = visit(&v);

        lock(v.walk);
        add(&c->parent->totals, &v.totals);
        unlock(v.walk);
        return r;
}

/* Counts what a job has found, and tells what it could not read. */
static void take_over(struct visit *v, const struct listing *l)
{
        struct walk *w = v->walk;
        struct totals found = l->found;

        if (l->result == -ENOENT)
                return; /* vanished before it could be opened */
        found.directories++;
        lock(w);
        if (l->result < 0) {
                found.errors++;
                progress_complain(w, v->place, -l->result);
        }
        for (const struct entry *e = listing_first(l); e; e = listing_next(l, e))
                if (e->kind == ENTRY_FAILED) {
                        struct place place = { v->place, e->name };

                        progress_complain(w, &place, e->error);
                }
        add(&v->totals, &found);
        add(&w->seen, &found);
        unlock(w);
}

/* Spawns a task for each entry that wants one; `children` has room for them. */
static int spawn(struct visit *v, struct cede_scope *scope, const struct listing *l,
                 struct child *children)
{
        const struct cede_spawn_options directory = { .name = "directory",
                                                      .priority = v->depth + 1 },
                                        file = { .name = "file", .priority = v->depth + 1 };
        int r = 0;

        for (const struct entry *e = listing_first(l); e && r == 0; e = listing_next(l, e)) {
                if (e->kind == ENTRY_FAILED)
                        continue;
                *children = (struct child){ { v->place, e->name }, v };
                r = e->kind == ENTRY_DIRECTORY ?
                            cede_spawn_with(scope, &directory, visit_child, children, NULL) :
                            cede_spawn_with(scope, &file, read_file, children, NULL);
                children++;
        }
        return r;
}

/* When more tasks wait than at any time before. */
static void note_waiting(struct walk *w)
{
        struct cede_limit_stats starts;
        unsigned waiting;

        cede_limit_stats(&w->starts, &starts);
        waiting = starts.queued + turns_waiting(w);
        lock(w);
        if (waiting > w->peak_waiting)
                w->peak_waiting = waiting;
        unlock(w);
}

/* With a permit, which it gives back. */
static int visit_children(struct visit *v, const struct listing *l)
{
        struct child *children = malloc(l->children * sizeof(*children));
        struct cede_scope scope;
        int r;

        cede_scope_open_with(&scope, &(struct cede_scope_options){ .limit = &v->walk->starts });
        r = children ? spawn(v, &scope, l, children) : -ENOMEM;
        if (r == 0)
                r = cede_yield(); /* they start, and queue for their turn */
        note_waiting(v->walk);
        turn_give(v->walk);
        r = cede_scope_close(&scope, r);
        free(children);
        return r;
}

static int visit(struct visit *v)
{
        struct walk *w = v->walk;
        const struct options *o = w->options;
        struct listing l = {
                .place = v->place,
                .stop = &w->stop,
                .device = o->one_file_system ? &w->device : NULL,
                .files = o->lines,
        };
        int r = turn_take(w);

        if (r < 0)
                return r;
        r = turn_job(list_directory, &l, &l.result);
        if (r == 0)
                take_over(v, &l);
        if (r == 0 && l.children)
                r = visit_children(v, &l);
        else
                turn_give(w);
        free(l.entries);
        lock(w);
        if (v->totals.directories && top_offer(w->top, v->totals.bytes, v->place) < 0)
                r = -ENOMEM;
        unlock(w);
        return r;
}

int walk_tree(struct walk *w)
{
        const struct place root = { NULL, w->options->directory };
        struct visit v = { .walk = w, .place = &root };
        int r = visit(&v);

        w->totals = v.totals;
        /* A job that has left off early is no failure of its task. */
        return r == 0 && atomic_load_explicit(&w->stop, memory_order_relaxed) ? -ECANCELED : r;
}
