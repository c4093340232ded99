/* SPDX-License-Identifier: MIT */
/* sched/loop.h: posts and knocks from outside, sleeping, the ready queue, time, the chooser. */
#include "sched/loop.h"
#include "base/chooser.h"
#include "base/clock.h"
#include "test.h"
#include <cede.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct cede__loop *loop;
static struct cede_sem woken; /* released by posts, for the main task to wait on */

/* Waits on `woken` with a timer far away, so that the loop sleeps and does not see a deadlock. */
static int wait_woken(void)
{
        int r = 0;

        CEDE_TIMEOUT(CEDE_SEC(3600))
                r = cede_sem_acquire(&woken);
        return r;
}

/* Posts */

enum { POSTERS = 3 };

struct numbered_post {
        struct cede__post post;
        int poster, number;
};

static int posts_each;
static int seen[POSTERS], seen_in_all;

static void expect_in_order(struct cede__post *post)
{
        struct numbered_post *p = cede__container_of(post, struct numbered_post, post);

        EXPECT(cede__loop_here == loop);
        EXPECT_EQ(p->number, seen[p->poster]);
        seen[p->poster]++;
        free(p);
        if (++seen_in_all == POSTERS * posts_each)
                cede_sem_release(&woken);
}

static void *post_many(void *arg)
{
        for (int i = 0; i < posts_each; i++) {
                struct numbered_post *p = malloc(sizeof(*p));

                *p = (struct numbered_post){ { NULL, expect_in_order }, (int)(intptr_t)arg, i };
                cede__loop_post(loop, &p->post);
        }
        return NULL;
}

static int receive_posts(void *arg)
{
        pthread_t threads[POSTERS];
        int r;

        (void)arg;
        loop = cede__loop_here;
        for (intptr_t i = 0; i < POSTERS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
        r = wait_woken();
        for (int i = 0; i < POSTERS; i++)
                pthread_join(threads[i], NULL);
        return r;
}

TEST(posts_of_each_thread_keep_their_order_and_none_is_lost)
{
        posts_each = test_slowed() ? 2000 : 30000;
        EXPECT_EQ(cede_run(receive_posts, NULL), 0);
}

/*
 * One at a time: the loop is asleep, or just about to be, each time it is knocked at.  A lost
 * wake-up hangs until the time-out.
 */
static atomic_int answered;

static void answer(struct cede__post *post)
{
        (void)post;
        cede_sem_release(&woken);
}

static void *knock_and_wait_for_the_answer(void *arg)
{
        struct cede__post post = { .run = answer };

        for (int i = 1; i <= *(int *)arg; i++) {
                cede__loop_post(loop, &post);
                /* At once if need be, so that the next knock comes while the loop falls asleep. */
                for (int looks = 0; atomic_load(&answered) < i; looks++)
                        if (looks > 1000)
                                sched_yield();
        }
        return NULL;
}

static int answer_each(void *arg)
{
        pthread_t thread;

        loop = cede__loop_here;
        EXPECT_EQ(pthread_create(&thread, NULL, knock_and_wait_for_the_answer, arg), 0);
        for (int i = 1; i <= *(int *)arg; i++) {
                EXPECT_EQ(wait_woken(), 0);
                atomic_store(&answered, i);
        }
        pthread_join(thread, NULL);
        return 0;
}

TEST(no_wakeup_is_lost_between_looking_and_sleeping)
{
        int rounds = test_slowed() ? 500 : 20000;

        EXPECT_EQ(cede_run(answer_each, &rounds), 0);
}

/*
 * The worst moment, made certain: posts that arrive while the last look at them is under way.  The
 * loop looks more than once before it sleeps, so each of several posts makes the next one.
 */
static struct cede__post chain[8];

static void post_the_next(struct cede__post *post)
{
        if (post == &chain[7]) {
                cede_sem_release(&woken);
                return;
        }
        post[1].run = post_the_next;
        cede__loop_post(loop, post + 1);
}

static int post_during_the_last_look(void *arg)
{
        (void)arg;
        loop = cede__loop_here;
        chain[0].run = post_the_next;
        cede__loop_post(loop, &chain[0]);
        return wait_woken();
}

TEST(a_post_during_the_last_look_before_sleeping_is_seen)
{
        EXPECT_EQ(cede_run(post_during_the_last_look, NULL), 0);
}

/* Sleeping */

static int sleep_300_ms(void *arg)
{
        (void)arg;
        return cede_sleep(CEDE_MS(300));
}

TEST(idle_costs_no_cpu)
{
        struct rusage before, after;
        int64_t start = cede__clock_now(), used;

        getrusage(RUSAGE_SELF, &before);
        EXPECT_EQ(cede_run(sleep_300_ms, NULL), 0);
        getrusage(RUSAGE_SELF, &after);
        EXPECT(cede__clock_now() - start >= CEDE_MS(300));
        used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec +
                (after.ru_stime.tv_sec - before.ru_stime.tv_sec)) *
                       1000000 +
               (after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
               (after.ru_stime.tv_usec - before.ru_stime.tv_usec);
        EXPECT(used < (test_slowed() ? 150000 : 20000));
        /* It was woken once, not every now and then. */
        EXPECT(after.ru_nvcsw - before.ru_nvcsw < 20);
}

/* The ready queue */

static char ran[64];

static void note(char c)
{
        size_t n = strlen(ran);

        EXPECT(n + 1 < sizeof(ran));
        ran[n] = c;
}

static int yield_once(void *name)
{
        note(*(char *)name);
        EXPECT_EQ(cede_yield(), 0);
        note(*(char *)name);
        return 0;
}

static int spawn_three(void *arg)
{
        static char names[] = "abc";
        struct cede_scope scope;

        (void)arg;
        cede_scope_open(&scope);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_spawn(&scope, yield_once, &names[i]), 0);
        note('m');
        return cede_scope_close(&scope, 0);
}

