/* SPDX-License-Identifier: MIT */
/*
 * Every primitive x transfer x order x kind of waiter x ending, as one table: a test for each cell.
 *
 * In each, six parties queue up one after the other.  Some of them (see `masks`) give up, then the
 * object is granted, and each who gets it passes it on.  Checked are the order in which they got
 * it, every single result, and that nothing is left in the object.
 */
#include <pthread.h>
#include <sched.h>

#include "log.h"
#include "matrix_broadcast.h"
#include "matrix_objects.h"

enum { PARTIES = 6 };

enum kind { tasks, threads, callbacks, mixed, mixed_blocking };
enum ending { grant, cancel, timeout, grant_then_cancel };
enum order { fifo = CEDE_FIFO, lifo = CEDE_LIFO, priority = CEDE_PRIORITY };

struct party {
        enum kind kind;
        int i, priority, result, then;
        int64_t patience; /* 0: for ever */
        struct cede_scope scope;
        struct cede_task *task;
        pthread_t thread;
        struct cede_callback callback;
        bool open; /* atomic: the scope is */
};

static const int priorities[PARTIES] = { 1, 5, 1, 9, 5, 0 };

static const struct object *object;
static struct party parties[PARTIES];
static unsigned ended, got; /* atomic */
static int order_got[PARTIES];
static bool may_leave; /* atomic */

static unsigned count(const unsigned *counter)
{
        return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void gets_it(struct party *p)
{
        order_got[__atomic_fetch_add(&got, 1, __ATOMIC_ACQ_REL)] = p->i;
}

static void ends(struct party *p, int result)
{
        p->result = result;
        __atomic_fetch_add(&ended, 1, __ATOMIC_ACQ_REL);
}

/* Parties */

static void blocking_party(struct party *p)
{
        int r;

        cede_scope_open_with(
                &p->scope,
                &(struct cede_scope_options){ .deadline = p->patience ? cede_in(p->patience) : 0 });
        __atomic_store_n(&p->open, true, __ATOMIC_RELEASE);
        r = object->wait();
        if (r == 0) {
                gets_it(p);
                p->then = cede_checkpoint();
                object->leave();
        }
        ends(p, r);
        while (p->kind == threads && !__atomic_load_n(&may_leave, __ATOMIC_ACQUIRE))
                sched_yield(); /* somebody may still want to cancel the scope */
        cede_scope_close(&p->scope, 0);
}

static int task_main(void *arg)
{
        blocking_party(arg);
        return 0;
}

static void *thread_main(void *arg)
{
        blocking_party(arg);
        return NULL;
}

static void on_turn(struct cede_callback *callback, int result)
{
        struct party *p = &parties[0];

        while (&p->callback != callback)
                p++;
        gets_it(p);
        object->leave_async(callback);
        ends(p, result);
}

static void give_way(void)
{
        sched_yield();
        EXPECT_EQ(cede_yield(), 0);
}

/* Starts one, and waits until it waits. */
static void start(struct cede_scope *scope, struct party *p)
{
        switch (p->kind) {
        case tasks:
                EXPECT_EQ(cede_spawn_with(scope,
                                          &(struct cede_spawn_options){ .priority = p->priority },
                                          task_main, p, &p->task),
                          0);
                break;
        case threads:
                EXPECT_EQ(pthread_create(&p->thread, NULL, thread_main, p), 0);
                break;
        default:
                p->callback = (struct cede_callback){ .fn = on_turn, .priority = p->priority };
                EXPECT_EQ(object->wait_async(&p->callback), 0);
                __atomic_store_n(&p->open, true, __ATOMIC_RELEASE);
        }
        while (!__atomic_load_n(&p->open, __ATOMIC_ACQUIRE) ||
               object->waiting() + count(&ended) < (unsigned)p->i + 1)
                give_way();
}

static void cancel_party(struct party *p)
{
        switch (p->kind) {
        case tasks:
                cede_task_cancel(p->task);
                break;
        case threads:
                cede_scope_cancel(&p->scope);
                break;
        default:
                if (cede_callback_cancel(&p->callback) == 0)
                        ends(p, -ECANCELED);
        }
}

/* Callbacks have no deadlines: whoever has waited long enough for one cancels it. */
static void give_up(unsigned mask, enum ending ending)
{
        unsigned gone = (unsigned)__builtin_popcount(mask);

        if (ending == timeout)
                EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0); /* of the virtual clock */
        for (int i = 0; i < PARTIES; i++)
                if (mask & 1U << i && (ending == cancel || parties[i].kind == callbacks))
                        cancel_party(&parties[i]);
        if (ending == cancel)
                EXPECT_EQ(object->waiting(), PARTIES - gone); /* at once */
        while (count(&ended) < gone)
                give_way();
        EXPECT_EQ(object->waiting(), PARTIES - gone);
}

