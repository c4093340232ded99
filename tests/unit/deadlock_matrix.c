/* SPDX-License-Identifier: MIT */
/*
 * Circles of n parties, generated: each holds one mutex and waits for the next one's, on one loop,
 * on threads, or on both and a second loop; and the last edge is drawn in each of the ways there
 * are.  One report, which names every mutex, and one party whose wait fails.
 *
 * Party i waits for mutex i + 1, which party i + 1 holds; the last one waits for party 0 in its own
 * way, when all the others have come to rest.
 */
#include "deadlock.h"
#include "task/task.h"

enum { PARTIES_MAX = 10 };
enum place { LOOP_A, LOOP_B, THREAD };
enum placement { ONE_LOOP, THREADS, MIXED };
enum closer { LOCK, CLOSE, RETURN, NOTIFY, SLOT };

static struct party {
        struct cede__party *party; /* atomic */
        enum place place;
        int index, result;
        char name[16], mutex_name[16];
} parties[PARTIES_MAX];

static struct cede_mutex mutexes[PARTIES_MAX];
static struct cede_condition condition;
static struct cede_limit limit;
static struct cede_scope closers_scope; /* around its wait for the condition */
static int n;
static enum closer closer;
static atomic_int holding, taken, resting, closing, over;

static bool waits_for_condition(void)
{
        return closer == RETURN || closer == NOTIFY;
}

/* Whether it has gone to sleep in its wait for the next one: on a loop, seen from a task there. */
static bool rests(const struct party *p)
{
        return cede_mutex_waiting(&mutexes[p->index + 1]) &&
               (p->place != THREAD ||
                __atomic_load_n(&p->party->cell, __ATOMIC_ACQUIRE) & CEDE__PARKED);
}

/* All but the last one. */
static int run_party(void *arg)
{
        struct party *p = arg;

        __atomic_store_n(&p->party, cede__party_here(), __ATOMIC_RELEASE);
        if (p->index == 0 && waits_for_condition())
                until(&taken, 1); /* by the last one, which leaves it for the condition */
        lock(&mutexes[p->index]);
        atomic_fetch_add(&holding, 1);
        until(&holding, n);
        p->result = lock_briefly(&mutexes[p->index + 1]);
        unlock(&mutexes[p->index]);
        atomic_fetch_add(&over, 1);
        return p->result == -ECANCELED ? -ECANCELED : 0;
}

/* The last one: its wait closes the circle. */

static int wait_for_the_condition(void)
{
        int r;

        lock(&mutexes[0]);
        atomic_store(&taken, 1);
        cede_scope_open(&closers_scope);
        atomic_fetch_add(&holding, 1);
        r = cede_condition_wait(&condition, &mutexes[0]);
        EXPECT(cede_mutex_owned(&mutexes[0]));
        unlock(&mutexes[0]);
        cede_scope_close(&closers_scope, 0);
        return r;
}

static int close_around_the_first(void)
{
        const struct cede_spawn_options options = { .name = parties[0].name };
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn_with(&c, &options, run_party, &parties[0], NULL), 0);
        atomic_fetch_add(&holding, 1);
        until(&resting, n - 1);
        return cede_scope_close(&c, 0);
}

static int end_when_all_rest(void *arg)
{
        (void)arg;
        until(&resting, n - 1);
        return 0;
}

/* Lends its slot to the first one meanwhile, and wants it back. */
static int wait_for_the_slot(void)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, end_when_all_rest, NULL), 0);
        atomic_fetch_add(&holding, 1);
        return cede_scope_close(&c, 0);
}

static int run_last(void *arg)
{
        struct party *p = arg;

        __atomic_store_n(&p->party, cede__party_here(), __ATOMIC_RELEASE);
        lock(&mutexes[p->index]);
        if (waits_for_condition()) {
                p->result = wait_for_the_condition();
        } else if (closer == CLOSE) {
                p->result = close_around_the_first();
        } else if (closer == SLOT) {
                p->result = wait_for_the_slot();
        } else {
                atomic_fetch_add(&holding, 1);
                until(&resting, n - 1);
                p->result = lock_briefly(&mutexes[0]);
        }
        unlock(&mutexes[p->index]);
        atomic_fetch_add(&over, 1);
        return 0;
}

static int (*function_of(const struct party *p))(void *)
{
        return p->index == n - 1 ? run_last : run_party;
}

static void *thread_main(void *party)
{
        function_of(party)(party);
        return NULL;
}

static bool is_spawned_here(const struct party *p, enum place place)
{
        return p->place == place && !(closer == CLOSE && p->index == 0);
}

/* Spawns those of this loop, and watches them come to rest. */
static int loop_main(void *place)
{
        enum place here = (enum place)(intptr_t)place;
        bool seen[PARTIES_MAX] = { false };
        struct cede_scope c, limited;

        cede_scope_open(&c);
        cede_scope_open_with(&limited, &(struct cede_scope_options){ .limit = &limit });
        for (int i = n - 1; i >= 0; i--) { /* so that the last one has the slot first */
                struct party *p = &parties[i];
                bool with_slot = closer == SLOT && (i == 0 || i == n - 1);
                const struct cede_spawn_options options = { .name = p->name };

                if (is_spawned_here(p, here))
                        EXPECT_EQ(cede_spawn_with(with_slot ? &limited : &c, &options,
                                                  function_of(p), p, NULL),
                                  0);
        }
        while (!atomic_load(&closing)) {
                for (int i = 0; i < n - 1; i++)
                        if (parties[i].place == here && !seen[i] && rests(&parties[i])) {
                                seen[i] = true;
                                atomic_fetch_add(&resting, 1);
                        }
                EXPECT_EQ(cede_yield(), 0);
        }
        EXPECT_EQ(cede_scope_close(&limited, 0), 0);
        return cede_scope_close(&c, 0);
}

