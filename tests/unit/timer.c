/* SPDX-License-Identifier: MIT */
/* sched/timer.h against a model: an array that is searched for the earliest. */
#include "sched/timer.h"
#include "base/compiler.h"
#include "base/prng.h"
#include "test.h"
#include <cede/base.h>
#include <stdlib.h>
#include <string.h>

enum { TIMERS = 64 };

struct entry {
        struct cede__timer timer;
        int64_t at;      /* where the model has it */
        uint64_t serial; /* order of setting */
        bool set;
};

static struct cede__timers wheel;
static struct entry entries[TIMERS];
static int64_t now;
static uint64_t serial, seed, drawn, fired;

static uint64_t draw(uint64_t n)
{
        return cede__prng(seed, drawn++) % n;
}

/* Nanoseconds or years: every magnitude is as likely. */
static int64_t draw_time(void)
{
        return (int64_t)draw(UINT64_C(1) << draw(60));
}

static struct entry *earliest(void)
{
        struct entry *best = NULL;

        for (int i = 0; i < TIMERS; i++) {
                struct entry *e = &entries[i];

                if (e->set &&
                    (!best || e->at < best->at || (e->at == best->at && e->serial < best->serial)))
                        best = e;
        }
        return best;
}

static void set(struct entry *e, int64_t at)
{
        e->at = at > now ? at : now; /* the past is now */
        e->serial = serial++;
        e->set = true;
        cede__timer_set(&wheel, &e->timer, at);
        EXPECT(cede__timer_is_set(&e->timer));
}

static void cancel(struct entry *e)
{
        e->set = false;
        cede__timer_cancel(&wheel, &e->timer);
        EXPECT(!cede__timer_is_set(&e->timer));
}

static void count_fire(struct cede__timer *timer)
{
        (void)timer;
        fired++;
}

static void start(uint64_t new_seed, int64_t at, void (*fire)(struct cede__timer *))
{
        memset(entries, 0, sizeof(entries));
        for (int i = 0; i < TIMERS; i++)
                entries[i].timer.fire = fire;
        seed = new_seed;
        serial = drawn = fired = 0;
        now = at;
        cede__timers_init(&wheel, at);
}

static void set_or_cancel_one(void)
{
        struct entry *e = &entries[draw(TIMERS)];

        if (e->set)
                cancel(e);
        else if (draw(4) == 0 && earliest())
                set(e, earliest()->at); /* one instant, several timers */
        else if (draw(8) == 0)
                set(e, now - draw_time());
        else
                set(e, now + draw_time());
}

/* Every single one must be the one that the model has first; and may set and cancel others. */
static void fire_in_lockstep(struct cede__timer *timer)
{
        struct entry *e = cede__container_of(timer, struct entry, timer);

        EXPECT(earliest() == e);
        EXPECT(!cede__timer_is_set(timer));
        e->set = false;
        now = e->at;
        fired++;
        if (draw(3) == 0)
                set_or_cancel_one();
}

static void expect_next_as_modelled(void)
{
        int64_t next = cede__timers_next(&wheel);

        EXPECT_EQ(next, earliest() ? earliest()->at : CEDE_NEVER);
}

static void let_time_pass(int64_t until)
{
        cede__timers_fire(&wheel, until);
        EXPECT(!earliest() || earliest()->at > until);
        now = until;
}

TEST(follows_the_model)
{
        unsigned steps = test_slowed() ? 1000 : 10000;

        for (uint64_t s = 0; s < 10; s++) {
                start(s, draw_time(), fire_in_lockstep);
                for (unsigned i = 0; i < steps && now < INT64_MAX / 2; i++) {
                        size_t count = 0;

                        if (draw(3))
                                set_or_cancel_one();
                        else if (draw(2) && earliest())
                                let_time_pass(earliest()->at - (earliest()->at > now && draw(2)));
                        else
                                let_time_pass(now + draw_time() / 1000);
                        for (int k = 0; k < TIMERS; k++)
                                count += entries[k].set;
                        EXPECT_EQ(wheel.count, count);
                        if (count <= 32)
                                expect_next_as_modelled();
                        else
                                EXPECT(cede__timers_next(&wheel) <= earliest()->at);
                }
                EXPECT(fired > steps / 10);
        }
}

