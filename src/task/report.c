/* SPDX-License-Identifier: MIT */
/* Reports: the task tree, deadlocks, stack overflows, tasks that keep the loop to themselves. */
#include "base/report.h"
#include "base/thread.h"
#include "task/run.h"
#include <errno.h>
#include <unistd.h>

enum { TASKS_MAX = 200 }; /* lines of one report: enough to see the pattern */

/* Whether the task, and what it has opened and spawned, may be looked at. */
static bool stands_still(const struct cede_task *t)
{
        return cede__worker_of(__atomic_load_n(&t->fiber.loop, __ATOMIC_RELAXED))->stands_still;
}

/* The first living child in a scope, from `link` on. */
static struct cede_task *living(struct cede_scope *s, struct cede__list *link)
{
        for (; link != &s->children; link = link->next)
                if (!cede__task_of_sibling(link)->fiber.ended)
                        return cede__task_of_sibling(link);
        return NULL;
}

static bool is_main_task(const struct cede_task *t)
{
        return t->home->owner == &t->fiber.party;
}

/* The first living child in the scopes of `owner` from `s` outwards, its home not included. */
static struct cede_task *first_child(struct cede_task *owner, struct cede_scope *s)
{
        bool is_main = is_main_task(owner); /* the run's scope is the main task's as well */

        for (; s && (s != owner->home || is_main); s = s->parent) {
                struct cede_task *child = living(s, s->children.next);

                if (child)
                        return child;
        }
        return NULL;
}

/* The task after `t` in a walk over the tree, parents first; without recursion. */
static struct cede_task *successor(struct cede_task *t, unsigned *depth)
{
        struct cede_task *next = stands_still(t) ? first_child(t, t->fiber.party.scope) : NULL;

        if (next) {
                ++*depth;
                return next;
        }
        while (!is_main_task(t)) {
                struct cede_task *owner = cede__task_of(t->home->owner);

                next = living(t->home, t->sibling.next);
                if (!next && t->home != owner->home)
                        next = first_child(owner, t->home->parent);
                if (next)
                        return next;
                t = owner;
                --*depth;
        }
        return NULL;
}

/* A task without a name is called by its function. */
static void add_name(struct cede__text *text, const struct cede_task *t)
{
        const char *fn = (const char *)(uintptr_t)t->fn;
        struct cede__site site = { 0 };

        if (!t->name)
                site = cede__sites_find(text->sites, fn + 1);
        cede__text_add(text, "%s (%llu)", site.function ? site.function : cede_task_name(t),
                       (unsigned long long)t->fiber.id);
}

void cede__party_describe(const struct cede__party *party, struct cede__text *text)
{
        const struct cede__fiber *fiber;

        if (!party) {
                cede__text_add(text, "nobody");
        } else if (cede__is_task(party)) {
                fiber = cede__container_of(party, const struct cede__fiber, party);
                add_name(text, cede__container_of(fiber, const struct cede_task, fiber));
        } else {
                cede__text_add(text, party->kind->may_block ? "a plain thread" : "a callback");
        }
}

static void describe(struct cede__text *text, const struct cede_task *t, unsigned depth,
                     const struct cede__party *self)
{
        const struct cede__waiter *w = t->fiber.party.waiter;

        cede__text_add(text, "%*s", (int)(2 + 2 * (depth < 30 ? depth : 30)), "");
        add_name(text, t);
        if (!stands_still(t)) {
                cede__text_add(text, ": on a worker whose task does not give way\n");
                return;
        }
        /* Granted already: it is ready, and the object may be gone. */
        if (__atomic_load_n(&t->fiber.party.cell, __ATOMIC_ACQUIRE) == CEDE__DONE)
                w = NULL;
        cede__text_add(text, ": ");
        if (&t->fiber.party == self && !w) {
                cede__text_add(text, "running");
        } else if (w) {
                cede__text_add(text, "waits for %s ", w->kind->name);
                w->kind->describe(w, text);
                if (w->site) {
                        cede__text_add(text, ", at ");
                        cede__text_site(text, w->site);
                }
        } else {
                cede__text_add(text, t->waits_to_start ? "waits to start" :
                                     t->fiber.context  ? "ready" :
                                                         "about to start");
        }
        cede__text_add(text, t->fiber.party.cancel ? ", cancelled\n" : "\n");
}

_Thread_local struct cede__still cede__still;

struct tree {
        struct cede__run *run;
        const struct cede__party *self; /* of the thread that asks */
};

static void write_tree(struct cede__text *text, void *arg)
{
        const struct tree *tree = arg;
        struct cede_task *t = &tree->run->worker[0].native;
        unsigned depth = 0, lines = 0;
        uint64_t live = 0;

        for (unsigned i = 0; i < tree->run->workers; i++)
                live += tree->run->worker[i].live;
        cede__still.run = tree->run;
        for (; t && lines < TASKS_MAX; t = successor(t, &depth), lines++)
                describe(text, t, depth, tree->self);
        if (live > lines)
                cede__text_add(text, "  ... and %llu more\n", (unsigned long long)(live - lines));
        cede__still.run = NULL;
}

