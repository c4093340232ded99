/* SPDX-License-Identifier: MIT */
/* A run from its start to its end. */
#include "task/run.h"
#include "base/bias.h"
#include "base/alloc.h"
#include "base/trap.h"
#include "sched/signal.h"
#include "sched/watchdog.h"
#include "task/callback.h"
#include <cede/embed.h>
#include <errno.h>
#include <time.h>

enum { STACK_SIZE = 64 * 1024, CALLBACK_PAUSES = 1000, WORKERS_MAX = 1024 };

static _Thread_local int interrupted;

static void on_interrupt(struct cede__loop *loop)
{
        interrupted = cede__signals_interrupt();
        cede__cancel_scope(&cede__run_of(loop)->root, -ECANCELED);
}

static bool is_task(const struct cede__party *party)
{
        return cede__is_task(party);
}

static const struct cede__loop_hooks hooks = {
        .bottom = cede__task_run,
        .is_fiber = is_task,
        .call = cede__callback_call,
        .quiescent = cede__run_quiescent,
        .find = cede__share_find,
        .rest = cede__share_rest,
        .rise = cede__share_rise,
        .interrupt = on_interrupt,
        .report = cede__run_report,
        .overrun = cede__run_overrun,
};

static bool valid(const struct cede_run_options *o)
{
        return (o->clock == CEDE_CLOCK_REAL || o->clock == CEDE_CLOCK_VIRTUAL) &&
               cede__stack_class(o->stack_size) < CEDE__STACK_CLASSES && o->watchdog >= 0 &&
               cede__waitq_order_valid(o->offload_order) &&
               (!o->offload_threads || o->offload_threads_min <= o->offload_threads) &&
               o->offload_threads_min <= CEDE__OFFLOAD_THREADS_MAX && o->workers <= WORKERS_MAX;
}

static size_t size_of_run(unsigned workers)
{
        return sizeof(struct cede__run) + workers * sizeof(struct cede__worker);
}

static struct cede__run *create(const struct cede_run_options *options)
{
        unsigned workers = options->workers ? options->workers : 1;
        struct cede__run *run = cede__map(size_of_run(workers)); /* aligned for task records */
        struct cede_task *main;

        if (!run)
                return NULL;
        run->options = *options;
        run->workers = workers;
        run->stack_class =
                cede__stack_class(options->stack_size ? options->stack_size : STACK_SIZE);
        for (unsigned i = 0; i < workers; i++)
                cede__worker_init(&run->worker[i], run, i, &hooks);
        main = &run->worker[0].native;
        cede__scope_init(&run->root, &main->fiber.party);
        main->name = "main";
        main->fiber.id = 1;
        run->worker[0].live = 1;
        return run;
}

static void destroy(struct cede__run *run)
{
        for (unsigned i = 0; i < run->workers; i++)
                cede__worker_finish(&run->worker[i]);
        cede__unmap(run, size_of_run(run->workers));
}

/*
 * Whether to look again for callbacks.  One may have been granted by another thread whose post has
 * not arrived yet; one that still waits after a moment would be called by a run that is gone.
 */
static bool callbacks_under_way(struct cede__worker *me)
{
        const struct timespec pause = { .tv_nsec = 1000 * 1000 };

        if (!atomic_load_explicit(&me->loop.callbacks, memory_order_acquire))
                return false;
        if (++me->callback_pauses > CALLBACK_PAUSES)
                cede__die("a run ends while callbacks wait that are to be called by it; cancel "
                          "them first");
        nanosleep(&pause, NULL);
        return true;
}

/* Jobs of pools first: whoever waits for them is called then. */
static bool under_way(struct cede__worker *me)
{
        return cede__loop_await_outside(&me->loop) || callbacks_under_way(me);
}

void cede__run_drain(struct cede__worker *me)
{
        do
                cede__loop_drain(&me->loop);
        while (under_way(me));
}