TEST(tasks_take_turns_in_the_order_in_which_they_became_ready)
{
        EXPECT_EQ(cede_run(spawn_three, NULL), 0);
        EXPECT_STR(ran, "mabcabc");
}

static int yield_much(void *arg)
{
        for (int i = 0; i < 1000; i++)
                EXPECT_EQ(cede_yield(), 0);
        *(int64_t *)arg = cede_now();
        return 0;
}

static int let_one_yield_beside_a_timer(void *arg)
{
        struct cede_scope scope;

        cede_scope_open(&scope);
        EXPECT_EQ(cede_spawn(&scope, yield_much, arg), 0);
        EXPECT_EQ(cede_sleep(1), 0);
        EXPECT_EQ(cede_now(), 1);
        return cede_scope_close(&scope, 0);
}

TEST(virtual_time_stands_still_while_anybody_is_ready)
{
        struct cede_run_options options = { .clock = CEDE_CLOCK_VIRTUAL };
        int64_t then = -1;

        EXPECT_EQ(cede_run_with(let_one_yield_beside_a_timer, &then, &options), 0);
        EXPECT_EQ(then, 0);
}

static int sleep_until_it_rings(void *arg)
{
        EXPECT_EQ(cede_sleep(CEDE_MS(2)), 0);
        *(bool *)arg = true;
        return 0;
}

static int yield_until_it_rings(void *arg)
{
        bool rung = false;

        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, sleep_until_it_rings, &rung), 0);
        while (!rung)
                EXPECT_EQ(cede_yield(), 0);
        return 0;
}

TEST(real_timers_fire_although_others_stay_ready)
{
        EXPECT_EQ(cede_run(yield_until_it_rings, NULL), 0);
}

static int return_at_once(void *arg)
{
        (*(int *)arg)++;
        return 0;
}

static int spawn_hundred_thousand(void *arg)
{
        struct cede_run_stats stats;
        struct cede_scope scope;
        int count = 0;

        (void)arg;
        cede_scope_open(&scope);
        for (int i = 0; i < 100000; i++)
                EXPECT_EQ(cede_spawn(&scope, return_at_once, &count), 0);
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
        EXPECT_EQ(count, 100000);
        cede_run_stats(&stats);
        EXPECT_EQ(stats.peak_stacks, 1);
        return 0;
}

TEST(tasks_that_end_one_after_the_other_share_a_stack)
{
        EXPECT_EQ(cede_run(spawn_hundred_thousand, NULL), 0);
}

/* The chooser */

struct last_chooser {
        struct cede__chooser chooser;
        enum cede__choice kind; /* takes the last of these; of others what is natural */
        char asked[64];         /* out of how many, as digits */
};

static unsigned choose_last(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        struct last_chooser *me = (struct last_chooser *)self;
        size_t asked = strlen(me->asked);

        EXPECT(n >= 2);
        if (kind != me->kind)
                return 0;
        EXPECT(n <= 9 && asked + 1 < sizeof(me->asked));
        me->asked[asked] = (char)('0' + n);
        return n - 1;
}

static int note_name(void *name)
{
        note(*(char *)name);
        return 0;
}

static int spawn_three_that_end(void *arg)
{
        static char names[] = "abc";
        struct cede_scope scope;

        (void)arg;
        cede_scope_open(&scope);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_spawn(&scope, note_name, &names[i]), 0);
        return cede_scope_close(&scope, 0);
}