static void *loop_thread(void *place)
{
        EXPECT_EQ(cede_run(loop_main, place), 0);
        return NULL;
}

static enum place place_of(int i, enum placement placement)
{
        bool is_task = (closer == CLOSE || closer == SLOT) && (i == 0 || i == n - 1);

        if (is_task || placement == ONE_LOOP)
                return LOOP_A;
        return placement == THREADS ? THREAD : (enum place)(i % 3);
}

static void prepare(int parties_count, enum placement placement, enum closer how)
{
        n = parties_count;
        closer = how;
        atomic_store(&holding, 0);
        atomic_store(&taken, 0);
        atomic_store(&resting, 0);
        atomic_store(&closing, 0);
        atomic_store(&over, 0);
        EXPECT_EQ(cede_limit_init(&limit, 1, CEDE_FIFO), 0);
        for (int i = 0; i < n; i++) {
                struct party *p = &parties[i];

                *p = (struct party){ .index = i, .place = place_of(i, placement) };
                snprintf(p->name, sizeof(p->name), "party %d", i);
                snprintf(p->mutex_name, sizeof(p->mutex_name), "mutex_%d", i);
                cede_mutex_set_name(&mutexes[i], p->mutex_name);
        }
}

/* What the test's own thread sees: threads that sleep; and then the condition's waiter is moved. */
static void conduct(void)
{
        bool seen[PARTIES_MAX] = { false };

        while (atomic_load(&resting) < n - 1) {
                for (int i = 0; i < n - 1; i++)
                        if (parties[i].place == THREAD && !seen[i] && atomic_load(&holding) == n &&
                            rests(&parties[i])) {
                                seen[i] = true;
                                atomic_fetch_add(&resting, 1);
                        }
                sched_yield();
        }
        atomic_store(&closing, 1);
        if (closer == RETURN)
                cede_scope_cancel(&closers_scope);
        if (closer == NOTIFY)
                EXPECT_EQ(cede_condition_notify(&condition, 1), 1);
}

static void expect_one_victim(void)
{
        static const int first[] = { 0, -ECANCELED, -EDEADLK, -EDEADLK, -EDEADLK };
        static const int last[] = { -EDEADLK, -EDEADLK, -ECANCELED, 0, 0 };

        EXPECT_EQ(parties[0].result, first[closer]);
        EXPECT_EQ(parties[n - 1].result, last[closer]);
        for (int i = 1; i < n - 1; i++)
                EXPECT_EQ(parties[i].result, 0);
}

static void circle(int parties_count, enum placement placement, enum closer how)
{
        pthread_t loops[2], threads[PARTIES_MAX];
        const char *text;

        prepare(parties_count, placement, how);
        capture_begin();
        for (intptr_t i = 0; i < 2; i++)
                EXPECT_EQ(pthread_create(&loops[i], NULL, loop_thread, (void *)i), 0);
        for (int i = 0; i < n; i++)
                if (parties[i].place == THREAD)
                        EXPECT_EQ(pthread_create(&threads[i], NULL, thread_main, &parties[i]), 0);
        conduct();
        for (int i = 0; i < n; i++)
                if (parties[i].place == THREAD)
                        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++)
                EXPECT_EQ(pthread_join(loops[i], NULL), 0);
        EXPECT_EQ(atomic_load(&over), n);
        text = expect_reports(1);
        expect_one_victim();
        EXPECT_EQ(count_of(text, ": waits for "), n);
        for (int i = closer == CLOSE || closer == SLOT; i < n; i++)
                EXPECT(strstr(text, parties[i].mutex_name));
        for (int i = 0; i < n; i++) {
                if (parties[i].place != THREAD)
                        EXPECT(strstr(text, parties[i].name));
                EXPECT(!cede_mutex_locked(&mutexes[i]));
                EXPECT_EQ(cede_mutex_waiting(&mutexes[i]), 0);
        }
}

#define CIRCLES(how, name)                                                                         \
        TEST(name##_2_tasks)                                                                       \
        {                                                                                          \
                circle(2, ONE_LOOP, how);                                                          \
        }                                                                                          \
        TEST(name##_3_tasks)                                                                       \
        {                                                                                          \
                circle(3, ONE_LOOP, how);                                                          \
        }                                                                                          \
        TEST(name##_10_tasks)                                                                      \
        {                                                                                          \
                circle(10, ONE_LOOP, how);                                                         \
        }                                                                                          \
        TEST(name##_2_threads)                                                                     \
        {                                                                                          \
                circle(2, THREADS, how);                                                           \
        }                                                                                          \
        TEST(name##_3_threads)                                                                     \
        {                                                                                          \
                circle(3, THREADS, how);                                                           \
        }                                                                                          \
        TEST(name##_10_threads)                                                                    \
        {                                                                                          \
                circle(10, THREADS, how);                                                          \
        }                                                                                          \
        TEST(name##_2_of_two_loops)                                                                \
        {                                                                                          \
                circle(2, MIXED, how);                                                             \
        }                                                                                          \
        TEST(name##_3_of_two_loops_and_a_thread)                                                   \
        {                                                                                          \
                circle(3, MIXED, how);                                                             \
        }                                                                                          \
        TEST(name##_10_of_two_loops_and_threads)                                                   \
        {                                                                                          \
                circle(10, MIXED, how);                                                            \
        }

CIRCLES(LOCK, lock)
CIRCLES(CLOSE, close)
CIRCLES(RETURN, condition_return)
CIRCLES(NOTIFY, notify)
CIRCLES(SLOT, slot)