TEST(follows_the_model_by_jumps)
{
        unsigned steps = test_slowed() ? 1000 : 10000;

        for (uint64_t s = 100; s < 110; s++) {
                start(s, 0, fire_in_lockstep);
                for (unsigned i = 0; i < steps && now < INT64_MAX / 2; i++) {
                        for (uint64_t k = draw(4); k > 0; k--)
                                set_or_cancel_one();
                        if (!earliest())
                                continue;
                        EXPECT_EQ(cede__timers_jump(&wheel), earliest()->at);
                        let_time_pass(earliest()->at);
                }
                EXPECT(fired > steps / 4);
        }
}

TEST(without_timers_there_is_no_next)
{
        start(0, 5, count_fire);
        EXPECT_EQ(cede__timers_next(&wheel), CEDE_NEVER);
        EXPECT_EQ(cede__timers_jump(&wheel), CEDE_NEVER);
        cede__timers_fire(&wheel, 1000);
        EXPECT_EQ(wheel.count, 0);
}

TEST(fires_at_its_nanosecond_and_once)
{
        /* On either side of every boundary between levels. */
        for (int bits = 0; bits < 62; bits++)
                for (int64_t off = -1; off <= 1; off++) {
                        int64_t at = (INT64_C(1) << bits) + off + 1;

                        start(0, 0, count_fire);
                        set(&entries[0], at);
                        EXPECT_EQ(cede__timers_next(&wheel), at);
                        cede__timers_fire(&wheel, at - 1);
                        EXPECT_EQ(fired, 0);
                        cede__timers_fire(&wheel, at);
                        EXPECT_EQ(fired, 1);
                        cede__timers_fire(&wheel, at + 1);
                        EXPECT_EQ(fired, 1);
                }
}

TEST(the_last_instant_there_is)
{
        start(0, 0, count_fire);
        set(&entries[0], CEDE_NEVER - 1);
        EXPECT_EQ(cede__timers_next(&wheel), CEDE_NEVER - 1);
        cede__timers_fire(&wheel, CEDE_NEVER - 2);
        EXPECT_EQ(fired, 0);
        EXPECT_EQ(cede__timers_jump(&wheel), CEDE_NEVER - 1);
        cede__timers_fire(&wheel, CEDE_NEVER - 1);
        EXPECT_EQ(fired, 1);
}

TEST(the_past_is_now)
{
        start(0, 1000, count_fire);
        set(&entries[0], 10);
        set(&entries[1], -10);
        EXPECT_EQ(cede__timers_next(&wheel), 1000);
        cede__timers_fire(&wheel, 1000);
        EXPECT_EQ(fired, 2);
}

/* The indexes of the timers in the order in which they fired. */
static char fired_letters[TIMERS + 1];

static void write_down(struct cede__timer *timer)
{
        struct entry *e = cede__container_of(timer, struct entry, timer);

        fired_letters[fired++] = (char)('a' + (e - entries));
        fired_letters[fired] = 0;
}

TEST(equal_deadlines_fire_in_the_order_of_setting)
{
        static const int64_t far = CEDE_SEC(100);

        /* Set at different times, they begin on different levels; they meet on the way down. */
        start(0, 0, write_down);
        set(&entries[0], far);
        cede__timers_fire(&wheel, now = far / 2);
        set(&entries[1], far);
        cede__timers_fire(&wheel, now = far - 5000);
        set(&entries[2], far);
        cede__timers_fire(&wheel, now = far - 3);
        set(&entries[3], far);
        cede__timers_fire(&wheel, far);
        EXPECT_STR(fired_letters, "abcd");
}

static void set_others_at_my_time(struct cede__timer *timer)
{
        write_down(timer);
        if (timer == &entries[0].timer) {
                cede__timer_set(&wheel, &entries[2].timer, timer->at);
                cede__timer_set(&wheel, &entries[3].timer, timer->at - 50);
                cede__timer_set(&wheel, &entries[4].timer, timer->at + 1);
        }
}

TEST(what_is_set_while_firing_for_now_fires_after_the_others)
{
        start(0, 0, set_others_at_my_time);
        set(&entries[0], 100);
        set(&entries[1], 100);
        cede__timers_fire(&wheel, 100);
        EXPECT_STR(fired_letters, "abcd");
        EXPECT_EQ(cede__timers_next(&wheel), 101);
}

