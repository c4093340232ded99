/* SPDX-License-Identifier: MIT */
/* Watch: readers may miss values, but not the last one. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "log.h"

static int value = 10;
static struct cede_watch w = CEDE_WATCH_INIT(&value, CEDE_FIFO);

static void set(int to)
{
        EXPECT_EQ(cede_watch_set(&w, &to), 0);
}

static uint64_t get(int *ret_value)
{
        return cede_watch_get(&w, ret_value);
}

static const char *result_of(int r)
{
        return r == -EPIPE ? "closed" : word(r);
}

static int await_change(void *name)
{
        int now, r = cede_watch_wait(&w, get(&now));

        note("%s:%s", (const char *)name, result_of(r));
        return 0;
}

static int await_change_then_checkpoint(void *name)
{
        await_change(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

/* Notes all the values that it sees, until the end. */
static int follow(void *name)
{
        int now, r;
        uint64_t seen = get(&now);

        for (;;) {
                note("%s%d", (const char *)name, now);
                r = cede_watch_wait(&w, seen);
                if (r < 0)
                        break;
                seen = get(&now);
        }
        note("%s:%s", (const char *)name, result_of(r));
        return 0;
}

TASK_TEST(every_set_is_a_version)
{
        int now = 0;

        EXPECT_EQ(get(&now), 0);
        EXPECT_EQ(now, 10);
        set(11);
        set(12);
        EXPECT_EQ(get(&now), 2);
        EXPECT_EQ(now, 12);
        EXPECT_EQ(cede_watch_get(&w, NULL), 2);
        EXPECT_EQ(cede_watch_wait(&w, 0), 0);
        EXPECT_EQ(cede_watch_wait(&w, 1), 0);
        EXPECT_EQ(cede_watch_wait(&w, 3), -EINVAL);
        cede_watch_finish(&w);
}

TASK_TEST(set_wakes_all_who_wait)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await_change, "a");
        spawn_now(&c, await_change, "b");
        EXPECT_EQ(cede_watch_waiting(&w), 2);
        set(11);
        EXPECT_LOG(""); /* not inside of set */
        EXPECT_EQ(cede_watch_waiting(&w), 0);
        spawn_now(&c, await_change, "late");
        EXPECT_LOG("a:ok b:ok");
        set(11); /* the same value is a new version */
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("late:ok");
}

TASK_TEST(slow_reader_skips_and_gets_the_last)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, follow, "a");
        set(11);
        set(12);
        set(13);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("a10 a13");
        set(14);
        EXPECT_EQ(cede_yield(), 0);
        set(15);
        set(16);
        cede_watch_close(&w);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a14 a16 a:closed");
}

/* The first set has woken it, the others have come before it ran: it waits for nothing twice. */
TASK_TEST(what_was_set_before_it_ran_is_no_change_after_that)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, follow, "a");
        set(11);
        set(12);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_watch_waiting(&w), 1);
        cede_watch_close(&w);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a10 a12 a:closed");
}

TASK_TEST(closing_ends_all_waits_and_further_changes)
{
        struct cede_scope c;
        int now = 0, next = 12;

        cede_scope_open(&c);
        spawn_now(&c, await_change, "a");
        spawn_now(&c, await_change, "b");
        EXPECT(!cede_watch_is_closed(&w));
        cede_watch_close(&w);
        cede_watch_close(&w);
        EXPECT(cede_watch_is_closed(&w));
        EXPECT_EQ(cede_watch_set(&w, &next), -EPIPE);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:closed b:closed");
        EXPECT_EQ(get(&now), 0);
        EXPECT_EQ(now, 10);
        EXPECT_EQ(cede_watch_wait(&w, 0), -EPIPE);
        EXPECT_EQ(cede_watch_wait(&w, 1), -EINVAL);
        cede_watch_finish(&w);
}

TASK_TEST(last_value_is_new_after_it_was_closed)
{
        set(11);
        cede_watch_close(&w);
        EXPECT_EQ(cede_watch_wait(&w, 0), 0);
        EXPECT_EQ(cede_watch_wait(&w, 1), -EPIPE);
}

TASK_TEST(cancelled_before_they_run)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, await_change_then_checkpoint, "a");
        set(11);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:ok then:cancelled");
}

TASK_TEST(cancelled_before_it_changes)
{
        struct cede_scope c;
        struct cede_task *a;

        cede_scope_open(&c);
        a = spawn_held(&c, await_change, "a");
        spawn_now(&c, await_change, "b");
        cede_task_cancel(a);
        EXPECT_EQ(cede_watch_waiting(&w), 1);
        set(11);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("a:cancelled b:ok");
}

