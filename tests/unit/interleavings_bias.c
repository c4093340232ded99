/* SPDX-License-Identifier: MIT */
/* Every schedule of a thread that a lock leans towards, and another one that wants it. */
#include "bias.h"
#include "interleave.h"

static struct cede__bias *lock;
static uintptr_t leans;
static int inside, counter;
static bool biased_once, taken_away; /* over all schedules */

static void prepare(void)
{
        lock = interleave_memory(0);
        leans = 0;
        inside = counter = 0;
}

static void work(void)
{
        EXPECT_EQ(inside++, 0);
        interleave_step("work");
        counter++;
        EXPECT_EQ(--inside, 0);
}

static void own(void)
{
        cede__bias_lock(lock);
        cede__bias_take(lock);
        cede__bias_unlock(lock);
        __atomic_store_n(&leans, 1, __ATOMIC_RELEASE);
        for (int i = 0; i < 2; i++) {
                interleave_step("lock");
                cede__bias_lock(lock);
                biased_once |= lock->biased;
                taken_away |= !lock->biased;
                work();
                interleave_step("unlock");
                cede__bias_unlock(lock);
        }
}

static void want(void)
{
        interleave_until(&leans);
        interleave_step("lock");
        cede__bias_lock(lock);
        EXPECT(!lock->biased);
        work();
        interleave_step("unlock");
        cede__bias_unlock(lock);
}

static void three_times_inside(void)
{
        EXPECT_EQ(counter, 3);
        EXPECT_EQ(lock->word, 0);
        EXPECT_EQ(lock->inside, 0);
}

static void four_times_inside(void)
{
        EXPECT_EQ(counter, 4);
        EXPECT_EQ(lock->word, 0);
        EXPECT_EQ(lock->inside, 0);
}

TEST(owner_and_one_that_wants_it)
{
        struct interleaved r;

        skip_without_barriers();
        r = interleave(&(struct interleaving){
                .prepare = prepare, .threads = { own, want }, .check = three_times_inside });
        EXPECT(r.complete || test_slowed());
        EXPECT(biased_once);
        EXPECT(taken_away);
}

TEST(owner_and_two_that_want_it)
{
        struct interleaved r;

        skip_without_barriers();
        r = interleave(&(struct interleaving){ .prepare = prepare,
                                               .threads = { own, want, want },
                                               .check = four_times_inside,
                                               .preemptions = 2 });
        EXPECT(r.schedules > 1);
        EXPECT(biased_once);
        EXPECT(taken_away);
}
