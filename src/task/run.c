/* SPDX-License-Identifier: MIT */
/* A run from its start to its end. */
#include "task/run.h"
#include "base/alloc.h"
#include "base/trap.h"
#include "sched/signal.h"
#include "sched/watchdog.h"
#include "task/callback.h"
#include <errno.h>
#include <time.h>

enum { STACK_SIZE = 64 * 1024, CALLBACK_PAUSES = 1000 };

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
        .run = cede__task_run,
        .is_fiber = is_task,
        .call = cede__callback_call,
        .stack_class = cede__task_stack_class,
        .quiescent = cede__run_quiescent,
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
               o->offload_threads_min <= CEDE__OFFLOAD_THREADS_MAX;
}

static struct cede__run *create(const struct cede_run_options *options)
{
        struct cede__run *run = cede__map(sizeof(*run)); /* aligned for task records */

        if (!run)
                return NULL;
        run->options = *options;
        run->stack_class =
                cede__stack_class(options->stack_size ? options->stack_size : STACK_SIZE);
        cede__loop_init(&run->loop, &hooks, options->clock == CEDE_CLOCK_VIRTUAL);
        cede__scope_init(&run->root, &run->main.fiber.party);
        run->main.fiber.party.kind = &cede__task_party;
        run->main.fiber.loop = &run->loop;
        run->main.home = run->main.fiber.party.scope = &run->root;
        run->main.name = "main";
        run->main.id = 1;
        run->last_id = 1;
        run->stats.spawned = run->stats.live = run->stats.peak_live = 1;
        return run;
}

/*
 * Whether to look again for callbacks.  One may have been granted by another thread whose post has
 * not arrived yet; one that still waits after a moment would be called by a run that is gone.
 */
static bool callbacks_under_way(struct cede__run *run)
{
        const struct timespec pause = { .tv_nsec = 1000 * 1000 };

        if (!atomic_load_explicit(&run->loop.callbacks, memory_order_acquire))
                return false;
        if (++run->callback_pauses > CALLBACK_PAUSES)
                cede__die("a run ends while callbacks wait that are to be called by it; cancel "
                          "them first");
        nanosleep(&pause, NULL);
        return true;
}

/* The main function has returned: nobody is left behind. */
static int wind_up(struct cede__run *run, int result)
{
        struct cede_scope *root = &run->root;

        if (run->main.fiber.party.scope != root)
                cede__die("the main function returned with a scope open; close it before");
        cede__locals_finish(&run->main);
        cede__party_abandon(&run->main.fiber.party);
        if (result < 0 && result != -ECANCELED && !root->error)
                root->error = result;
        cede__cancel_scope(root, -ECANCELED);
        do
                cede__scope_join(root, &run->main, NULL);
        while (!cede__loop_drain(&run->loop) || callbacks_under_way(run));
        cede__scope_drop_handles(root, &run->main);
        return run->deadlocked ? -EDEADLK : cede__scope_result(root, result);
}

static int run_tasks(struct cede__run *run, int (*fn)(void *), void *arg)
{
        struct cede__watchdog dog;
        struct cede__trap trap;
        int r;

        if (!cede__trap_enter(&trap, cede__run_explain_fault))
                return -ENOMEM;
        r = cede__signals_enter(&run->loop, run->options.cancel_signals,
                                run->options.report_signal);
        if (r < 0)
                goto leave_trap;
        cede__loop_enter(&run->loop, &run->main.fiber);
        if (run->options.watchdog) {
                r = cede__watchdog_start(&dog, &run->loop, run->options.watchdog);
                if (r < 0)
                        goto leave_loop;
        }
        r = wind_up(run, fn(arg));
        cede__loop_drain(&run->loop);
        if (atomic_load_explicit(&run->loop.callbacks, memory_order_acquire))
                cede__die(
                        "a run ends while callbacks wait that are to be called by it; cancel them");
        if (run->pool)
                run->pool_finish(run->pool);
        if (run->options.watchdog)
                cede__watchdog_stop(&dog);
leave_loop:
        cede__loop_leave();
        cede__signals_leave(&run->loop);
leave_trap:
        cede__trap_leave(&trap);
        return r;
}

int cede_run_with(int (*fn)(void *), void *arg, const struct cede_run_options *options)
{
        static const struct cede_run_options defaults;
        struct cede__run *run;
        int r;

        if (cede__loop_here)
                return -EBUSY;
        options = options ? options : &defaults;
        if (!fn || !valid(options))
                return -EINVAL;
        run = create(options);
        if (!run)
                return -ENOMEM;
        interrupted = 0;
        r = run_tasks(run, fn, arg);
        cede__loop_finish(&run->loop);
        cede__records_finish(run);
        cede__unmap(run, sizeof(*run));
        return r;
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
        struct cede__run *run = cede__run_here();

        *ret_stats = run ? run->stats : (struct cede_run_stats){ 0 };
        if (run) {
                ret_stats->stacks = run->loop.stacks.used;
                ret_stats->peak_stacks = run->loop.stacks.peak;
                ret_stats->turns = cede__loop_turns(&run->loop);
        }
}