TASK_TEST(cancelled_fails_although_there_is_a_newer_one)
{
        struct cede_scope c;

        set(11);
        cede_scope_open(&c);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_watch_wait(&w, 0), -ECANCELED);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_watch_wait(&w, 0), 0);
}

TASK_TEST(expired_deadline_looks_once)
{
        EXPECT_EQ(cede_sleep(1), 0);
        CEDE_TIMEOUT(0) {
                EXPECT_EQ(cede_watch_wait(&w, 0), -ETIMEDOUT);
                set(11);
                EXPECT_EQ(cede_watch_wait(&w, 0), 0);
                cede_watch_close(&w);
                EXPECT_EQ(cede_watch_wait(&w, 1), -EPIPE);
        }
}

TASK_TEST(timeouts_leave_nothing_behind)
{
        struct cede_watch_stats stats;

        for (int i = 0; i < 1000; i++)
                CEDE_TIMEOUT(CEDE_MS(1))
                        EXPECT_EQ(cede_watch_wait(&w, 0), -ETIMEDOUT);
        set(11);
        cede_watch_stats(&w, &stats);
        EXPECT_EQ(stats.version, 1);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT_EQ(stats.peak_waiting, 1);
        cede_watch_finish(&w);
}

TASK_TEST(priority_set_while_waiting)
{
        struct cede_scope c;
        struct cede_task *a;

        EXPECT_EQ(cede_watch_init(&w, &value, sizeof(value), CEDE_PRIORITY), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, await_change, "a");
        spawn_now(&c, await_change, "b");
        cede_task_set_priority(a, -1);
        set(11);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("b:ok a:ok");
}

/* Several at once */

static int await_either(void *event)
{
        struct cede_case cases[] = { cede_event_case(event), cede_watch_case(&w, 0) };
        int r = cede_wait_any(cases, 2);

        note("%d=%s", r, result_of(cases[1].result));
        return 0;
}

TASK_TEST(one_case_of_several)
{
        struct cede_event e = CEDE_EVENT_INIT(CEDE_FIFO);
        struct cede_case c[] = { cede_watch_case(&w, 0) };
        struct cede_scope s;

        EXPECT_EQ(cede_try_any(c, 1), -EAGAIN);
        c[0] = cede_watch_case(&w, 1);
        EXPECT_EQ(cede_try_any(c, 1), -EINVAL);
        EXPECT_EQ(cede_wait_any(c, 1), -EINVAL);
        cede_scope_open(&s);
        spawn_now(&s, await_either, &e);
        set(11);
        EXPECT_EQ(cede_yield(), 0);
        await_either(&e);
        EXPECT_LOG("1=ok 1=ok");
        EXPECT_EQ(cede_event_waiting(&e), 0);
        EXPECT_EQ(cede_watch_init(&w, &value, sizeof(value), CEDE_FIFO), 0);
        spawn_now(&s, await_either, &e);
        cede_watch_close(&w);
        EXPECT_EQ(cede_yield(), 0);
        await_either(&e);
        EXPECT_LOG("1=closed 1=closed");
        EXPECT_EQ(cede_scope_close(&s, 0), 0);
}

/* Callbacks */

static void on_change(struct cede_callback *callback, int result)
{
        int now = 0;

        get(&now);
        note("callback%d:%s %d", callback->priority, result_of(result), now);
}

