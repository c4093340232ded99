/* SPDX-License-Identifier: MIT */
/* What the tests of barriers share: one barrier, and tasks that arrive and say what came of it. */
#ifndef BARRIER_H
#define BARRIER_H

#include "log.h"

static struct cede_barrier b = CEDE_BARRIER_INIT(3, CEDE_FIFO);

static inline void note_result(const char *name, int r)
{
        if (r >= 0)
                note("%s:%d", name, r);
        else
                note("%s:%s", name, r == -ENOTRECOVERABLE ? "broken" : word(r));
}

static inline int arrive(void *name)
{
        note_result(name, cede_barrier_wait(&b));
        return 0;
}

static inline int arrive_then_checkpoint(void *name)
{
        arrive(name);
        note("then:%s", word(cede_checkpoint()));
        return 0;
}

static inline void expect_state(unsigned waiting, uint64_t rounds, bool broken)
{
        struct cede_barrier_stats stats;

        cede_barrier_stats(&b, &stats);
        EXPECT_EQ(stats.waiting, waiting);
        EXPECT_EQ(cede_barrier_waiting(&b), waiting);
        EXPECT_EQ(stats.rounds, rounds);
        EXPECT_EQ(cede_barrier_is_broken(&b), broken);
}

/* Three fresh parties meet: the barrier is whole. */
static inline void expect_it_works(void)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, arrive, "x");
        spawn_now(&c, arrive, "y");
        arrive("z");
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("z:2 x:0 y:1");
}

#endif
