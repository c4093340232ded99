/* SPDX-License-Identifier: MIT */
/*
 * The hunt for a false report: random programs that are known to end by themselves.
 *
 * Two runs and two plain threads share a row of mutexes.  Whoever waits without a deadline takes
 * them in ascending order; whoever closes a scope while it holds some lets the children use higher
 * ones only, and so on inwards.  Who has a slot holds no mutex while it closes, since a sibling
 * that is lent the slot may want it; a limit is one scope's own, or shared by such as have nobody
 * around them that holds anything.  All this waiting leads upwards and comes to an end.
 *
 * Beside it there is waiting that would be a circle if it counted: against the order, but under a
 * deadline; for tasks that are being cancelled; for mutexes owned by callbacks; for offloaded
 * functions, which lock themselves; for a condition, notified from outside.
 */
#include "base/prng.h"
#include "deadlock.h"

enum { MUTEXES = 6, DEPTH_MAX = 3, CHILDREN_MAX = 4, LOOPS = 2, THREADS = 2 };

static struct cede_mutex mutexes[MUTEXES];
static struct cede_condition changed;
static struct cede_sem gate;
static atomic_int unfinished;

/* A run's, or a thread's. */
static _Thread_local uint64_t seed, drawn;
static _Thread_local struct cede_limit shared;

static unsigned draw(unsigned sides)
{
        return (unsigned)(cede__prng(seed, drawn++) % sides);
}

/* What came of a wait: everything but a deadlock. */
static bool expect_no_deadlock(int r)
{
        EXPECT(r == 0 || r == -ECANCELED || r == -ETIMEDOUT);
        return r == 0;
}

struct body {
        int floor; /* the lowest mutex it may wait for */
        int depth;
        bool has_slot;  /* then it holds no mutex while it closes, for its siblings may want that */
        bool may_share; /* nobody further out holds a mutex, or a slot while it joins */
};

static int offloaded(void *mutex)
{
        int r = cede_mutex_lock(mutex);

        EXPECT_EQ(r, 0);
        unlock(mutex);
        return 0;
}

static void lock_any_in_time(void)
{
        struct cede_mutex *m = &mutexes[draw(MUTEXES)];
        int r = 0;

        if (cede_mutex_owned(m))
                return;
        CEDE_TIMEOUT((int64_t)(1 + draw(200)) * 1000) {
                r = cede_mutex_lock(m);
                if (expect_no_deadlock(r)) {
                        (void)!cede_yield();
                        unlock(m);
                }
        }
}

/* Something that takes a while, and ends.  It may wait for mutexes from `floor` on. */
static void dawdle(int floor)
{
        switch (draw(6)) {
        case 0:
                expect_no_deadlock(cede_sleep((int64_t)draw(100) * 1000));
                break;
        case 1:
                lock_any_in_time();
                break;
        case 2:
                if (cede_task_self() && floor < MUTEXES)
                        expect_no_deadlock(cede_offload(offloaded, &mutexes[MUTEXES - 1]));
                break;
        case 3:
                expect_no_deadlock(cede_sem_acquire(&gate));
                break;
        default:
                (void)!cede_yield();
        }
}

static void run_body(const struct body *body);

static int child(void *arg)
{
        run_body(arg);
        return 0;
}

static void call_back(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_mutex_unlock_async(&mutexes[callback->priority], callback), 0);
}

/* Gives up after a moment, unless it was granted. */
static void lock_by_a_callback(void)
{
        struct cede_callback callback = { .fn = call_back, .priority = (int)draw(MUTEXES) };

        EXPECT_EQ(cede_mutex_lock_async(&mutexes[callback.priority], &callback), 0);
        CEDE_SHIELD {
                for (int i = 0; i < 3; i++)
                        EXPECT_EQ(cede_yield(), 0);
                if (cede_callback_cancel(&callback) < 0)
                        while (__atomic_load_n(&callback.fiber.party.cell, __ATOMIC_RELAXED))
                                EXPECT_EQ(cede_yield(), 0);
        }
}

/* Spawns some, and does something about them; returns when all have ended. */
static void have_children(const struct body *body, int floor, bool holds)
{
        bool joins = draw(3) == 0, shares = !holds && !joins && body->may_share && draw(2);
        struct body theirs = { floor, body->depth + 1, false, body->may_share && !holds && !joins };
        struct cede_limit own = CEDE_LIMIT_INIT(1, CEDE_LIFO);
        struct cede_scope_options options = { .flags = draw(2) ? CEDE_COLLECT : 0 };
        struct cede_task *tasks[CHILDREN_MAX];
        unsigned count = 1 + draw(CHILDREN_MAX);
        struct cede_scope c;

        own.max = 1 + (long)draw(3);
        if (shares || draw(2))
                options.limit = shares ? &shared : &own;
        theirs.has_slot = options.limit != NULL;
        cede_scope_open_with(&c, &options);
        for (unsigned i = 0; i < count; i++)
                EXPECT_EQ(cede_spawn_with(&c, NULL, child, &theirs, &tasks[i]), 0);
        if (draw(2))
                dawdle(floor);
        if (draw(4) == 0)
                cede_task_cancel(tasks[draw(count)]);
        if (draw(8) == 0)
                cede_scope_cancel(&c);
        if (joins)
                expect_no_deadlock(cede_task_join(tasks[draw(count)], NULL));
        (void)cede_scope_close(&c, 0);
}