TASK_TEST(callbacks_are_called_once_and_not_inside_of_set)
{
        struct cede_callback a = { .fn = on_change, .priority = 1 };
        struct cede_callback b = { .fn = on_change, .priority = 2 };
        struct cede_callback at_once = { .fn = on_change, .priority = 3 };
        struct cede_callback last = { .fn = on_change, .priority = 4 };

        EXPECT_EQ(cede_watch_wait_async(&w, 0, &a), 0);
        EXPECT_EQ(cede_watch_wait_async(&w, 0, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        set(11);
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        set(12);
        EXPECT_EQ(cede_watch_wait_async(&w, 0, &at_once), 0);
        EXPECT_LOG("");
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback2:ok 12 callback3:ok 12");
        EXPECT_EQ(cede_watch_wait_async(&w, 2, &last), 0);
        cede_watch_close(&w);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("callback4:closed 12");
        EXPECT_EQ(cede_watch_wait_async(&w, 2, &last), -EPIPE);
        EXPECT_EQ(cede_watch_wait_async(&w, 3, &last), -EINVAL);
}

enum { MANY = 100000 };

static unsigned called;

static void count_it(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT_EQ(result, 0);
        called++;
}

TASK_TEST(hundred_thousand_callbacks_need_no_stack)
{
        static struct cede_callback callbacks[MANY];

        for (unsigned i = 0; i < MANY; i++) {
                callbacks[i].fn = count_it;
                EXPECT_EQ(cede_watch_wait_async(&w, 0, &callbacks[i]), 0);
        }
        set(11);
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(called, MANY);
}

/* Threads: nobody reads half a value, or misses the last one, whatever it has skipped. */

enum { READERS = 3 };

enum { WORDS = 1024 };

static struct page {
        uint64_t words[WORDS];
} page, next, copies[READERS];

static struct cede_watch pages = CEDE_WATCH_INIT(&page, CEDE_FIFO);
static uint64_t last;

static void *read_all(void *arg)
{
        struct page *now = arg;
        uint64_t seen = cede_watch_get(&pages, now);

        while (cede_watch_wait(&pages, seen) == 0) {
                uint64_t version = cede_watch_get(&pages, now);

                EXPECT(version > seen);
                seen = version;
                for (unsigned i = 0; i < WORDS; i++)
                        if (now->words[i] != version)
                                EXPECT_EQ(now->words[i], version);
        }
        EXPECT_EQ(now->words[0], last);
        return arg;
}

static void *write_all(void *arg)
{
        while (cede_watch_waiting(&pages) < READERS)
                sched_yield();
        for (uint64_t n = 1; n <= last; n++) {
                for (unsigned i = 0; i < WORDS; i++)
                        next.words[i] = n;
                EXPECT_EQ(cede_watch_set(&pages, &next), 0);
        }
        cede_watch_close(&pages);
        return arg;
}

TEST(threads_read_whole_values_up_to_the_last)
{
        pthread_t threads[READERS + 1];

        last = test_slowed() ? 500 : 20000;
        for (int i = 0; i <= READERS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i < READERS ? read_all : write_all,
                                         i < READERS ? &copies[i] : NULL),
                          0);
        for (int i = 0; i <= READERS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        cede_watch_finish(&pages);
}

/* The memory cannot be touched: whoever copies comes to this handler, and on from there. */

static char *guarded;
static unsigned locked, unlocked;

static void on_fault(int signal)
{
        (void)signal;
        *(__atomic_load_n(&w.word, __ATOMIC_RELAXED) & 1 ? &locked : &unlocked) += 1;
        mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}

TEST(values_are_copied_under_the_lock)
{
        struct sigaction action = { .sa_handler = on_fault };
        char copy[64] = { 0 };

        if (test_slowed())
                SKIP("valgrind and sanitizers take the fault for the program's own");
        guarded = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT(guarded != MAP_FAILED);
        EXPECT_EQ(sigaction(SIGSEGV, &action, NULL), 0);
        EXPECT_EQ(cede_watch_init(&w, guarded, sizeof(copy), CEDE_FIFO), 0);
        EXPECT_EQ(cede_watch_set(&w, copy), 0);
        EXPECT_EQ(mprotect(guarded, 4096, PROT_NONE), 0);
        EXPECT_EQ(cede_watch_get(&w, copy), 1);
        EXPECT_EQ(locked, 2);
        EXPECT_EQ(unlocked, 0);
        EXPECT_EQ(munmap(guarded, 4096), 0);
}

/* What goes wrong */

TEST(no_value)
{
        static struct cede_watch versions; /* all-zero */

        EXPECT_EQ(cede_watch_set(&versions, NULL), 0);
        EXPECT_EQ(cede_watch_get(&versions, NULL), 1);
        EXPECT_EQ(cede_watch_wait(&versions, 0), 0);
        EXPECT_EQ(cede_watch_set(&w, NULL), -EINVAL);
        EXPECT_EQ(cede_watch_get(&w, NULL), 0);
        EXPECT_EQ(cede_watch_init(&versions, NULL, 1, CEDE_FIFO), -EINVAL);
        EXPECT_EQ(cede_watch_init(&versions, NULL, 0, (enum cede_order)99), -EINVAL);
        EXPECT_EQ(cede_watch_init(&versions, NULL, 0, CEDE_LIFO), 0);
}

static int finish_early(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_watch_set_name(&w, "settings");
        cede_scope_open(&c);
        spawn_now(&c, await_change, "a");
        cede_watch_finish(&w);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_somebody_waits, "watch settings is finished while 1 wait for a change")
{
        EXPECT_EQ(run_virtual(finish_early, NULL), 0);
}