TEST(chooser_decides_who_of_the_ready_goes_next)
{
        struct last_chooser last = { { .choose = choose_last }, CEDE__CHOOSE_READY, "" };

        cede__chooser = &last.chooser;
        EXPECT_EQ(cede_run(spawn_three_that_end, NULL), 0);
        cede__chooser = NULL;
        EXPECT_STR(ran, "cba");
        EXPECT_STR(last.asked, "32"); /* of one there is nothing to choose */
}

static int sleep_then_note(void *name)
{
        EXPECT_EQ(cede_sleep(*(char *)name == 'd' ? 200 : 100), 0);
        return note_name(name);
}

static int spawn_four_sleepers(void *arg)
{
        static char names[] = "abcd";
        struct cede_scope scope;

        (void)arg;
        cede_scope_open(&scope);
        for (int i = 0; i < 4; i++)
                EXPECT_EQ(cede_spawn(&scope, sleep_then_note, &names[i]), 0);
        return cede_scope_close(&scope, 0);
}

TEST(chooser_decides_who_of_one_instant_fires_next)
{
        struct cede_run_options options = { .clock = CEDE_CLOCK_VIRTUAL };
        struct last_chooser last = { { .choose = choose_last }, CEDE__CHOOSE_TIMER, "" };

        cede__chooser = &last.chooser;
        EXPECT_EQ(cede_run_with(spawn_four_sleepers, NULL, &options), 0);
        cede__chooser = NULL;
        EXPECT_STR(ran, "cbad");
        EXPECT_STR(last.asked, "32");
}

TEST(without_a_chooser_timers_of_one_instant_fire_as_they_were_set)
{
        struct cede_run_options options = { .clock = CEDE_CLOCK_VIRTUAL };

        EXPECT_EQ(cede_run_with(spawn_four_sleepers, NULL, &options), 0);
        EXPECT_STR(ran, "abcd");
}

/* No stack to be had */

struct failure {
        struct cede__chooser chooser;
        int from, until, looks; /* looks [from, until) fail */
};

static unsigned fail(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        struct failure *f = (struct failure *)self;

        (void)n;
        if (kind != CEDE__CHOOSE_FAULT)
                return 0;
        f->looks++;
        return f->looks > f->from && f->looks <= f->until;
}

static int set_flag(void *arg)
{
        *(bool *)arg = true;
        return 0;
}

static struct failure failure = { { .choose = fail }, 0, 0, 0 };

static int yield_until_the_child_ran(void *arg)
{
        bool child_ran = false;

        EXPECT_EQ(cede_spawn(NULL, set_flag, &child_ran), 0);
        failure = (struct failure){ { .choose = fail }, 0, 1, 0 };
        cede__chooser = &failure.chooser;
        while (!child_ran)
                EXPECT_EQ(cede_yield(), 0);
        cede__chooser = NULL;
        (void)arg;
        return 0;
}

/* The child finds no stack at first; its parent is never idle. */
TEST(a_task_without_a_stack_tries_again_although_others_stay_ready)
{
        EXPECT_EQ(cede_run(yield_until_the_child_ran, NULL), 0);
        EXPECT(failure.looks > 1);
}

static int sleep_beside_the_child(void *arg)
{
        bool child_ran = false;

        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, set_flag, &child_ran), 0);
        failure = (struct failure){ { .choose = fail }, 0, 1, 0 };
        cede__chooser = &failure.chooser;
        for (int i = 0; i < 10 && !child_ran; i++)
                EXPECT_EQ(cede_sleep(1), 0);
        cede__chooser = NULL;
        EXPECT(child_ran);
        return 0;
}

TEST(a_task_without_a_stack_tries_again_between_virtual_timers)
{
        struct cede_run_options options = { .clock = CEDE_CLOCK_VIRTUAL };

        EXPECT_EQ(cede_run_with(sleep_beside_the_child, NULL, &options), 0);
}

static int close_with_nothing_to_be_had(void *arg)
{
        bool child_ran = false;
        struct cede_scope scope;

        (void)arg;
        cede_scope_open(&scope);
        EXPECT_EQ(cede_spawn(&scope, set_flag, &child_ran), 0);
        failure = (struct failure){ { .choose = fail }, 0, INT32_MAX, 0 };
        cede__chooser = &failure.chooser;
        return cede_scope_close(&scope, 0);
}

TEST_ABORTS(no_stack_ever_is_said, "out of memory: no stack for a task")
{
        cede_run(close_with_nothing_to_be_had, NULL);
}