static int dawdle_without_mutexes(void *arg)
{
        (void)arg;
        dawdle(MUTEXES);
        return 0;
}

/* One sibling locks what is held until the others have ended; there is a slot left for those. */
static void start_beside_one_that_waits(int held)
{
        struct cede_limit limit = CEDE_LIMIT_INIT(2, CEDE_RANDOM);
        const struct cede_scope_options options = { .limit = &limit };
        struct body waits = { .floor = held, .depth = DEPTH_MAX };
        struct cede_scope outer, inner;

        cede_scope_open_with(&outer, &options);
        EXPECT_EQ(cede_spawn(&outer, child, &waits), 0);
        cede_scope_open_with(&inner, &options);
        for (unsigned i = draw(CHILDREN_MAX); i > 0; i--)
                EXPECT_EQ(cede_spawn(&inner, dawdle_without_mutexes, NULL), 0);
        (void)cede_scope_close(&inner, 0);
        unlock(&mutexes[held]);
        (void)cede_scope_close(&outer, 0);
}

static void wait_for_a_change(int held)
{
        if (draw(2)) {
                expect_no_deadlock(cede_condition_wait(&changed, &mutexes[held]));
                return;
        }
        CEDE_TIMEOUT((int64_t)draw(100) * 1000)
                expect_no_deadlock(cede_condition_wait(&changed, &mutexes[held]));
}

static void run_body(const struct body *body)
{
        int held[MUTEXES], count = 0, highest = -1;
        bool nests = cede_task_self() && body->depth < DEPTH_MAX;

        for (int i = body->floor; i < MUTEXES; i++) {
                if (draw(3))
                        continue;
                if (!expect_no_deadlock(cede_mutex_lock(&mutexes[i])))
                        break;
                held[count++] = highest = i;
                if (draw(3) == 0)
                        wait_for_a_change(i);
                if (draw(3) == 0)
                        dawdle(i + 1);
        }
        if (nests && draw(2) && !(body->has_slot && count))
                have_children(body, count ? highest + 1 : body->floor, count > 0);
        if (nests && count && !body->has_slot && draw(3) == 0)
                start_beside_one_that_waits(held[--count]);
        while (count)
                unlock(&mutexes[held[--count]]);
        if (nests && draw(3) == 0)
                have_children(body, body->floor, false);
        if (cede_task_self() && draw(4) == 0)
                lock_by_a_callback();
}

static int run_main(void *arg)
{
        const struct body all = { .may_share = true };

        (void)arg;
        EXPECT_EQ(cede_limit_init(&shared, 2, CEDE_RANDOM), 0);
        run_body(&all);
        run_body(&all);
        return 0;
}

static void *loop_main(void *arg)
{
        seed = (uintptr_t)arg;
        EXPECT_EQ(cede_run(run_main, NULL), 0);
        atomic_fetch_sub(&unfinished, 1);
        return NULL;
}

static void *thread_main(void *arg)
{
        const struct body all = { 0 };

        seed = (uintptr_t)arg;
        for (int i = 0; i < 3; i++)
                run_body(&all);
        atomic_fetch_sub(&unfinished, 1);
        return NULL;
}

static void program(uintptr_t number)
{
        pthread_t threads[LOOPS + THREADS];

        atomic_store(&unfinished, LOOPS + THREADS);
        for (uintptr_t i = 0; i < MUTEXES; i++)
                EXPECT_EQ(cede_mutex_set_transfer(
                                  &mutexes[i], (number + i) % 3 == 0 ? CEDE_ADAPTIVE : CEDE_STRICT),
                          0);
        for (uintptr_t i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i < LOOPS ? loop_main : thread_main,
                                         (void *)(number * 16 + i)),
                          0);
        while (atomic_load(&unfinished)) { /* from outside: what is waited for comes */
                cede_condition_notify(&changed, 1);
                if (cede_sem_waiting(&gate))
                        EXPECT_EQ(cede_sem_release(&gate), 0);
                sched_yield();
        }
        for (int i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < MUTEXES; i++)
                EXPECT(!cede_mutex_locked(&mutexes[i]));
}

static void hunt(uintptr_t first)
{
        const uintptr_t programs = test_slowed() ? 100 : 1000;

        capture_begin();
        for (uintptr_t i = 0; i < programs; i++)
                program(first + i);
        expect_reports(0);
}

TEST(programs_of_the_first_thousand, .seconds = 60)
{
        hunt(1);
}

TEST(programs_of_the_second_thousand, .seconds = 60)
{
        hunt(1001);
}

TEST(programs_of_the_third_thousand, .seconds = 60)
{
        hunt(2001);
}
