/* SPDX-License-Identifier: MIT */
/*
 * Semaphore against a reference model: random requests for several permits, time-outs and
 * cancellations, from a seeded generator.
 *
 * The model is a plain list that is searched for the waiter who goes first.  What tasks do by
 * themselves happens at whole milliseconds, time-outs at instants of their own in between, and a
 * waiter that was granted sleeps before it goes on; so the model always hears of an event before
 * the next one.  The numbers of free permits and of waiters must agree after each, and everybody
 * must be granted exactly when the model says so.
 */
#include <stdlib.h>

#include "log.h"

enum { TASKS = 2000, ROUNDS = 4, PERMITS = 7 };

struct worker {
        int id, priority;
        struct cede_task *task;
        /* The model's: */
        bool waits, granted, cancelled, over;
        long need;
        int64_t deadline;
        unsigned long arrival;
};

static struct cede_sem s;
static struct worker workers[TASKS];
static int workers_count;
static uint64_t state; /* of the generator */

static struct {
        enum cede_order order;
        long permits, waiting;
        unsigned long arrivals;
        int grants;
} model;

static unsigned draw(unsigned below)
{
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(state >> 33) % below;
}

/* Whether `a` goes before `b`. */
static bool before(const struct worker *a, const struct worker *b)
{
        if (model.order == CEDE_LIFO)
                return a->arrival > b->arrival;
        if (model.order == CEDE_PRIORITY && a->priority != b->priority)
                return a->priority > b->priority;
        if (model.order == CEDE_EDF && a->deadline != b->deadline)
                return a->deadline < b->deadline;
        return a->arrival < b->arrival;
}

static void model_grant(void)
{
        for (;;) {
                struct worker *head = NULL;

                for (int i = 0; i < workers_count; i++)
                        if (workers[i].waits && (!head || before(&workers[i], head)))
                                head = &workers[i];
                if (!head || head->need > model.permits)
                        return;
                head->waits = false;
                model.waiting--;
                model.permits -= head->need;
                head->granted = true;
        }
}

/* The random order is not modelled: there only the sums are compared. */
static bool modelled(void)
{
        return model.order != CEDE_RANDOM;
}

static void compare(void)
{
        if (modelled()) {
                EXPECT_EQ(cede_sem_value(&s), model.permits);
                EXPECT_EQ(cede_sem_waiting(&s), model.waiting);
        }
}

static void model_arrive(struct worker *w)
{
        w->arrival = model.arrivals++;
        w->waits = true;
        model.waiting++;
        if (modelled())
                model_grant();
}

static void model_leave(struct worker *w)
{
        if (!w->waits)
                return;
        w->waits = false;
        model.waiting--;
        if (modelled())
                model_grant();
}

static int64_t whole_ms(int64_t t)
{
        return t / CEDE_MS(1) * CEDE_MS(1);
}

/* Sleeps to one of the next whole milliseconds, cancelled or not. */
static void pause_for(unsigned most)
{
        int64_t until = whole_ms(cede_now()) + CEDE_MS(1 + draw(most));

        CEDE_SHIELD
                EXPECT_EQ(cede_sleep_until(until), 0);
}

static long held; /* permits, by everybody */

static int round_of(struct worker *w)
{
        struct cede_scope limit;
        int r;

        w->need = 1 + draw(draw(4) ? 2 : PERMITS);
        w->deadline = draw(3) ? CEDE_SEC(1000000) :
                                whole_ms(cede_now()) + CEDE_MS(draw(20)) + 1000 + w->id;
        cede_scope_open_with(&limit, &(struct cede_scope_options){ .deadline = w->deadline });
        if (!w->cancelled)
                model_arrive(w);
        r = cede_sem_acquire_n(&s, w->need);
        if (r < 0) {
                EXPECT_EQ(r, w->cancelled ? -ECANCELED : -ETIMEDOUT);
                model_leave(w);
        } else {
                held += w->need;
                EXPECT(held <= PERMITS);
                model.grants++;
                if (!modelled())
                        w->waits = false;
        }
        EXPECT_EQ(cede_scope_close(&limit, 0), 0);
        pause_for(5); /* by then the model has heard of everything */
        if (modelled())
                EXPECT_EQ(w->granted, r == 0);
        w->granted = false;
        if (r < 0)
                return r;
        held -= w->need;
        model.permits += w->need;
        if (modelled())
                model_grant();
        EXPECT_EQ(cede_sem_release_n(&s, w->need), 0);
        compare();
        return 0;
}

static int work(void *arg)
{
        struct worker *w = arg;

        pause_for((unsigned)workers_count);
        for (int i = 0; i < ROUNDS && !w->cancelled; i++)
                round_of(w);
        w->over = true;
        return 0;
}

static int cancel_some(void *arg)
{
        (void)arg;
        for (int i = 0; i < workers_count; i++) {
                struct worker *w = &workers[draw((unsigned)workers_count)];

                pause_for(15);
                if (w->over || w->cancelled)
                        continue;
                w->cancelled = true;
                model_leave(w);
                cede_task_cancel(w->task);
                compare();
        }
        return 0;
}

static int stress(void *arg)
{
        struct cede_sem_stats stats;
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_sem_init(&s, PERMITS, model.order), 0);
        EXPECT_EQ(cede_sem_set_max(&s, PERMITS), 0);
        model.permits = PERMITS;
        cede_scope_open(&c);
        for (int i = 0; i < workers_count; i++) {
                workers[i] = (struct worker){ .id = i, .priority = (int)draw(5) };
                EXPECT_EQ(cede_spawn_with(
                                  &c,
                                  &(struct cede_spawn_options){ .priority = workers[i].priority },
                                  work, &workers[i], &workers[i].task),
                          0);
        }
        EXPECT_EQ(cede_spawn(&c, cancel_some, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_value(&s), PERMITS);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(held, 0);
        cede_sem_stats(&s, &stats);
        EXPECT(stats.peak_waiting > (unsigned)workers_count / 20); /* there was a crowd */
        EXPECT(model.grants > workers_count / 2);
        return 0;
}

static void stress_order(enum cede_order order, uint64_t seed)
{
        state = seed;
        model.order = order;
        workers_count = test_slowed() ? TASKS / 5 : TASKS;
        EXPECT_EQ(run_virtual(stress, NULL), 0);
}

TEST(fifo_agrees_with_the_model)
{
        stress_order(CEDE_FIFO, 1);
}

TEST(lifo_agrees_with_the_model)
{
        stress_order(CEDE_LIFO, 2);
}

TEST(priority_agrees_with_the_model)
{
        stress_order(CEDE_PRIORITY, 3);
}

TEST(edf_agrees_with_the_model)
{
        stress_order(CEDE_EDF, 4);
}

TEST(random_loses_and_forges_nothing)
{
        stress_order(CEDE_RANDOM, 5);
}