/* The order in which those that have not given up get it. */
static unsigned expect(enum cede_order order, unsigned mask, int *ret_expected)
{
        unsigned n = 0;

        for (int i = 0; i < PARTIES; i++) {
                unsigned at = n;

                if (mask & 1U << i)
                        continue;
                if (order == CEDE_LIFO)
                        at = 0;
                while (order == CEDE_PRIORITY && at > 0 &&
                       parties[ret_expected[at - 1]].priority < parties[i].priority)
                        at--;
                for (unsigned j = n; j > at; j--)
                        ret_expected[j] = ret_expected[j - 1];
                ret_expected[at] = i;
                n++;
        }
        return n;
}

static enum kind kind_of(enum kind kind, int i)
{
        if (kind == mixed)
                return (enum kind)((i + 1) % 3);
        return kind == mixed_blocking ? (enum kind)((i + 1) % 2) : kind;
}

static void check(unsigned mask, enum ending ending, const int *expected, unsigned n)
{
        bool ordered = true;

        EXPECT_EQ(count(&got), n);
        for (int i = 0; i < PARTIES; i++) {
                struct party *p = &parties[i];
                bool gone = mask & 1U << i;
                bool late = ending == grant_then_cancel && i == expected[0];

                if (gone)
                        EXPECT_EQ(p->result, ending == timeout && p->kind != callbacks ?
                                                     -ETIMEDOUT :
                                                     -ECANCELED);
                else
                        EXPECT_EQ(p->result, 0);
                if (p->kind == tasks)
                        EXPECT_EQ(p->then, late ? -ECANCELED : 0);
                if (p->kind == threads && object->wakes_all)
                        ordered = false;
        }
        for (unsigned i = 0; ordered && i < n; i++)
                EXPECT_EQ(order_got[i], expected[i]);
}

static void round_of(enum cede_order order, enum kind kind, enum ending ending, unsigned mask)
{
        struct cede_scope scope;
        int expected[PARTIES];
        unsigned n;
        bool always_six =
                ending != timeout; /* a thread may run out of time before the last comes */

        ended = got = 0;
        may_leave = false;
        object->init(order);
        cede_scope_open(&scope);
        for (int i = 0; i < PARTIES; i++) {
                struct party *p = &parties[i];

                *p = (struct party){ .kind = kind_of(kind, i), .i = i };
                if (p->kind != threads) /* they have no priority */
                        p->priority = priorities[i];
                if (ending == timeout && mask & 1U << i)
                        p->patience = p->kind == threads ? CEDE_MS(2) : CEDE_SEC(1);
                start(&scope, p);
        }
        n = expect(order, mask, expected);
        give_up(mask, ending);
        object->grant(n);
        if (ending == grant_then_cancel)
                cancel_party(&parties[expected[0]]);
        while (count(&ended) < PARTIES)
                give_way();
        __atomic_store_n(&may_leave, true, __ATOMIC_RELEASE);
        for (int i = 0; i < PARTIES; i++)
                if (parties[i].kind == threads)
                        EXPECT_EQ(pthread_join(parties[i].thread, NULL), 0);
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
        check(mask, ending, expected, n);
        object->check_left(n, always_six ? PARTIES : 0);
}

struct cell {
        enum cede_order order;
        enum kind kind;
        enum ending ending;
};