/* The main function has returned: nobody is left behind. */
static int wind_up(struct cede__worker *me, int result)
{
        struct cede_task *main = &me->native;
        struct cede__run *run = me->run;
        struct cede_scope *root = &run->root;

        if (main->fiber.party.scope != root)
                cede__die("the main function returned with a scope open; close it before");
        cede__locals_finish(main);
        cede__party_abandon(&main->fiber.party);
        if (result < 0 && result != -ECANCELED && !root->error)
                root->error = result;
        cede__cancel_scope(root, -ECANCELED);
        do
                cede__scope_join(root, main, NULL);
        while (!cede__loop_drain(&me->loop) || under_way(me));
        cede__scope_drop_handles(root, main);
        return run->deadlocked ? -EDEADLK : cede__scope_result(root, result);
}

static int start_workers(struct cede__run *run)
{
        int r = 0;

        for (run->started = 1; run->started < run->workers; run->started++) {
                r = cede__worker_start(&run->worker[run->started]);
                if (r < 0)
                        break;
        }
        return r;
}

/* All tasks have ended. */
static void leave(struct cede__run *run)
{
        struct cede__worker *me = &run->worker[0];

        while (run->started > 1)
                cede__worker_stop(&run->worker[--run->started]);
        cede__run_drain(me);
        if (run->offload)
                run->offload_finish(run->offload);
        cede__worker_leave(me);
        cede__signals_leave(&me->loop);
}

static int enter(struct cede__run *run)
{
        struct cede__worker *me = &run->worker[0];
        int r = cede__signals_enter(&me->loop, run->options.cancel_signals,
                                    run->options.report_signal);

        if (r < 0)
                return r;
        r = cede__worker_enter(me);
        if (r < 0) {
                cede__signals_leave(&me->loop);
                return r;
        }
        r = start_workers(run);
        if (r < 0)
                leave(run);
        return r;
}

int cede_run_begin(const struct cede_run_options *options)
{
        static const struct cede_run_options defaults;
        struct cede__run *run;
        int r;

        if (cede__loop_here)
                return -EBUSY;
        options = options ? options : &defaults;
        if (!valid(options))
                return -EINVAL;
        cede__bias_prepare();
        run = create(options);
        if (!run)
                return -ENOMEM;
        interrupted = 0;
        r = enter(run);
        if (r < 0)
                destroy(run);
        return r;
}

struct cede__worker *cede__run_main_here(void)
{
        struct cede__worker *here = cede__worker_here();

        if (!here || here->index || cede__self != &here->native.fiber.party)
                cede__die(
                        "a run is ended or driven where it was not begun; do that in the code that "
                        "called cede_run_begin, or in the main function of cede_run");
        return here;
}

int cede_run_end(int result)
{
        struct cede__run *run = cede__run_main_here()->run;
        int r = wind_up(&run->worker[0], result);

        leave(run);
        destroy(run);
        return r;
}

int cede_run_with(int (*fn)(void *), void *arg, const struct cede_run_options *options)
{
        int r;

        if (!fn)
                return cede__loop_here ? -EBUSY : -EINVAL;
        r = cede_run_begin(options);
        return r < 0 ? r : cede_run_end(fn(arg));
}

int cede_run(int (*fn)(void *), void *arg)
{
        return cede_run_with(fn, arg, NULL);
}

int cede_exit_status(int result)
{
        return result < 0;
}

int cede_interrupted(void)
{
        return interrupted;
}

void cede_run_stats(struct cede_run_stats *ret_stats)
{
        struct cede__worker *here = cede__worker_here();

        *ret_stats = (struct cede_run_stats){ 0 };
        for (unsigned i = 0; here && i < here->run->workers; i++) {
                const struct cede__worker *w = &here->run->worker[i];

                uint64_t live = cede__counted(w->live), peak = cede__counted(w->peak_live);

                ret_stats->spawned += (cede__counted(w->last_id) - w->index) / w->workers;
                ret_stats->live += live;
                ret_stats->peak_live += live > peak ? live : peak;
                ret_stats->stacks += cede__counted(w->loop.stacks.used);
                ret_stats->peak_stacks += cede__counted(w->loop.stacks.peak);
                ret_stats->turns += cede__loop_turns(&w->loop);
        }
}