static void cancel_the_next(struct cede__timer *timer)
{
        write_down(timer);
        if (timer == &entries[0].timer)
                cede__timer_cancel(&wheel, &entries[1].timer);
}

TEST(a_timer_of_the_same_instant_can_be_cancelled_while_firing)
{
        start(0, 0, cancel_the_next);
        for (int i = 0; i < 3; i++)
                set(&entries[i], 100);
        cede__timers_fire(&wheel, 200);
        EXPECT_STR(fired_letters, "ac");
}

/* What a loop does with `next`: sleep until then, fire, look again.  It must come to an end. */
TEST(next_converges_on_a_crowd_far_away)
{
        enum { CROWD = 1000 };
        static struct cede__timer crowd[CROWD];
        int64_t first = CEDE_SEC(86400), time = 0;
        int looks = 0;

        start(0, 0, count_fire);
        for (int i = 0; i < CROWD; i++) {
                crowd[i].fire = count_fire;
                cede__timer_set(&wheel, &crowd[i], first + (CROWD - 1 - i) * 1000);
        }
        while (fired == 0) {
                int64_t next = cede__timers_next(&wheel);

                EXPECT(next > time && next <= first);
                time = next;
                cede__timers_fire(&wheel, time);
                EXPECT(++looks <= CEDE__TIMER_LEVELS);
        }
        EXPECT_EQ(time, first);
}

TEST(cancelled_timers_do_not_delay_or_advance_the_next)
{
        start(0, 0, count_fire);
        for (int i = 1; i < TIMERS; i++)
                set(&entries[i], i * 1000);
        for (int i = 1; i < TIMERS - 1; i++)
                cancel(&entries[i]);
        EXPECT_EQ(cede__timers_next(&wheel), (TIMERS - 1) * 1000);
        EXPECT_EQ(cede__timers_jump(&wheel), (TIMERS - 1) * 1000);
}

/* A million sleepers */

struct sleeper {
        struct cede__timer timer;
        uint32_t number;
};

static struct cede__timer *last_fired;

static void fire_in_order(struct cede__timer *timer)
{
        const struct sleeper *s = cede__container_of(timer, struct sleeper, timer), *l;

        if (last_fired) {
                l = cede__container_of(last_fired, struct sleeper, timer);
                EXPECT(last_fired->at < timer->at ||
                       (last_fired->at == timer->at && l->number < s->number));
        }
        last_fired = timer;
        fired++;
}

TEST(a_million)
{
        size_t many = test_slowed() ? 50000 : 1000000;
        struct sleeper *sleepers = calloc(many, sizeof(*sleepers));

        start(1, 0, count_fire);
        for (size_t i = 0; i < many; i++) {
                sleepers[i].timer.fire = fire_in_order;
                sleepers[i].number = (uint32_t)i;
                /* Half of them crowded, so that many share an instant. */
                cede__timer_set(&wheel, &sleepers[i].timer,
                                draw(2) ? draw_time() : (int64_t)draw(100000));
        }
        for (size_t i = 0; i < many; i += 10)
                cede__timer_cancel(&wheel, &sleepers[i].timer);
        cede__timers_fire(&wheel, INT64_C(1) << 60);
        EXPECT_EQ(fired, many - (many + 9) / 10);
        EXPECT_EQ(wheel.count, 0);
        free(sleepers);
}

/* Enough of them to be read ahead; again and again in the slots where others have been. */
TEST(crowd_after_crowd_in_the_same_slots)
{
        enum { CROWD = 3000, SECONDS = 6 };
        static struct sleeper crowd[CROWD];

        start(2, 0, count_fire);
        last_fired = NULL;
        for (int64_t second = 0; second < SECONDS; second++) {
                for (uint32_t i = 0; i < CROWD; i++) {
                        crowd[i].timer.fire = fire_in_order;
                        crowd[i].number = i;
                        cede__timer_set(&wheel, &crowd[i].timer,
                                        (second << 30) + (int64_t)draw(UINT64_C(1) << 30));
                }
                last_fired = NULL;
                for (int step = 1; step <= 16; step++)
                        cede__timers_fire(&wheel, (second << 30) + ((int64_t)step << 26) - 1);
                EXPECT_EQ(fired, (uint64_t)(second + 1) * CROWD);
                EXPECT_EQ(wheel.count, 0);
        }
}