/* Who gives up: the first to come, the last, every second, the others, the highest rank, all. */
static const unsigned masks[] = { 0x01, 0x20, 0x15, 0x2a, 0x08, 0x3f };

static int cell_main(void *arg)
{
        const struct cell *c = arg;

        if (c->ending == grant || c->ending == grant_then_cancel)
                round_of(c->order, c->kind, c->ending, 0);
        else
                for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
                        round_of(c->order, c->kind, c->ending, masks[i]);
        return 0;
}

static void run_cell(const struct object *o, enum cede_transfer how, enum cede_order order,
                     enum kind kind, enum ending ending)
{
        struct cell c = { order, kind, ending };

        object = o;
        transfer = how;
        one_loop = kind == tasks || kind == callbacks;
        EXPECT_EQ(run_virtual(cell_main, &c), 0);
}

#define CELL(name, object, order, kind, ending)                                                    \
        TEST(name##_##order##_##kind##_##ending)                                                   \
        {                                                                                          \
                run_cell(&object, CEDE_STRICT, (enum cede_order)order, kind, ending);              \
        }

#define ADAPTIVE_CELL(name, object, order, kind, ending)                                           \
        TEST(adaptive_##name##_##order##_##kind##_##ending)                                        \
        {                                                                                          \
                run_cell(&object, CEDE_ADAPTIVE, (enum cede_order)order, kind, ending);            \
        }

#define ENDINGS(name, object, order, kind)                                                         \
        CELL(name, object, order, kind, grant)                                                     \
        CELL(name, object, order, kind, cancel)                                                    \
        CELL(name, object, order, kind, timeout)                                                   \
        CELL(name, object, order, kind, grant_then_cancel)

/* One that was only told to try again, and then cancelled, is cancelled: transfer.c. */
#define ADAPTIVE_ENDINGS(name, object, order, kind)                                                \
        ADAPTIVE_CELL(name, object, order, kind, grant)                                            \
        ADAPTIVE_CELL(name, object, order, kind, cancel)                                           \
        ADAPTIVE_CELL(name, object, order, kind, timeout)

#define KINDS(name, object, order)                                                                 \
        ENDINGS(name, object, order, tasks)                                                        \
        ENDINGS(name, object, order, threads)                                                      \
        ENDINGS(name, object, order, callbacks)                                                    \
        ENDINGS(name, object, order, mixed)

#define ADAPTIVE_KINDS(name, object, order)                                                        \
        ADAPTIVE_ENDINGS(name, object, order, tasks)                                               \
        ADAPTIVE_ENDINGS(name, object, order, threads)                                             \
        ADAPTIVE_ENDINGS(name, object, order, callbacks)                                           \
        ADAPTIVE_ENDINGS(name, object, order, mixed)

#define ADAPTIVE_BLOCKING_KINDS(name, object, order)                                               \
        ADAPTIVE_ENDINGS(name, object, order, tasks)                                               \
        ADAPTIVE_ENDINGS(name, object, order, threads)                                             \
        ADAPTIVE_ENDINGS(name, object, order, mixed_blocking)

#define BLOCKING_KINDS(name, object, order)                                                        \
        ENDINGS(name, object, order, tasks)                                                        \
        ENDINGS(name, object, order, threads)                                                      \
        ENDINGS(name, object, order, mixed_blocking)

#define ORDERS(kinds, name, object)                                                                \
        kinds(name, object, fifo) kinds(name, object, lifo) kinds(name, object, priority)

ORDERS(KINDS, sem, semaphore)
ORDERS(KINDS, mutex, mutex_object)
ORDERS(KINDS, event, event_object)
ORDERS(KINDS, future, future_object)
ORDERS(KINDS, latch, latch_object)
ORDERS(KINDS, watch, watch_object)
ORDERS(BLOCKING_KINDS, condition, condition_object)
ORDERS(KINDS, getters, queue_getters)
ORDERS(KINDS, putters, queue_putters)
ORDERS(ADAPTIVE_KINDS, sem, semaphore)
ORDERS(ADAPTIVE_KINDS, mutex, mutex_object)
ORDERS(ADAPTIVE_BLOCKING_KINDS, condition, condition_object)
