/* SPDX-License-Identifier: MIT */
/*
 * Whether all workers of a run are quiet: nothing is ready, under way or set by which one of them
 * could be woken.  On a virtual clock timers do not count: time moves on when all are quiet.
 *
 * A worker that has nothing makes its count `dormant` odd, and looks at the others.  The last one
 * to do so finds all of them dormant.  One look does not suffice, since while the second worker is
 * looked at, it may post to the first one and go to sleep.  So everything is looked at twice, and
 * no count may have changed in between: then at the moment between the two looks all were dormant
 * together, and nothing was under way.  A worker that is woken changes its count before it takes in
 * what it was woken for.
 *
 * It is the first worker that acts on it; others, when they find it so, post to it.
 *
 * Time on a virtual clock is the same for all workers, and stands still while any of them has
 * something to do.  That has to be true while it moves, too, but a foreign thread may wake a worker
 * at any moment.  So a worker that is woken changes its count under the run's time_lock:
 *
 *      the first worker                             the others
 *      -------------------------------------------  ------------------------------------------
 *      lock; looks: all are dormant                 dormant; woken by a foreign thread's post,
 *      looks again: nothing was sent                  which it has not taken in yet
 *      sets the clock of each; unlock
 *                                                   lock; no longer dormant; unlock
 *      posts to each that has a timer due           takes in what was posted, at the new time
 *
 * Who is dormant at the first look stays so until the lock is dropped, and sends nothing.  So what
 * had been sent before is seen by the second look, and nothing else can be under way.  Who is
 * woken later has taken the lock since, and knows the time.
 */
#include "base/spin.h"
#include "task/run.h"

/* What all workers have together. */
struct state {
        uint64_t changes; /* the sum of their counts, which never go down */
        int64_t next_timer;
        unsigned outside, outside_asleep;
        bool starves, pools_awake;
};

static bool is_dormant(struct cede__worker *w)
{
        uintptr_t word;

        cede__step("look if dormant", &w->dormant);
        word = atomic_load(&w->loop.knock);
        return atomic_load(&w->dormant) % 2 && (!word || word == CEDE__KNOCK_SLEEPING) &&
               !atomic_load(&w->fresh_count);
}

static void add(struct state *s, struct cede__worker *w)
{
        int64_t next = atomic_load(&w->next_timer);

        s->changes += atomic_load(&w->dormant);
        s->next_timer = next < s->next_timer ? next : s->next_timer;
        s->outside += atomic_load(&w->outside);
        s->outside_asleep += atomic_load(&w->outside_asleep);
        s->starves = s->starves || atomic_load(&w->starves);
        s->pools_awake = s->pools_awake || atomic_load(&w->pools_awake);
}

/*
 * All are quiet.  Offloaded functions that have no thread yet wait for one that is asleep.  Jobs of
 * pools are counted for each worker alone: one that waits behind another worker's counts as awake.
 */
static bool look(struct cede__run *run, struct state *ret_state)
{
        unsigned threads = atomic_load(&run->offload_threads), running;

        *ret_state = (struct state){ .next_timer = CEDE_NEVER };
        for (unsigned i = 0; i < run->workers; i++) {
                if (!is_dormant(&run->worker[i]))
                        return false;
                add(ret_state, &run->worker[i]);
        }
        running = ret_state->outside < threads ? ret_state->outside : threads;
        return running <= ret_state->outside_asleep && !ret_state->pools_awake &&
               (!ret_state->starves || ret_state->next_timer != CEDE_NEVER);
}

static void become_dormant(struct cede__worker *me)
{
        if (atomic_load(&me->dormant) % 2)
                return;
        atomic_store(&me->next_timer, cede__timers_next(&me->loop.timers));
        atomic_store(&me->outside, me->loop.outside.pieces);
        atomic_store(&me->outside_asleep, me->loop.outside.asleep);
        atomic_store(&me->pools_awake, cede__pools_awake(&me->loop));
        atomic_store(&me->starves, me->loop.starved.first != NULL);
        cede__step("become dormant", &me->dormant);
        atomic_fetch_add(&me->dormant, 1);
}

static void quiet_posted(struct cede__post *post)
{
        struct cede__worker *first = cede__container_of(post, struct cede__worker, quiet_post);

        atomic_store(&first->quiet_posted, false); /* it has been woken: that is all */
}

bool cede__all_quiet(struct cede__worker *me)
{
        struct cede__worker *first = &me->run->worker[0];
        struct state before, after;

        if (cede__worker_alone(me))
                return true;
        become_dormant(me);
        if (!look(me->run, &before) || !look(me->run, &after) || before.changes != after.changes)
                return false;
        if (me == first)
                return true;
        if (!atomic_exchange(&first->quiet_posted, true))
                cede__loop_post(&first->loop, &first->quiet_post);
        return false;
}

void cede__quiet_over(struct cede__worker *me)
{
        if (atomic_load(&me->dormant) % 2 == 0)
                return;
        if (me->loop.is_virtual)
                cede__spin_lock(&me->run->time_lock, 1);
        cede__step("no longer dormant", &me->dormant);
        atomic_fetch_add(&me->dormant, 1);
        if (me->loop.is_virtual)
                cede__spin_unlock(&me->run->time_lock, 0);
}

static void time_posted(struct cede__post *post)
{
        struct cede__worker *me = cede__container_of(post, struct cede__worker, time_post);

        atomic_store(&me->time_posted, false);
        cede__timers_fire(&me->loop.timers, cede__loop_now(&me->loop));
}

void cede__quiet_init(struct cede__worker *worker)
{
        worker->quiet_post.run = quiet_posted;
        worker->time_post.run = time_posted;
}

/* Under the lock.  False: somebody was woken meanwhile. */
static bool move_time(struct cede__run *run, struct state *ret_state)
{
        int64_t now = cede__loop_now(&run->worker[0].loop);

        if (!look(run, ret_state) || !look(run, ret_state))
                return false;
        if (ret_state->next_timer == CEDE_NEVER)
                return true;
        if (ret_state->next_timer > now)
                now = ret_state->next_timer;
        cede__step("move time", &run->time_lock);
        for (unsigned i = 0; i < run->workers; i++)
                atomic_store(&run->worker[i].loop.virtual_now, now);
        return true;
}

bool cede__time_passes(struct cede__worker *first)
{
        struct cede__run *run = first->run;
        struct state state;
        int64_t now;
        bool quiet;

        if (cede__worker_alone(first) || !first->loop.is_virtual)
                return false;
        cede__spin_lock(&run->time_lock, 1);
        quiet = move_time(run, &state);
        cede__spin_unlock(&run->time_lock, 0);
        if (!quiet)
                return true;
        if (state.next_timer == CEDE_NEVER)
                return false;
        cede__quiet_over(first);
        now = cede__loop_now(&first->loop);
        for (unsigned i = 1; i < run->workers; i++) {
                struct cede__worker *w = &run->worker[i];

                /* One that has been woken since, and cancelled that timer, need not be told. */
                if (atomic_load(&w->next_timer) <= now && !atomic_exchange(&w->time_posted, true))
                        cede__loop_post(&w->loop, &w->time_post);
        }
        cede__timers_fire(&first->loop.timers, now);
        return true;
}
