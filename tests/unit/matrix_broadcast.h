/* SPDX-License-Identifier: MIT */
/* More primitives as matrix.c sees them: those where one step lets all pass. */
#ifndef MATRIX_BROADCAST_H
#define MATRIX_BROADCAST_H

#include "matrix_objects.h"

static struct cede_latch latch;
static struct cede_watch watch;

static void latch_init(enum cede_order order)
{
        EXPECT_EQ(cede_latch_init(&latch, 2, order), 0);
}

static int latch_wait(void)
{
        return cede_latch_wait(&latch);
}

static int latch_wait_async(struct cede_callback *callback)
{
        return cede_latch_wait_async(&latch, callback);
}

static void latch_grant(unsigned n)
{
        EXPECT_EQ(cede_latch_done(&latch), 0);
        EXPECT_EQ(cede_latch_waiting(&latch), n);
        EXPECT_EQ(cede_latch_done(&latch), 0);
        EXPECT_EQ(cede_latch_waiting(&latch), 0);
        EXPECT_EQ(cede_latch_add(&latch, 1), 0); /* those that waited are awake all the same */
}

static unsigned latch_waiting(void)
{
        return cede_latch_waiting(&latch);
}

static void latch_check_left(unsigned n, unsigned peak)
{
        struct cede_latch_stats stats;

        (void)n;
        cede_latch_stats(&latch, &stats);
        EXPECT_EQ(stats.count, 1);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_latch_finish(&latch);
}

static const struct object latch_object = { latch_init,    latch_wait,        latch_wait_async,
                                            event_leave,   event_leave_async, latch_grant,
                                            latch_waiting, latch_check_left,  true };

static void watch_init(enum cede_order order)
{
        EXPECT_EQ(cede_watch_init(&watch, NULL, 0, order), 0);
}

static int watch_wait(void)
{
        return cede_watch_wait(&watch, 0);
}

static int watch_wait_async(struct cede_callback *callback)
{
        return cede_watch_wait_async(&watch, 0, callback);
}

static void watch_grant(unsigned n)
{
        (void)n;
        EXPECT_EQ(cede_watch_set(&watch, NULL), 0);
        cede_watch_close(&watch); /* those that waited are awake all the same */
}

static unsigned watch_waiting(void)
{
        return cede_watch_waiting(&watch);
}

static void watch_check_left(unsigned n, unsigned peak)
{
        struct cede_watch_stats stats;

        (void)n;
        cede_watch_stats(&watch, &stats);
        EXPECT_EQ(stats.version, 1);
        EXPECT_EQ(stats.waiting, 0);
        EXPECT(stats.peak_waiting == peak || peak == 0);
        cede_watch_finish(&watch);
}

static const struct object watch_object = { watch_init,    watch_wait,        watch_wait_async,
                                            event_leave,   event_leave_async, watch_grant,
                                            watch_waiting, watch_check_left,  true };

#endif