static void report_tasks(struct cede__run *run, int fd)
{
        struct tree tree = { run, cede__self };
        struct cede__worker *here = cede__worker_here();
        struct cede__text text;

        if (cede__workers_stop(here)) {
                cede__report(fd, write_tree, &tree);
                cede__workers_go(here);
        } else {
                cede__text_open(&text, fd);
                cede__text_add(&text, "cede: another worker is printing the tasks\n");
        }
}

void cede_print_tasks(int fd)
{
        if (cede__run_here())
                report_tasks(cede__run_here(), fd);
}

void cede__run_report(struct cede__loop *loop)
{
        report_tasks(cede__run_of(loop), STDERR_FILENO);
}

/*
 * Whether a thread that is not this run's, or a signal, might still wake a task: then it is no
 * deadlock.  If that cannot be found out, it is taken for true: a report is never false.
 */
static bool reachable(const struct cede__run *run)
{
        int threads = cede__thread_count();

        /* A thread that has posted something may have ended before they were counted. */
        unsigned own = run->workers * (run->options.watchdog > 0 ? 2 : 1) +
                       atomic_load(&run->offload_threads) + atomic_load(&cede__threads_idle);

        return atomic_load(&run->worker[0].loop.knock) ||
               (run->options.cancel_signals && *run->options.cancel_signals) || threads < 0 ||
               (unsigned)threads > own;
}

/*
 * How long to wait before asking again: threads that have been joined may be counted for a moment
 * more, and one that could have woken a task may end without doing so.  Says so once it lasts.
 */
static int64_t wait_for_outside(struct cede__run *run)
{
        static const int64_t pauses[] = { CEDE_MS(1), CEDE_MS(10), CEDE_MS(100), CEDE_SEC(1) };
        const unsigned last = sizeof(pauses) / sizeof(pauses[0]) - 1;
        uint64_t turns = cede__loop_turns(&run->worker[0].loop);
        struct cede__text text;

        if (run->quiet_since != turns)
                run->quiet_looks = 0;
        run->quiet_since = turns;
        if (run->quiet_looks == last && !run->waits_for_outside) {
                cede__text_open(&text, STDERR_FILENO);
                cede__text_add(&text, "cede: no task is ready and no timer is set: only a signal "
                                      "or another thread can wake one\n");
                run->waits_for_outside = true;
        }
        return run->quiet_looks < last ? pauses[run->quiet_looks++] : pauses[last];
}

int64_t cede__run_quiescent(struct cede__loop *loop)
{
        struct cede__run *run = cede__run_of(loop);
        struct cede__text text;

        if (!cede__all_quiet(cede__worker_of(loop)))
                return CEDE_NEVER;
        if (cede__time_passes(cede__worker_of(loop)))
                return 0;
        if (reachable(run))
                return wait_for_outside(run);
        cede__quiet_over(cede__worker_of(loop));
        cede__text_open(&text, STDERR_FILENO);
        cede__text_add(&text, "cede: deadlock: no task is ready, no timer is set, and nothing "
                              "outside can wake one\n");
        report_tasks(run, STDERR_FILENO);
        if (run->deadlocked)
                cede__die("deadlock again, although everything was cancelled: a task waits in a "
                          "shielded scope, or for such a one");
        run->deadlocked = true;
        cede__cancel_scope(&run->root, -ECANCELED);
        return 0;
}

bool cede__run_explain_fault(const void *address, const void *sp)
{
        const struct cede_task *running = cede__task_running();
        const struct cede__fiber *fiber = running ? &running->fiber : NULL;
        const struct cede_task *t;
        struct cede__text text;
        size_t size;

        if (!fiber || !fiber->stack || !cede__stack_overrun(fiber->stack, address, sp))
                return false;
        t = cede__container_of(fiber, const struct cede_task, fiber);
        size = cede__stack_class_size(t->fiber.stack_class);
        cede__text_open(&text, STDERR_FILENO);
        cede__text_add(&text,
                       "cede: task \"%s\" (%llu) overflowed its stack of %zu bytes; give it a "
                       "larger one with cede_spawn_options.stack_size\n",
                       cede_task_name(t), (unsigned long long)t->fiber.id, size);
        return true;
}

void cede__run_overrun(struct cede__fiber *fiber, int64_t limit)
{
        const struct cede_task *t = cede__container_of(fiber, const struct cede_task, fiber);
        struct cede__text text;

        cede__text_open(&text, STDERR_FILENO);
        cede__text_add(
                &text,
                "cede: task \"%s\" (%llu) has run for more than %lld ms without giving way\n",
                cede_task_name(t), (unsigned long long)t->fiber.id, (long long)(limit / 1000000));
}
