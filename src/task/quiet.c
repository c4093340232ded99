/* SPDX-License-Identifier: MIT */
/*
 * Whether all workers of a run are quiet: nothing is ready, under way or set by which one of them
 * could be woken.
 *
 * A worker that has nothing makes its count `dormant` odd, and looks at the others.  The last one
 * to do so finds all of them dormant.  One look does not suffice, since while the second worker is
 * looked at, it may post to the first one and go to sleep.  So everything is looked at twice, and
 * no count may have changed in between: then at the moment between the two looks all were dormant
 * together, and nothing was under way.  A worker that is woken changes its count before it takes in
 * what it was woken for.
 *
 * It is the first worker that acts on it; others, when they find it so, post to it.
 */
#include "task/run.h"

static bool is_quiet(struct cede__worker *w)
{
        uintptr_t word = atomic_load(&w->loop.knock);

        return atomic_load(&w->dormant) % 2 && (!word || word == CEDE__KNOCK_SLEEPING) &&
               !atomic_load(&w->fresh_count);
}

/* All are quiet; the sum of their counts, which never go down. */
static bool look(struct cede__run *run, uint64_t *ret_sum)
{
        *ret_sum = 0;
        for (unsigned i = 0; i < run->workers; i++) {
                if (!is_quiet(&run->worker[i]))
                        return false;
                *ret_sum += atomic_load(&run->worker[i].dormant);
        }
        return true;
}

static void arrive(struct cede__post *post)
{
        struct cede__worker *first = cede__container_of(post, struct cede__worker, quiet_post);

        atomic_store(&first->quiet_posted, false); /* it has been woken: that is all */
}

bool cede__all_quiet(struct cede__worker *me)
{
        struct cede__worker *first = &me->run->worker[0];
        uint64_t before, after;

        if (cede__worker_alone(me))
                return true;
        if (atomic_load(&me->dormant) % 2 == 0)
                atomic_fetch_add(&me->dormant, 1);
        if (!look(me->run, &before) || !look(me->run, &after) || before != after)
                return false;
        if (me == first)
                return true;
        first->quiet_post.run = arrive;
        if (!atomic_exchange(&first->quiet_posted, true))
                cede__loop_post(&first->loop, &first->quiet_post);
        return false;
}

void cede__quiet_over(struct cede__worker *me)
{
        if (atomic_load(&me->dormant) % 2)
                atomic_fetch_add(&me->dormant, 1);
}
