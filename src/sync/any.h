/* SPDX-License-Identifier: MIT */
/* What an object brings so that it can be one of several that are waited for (<cede/any.h>). */
#ifndef CEDE_SYNC_ANY_H
#define CEDE_SYNC_ANY_H

#include "wait/wait.h"
#include <cede/any.h>

/* Each returns 1: the case is taken, and has its result; 0: not so; -errno: the call is in vain. */
struct cede__case_kind {
        const char *name;
        /* Takes it, if that needs no waiting and passes nobody. */
        int (*attempt)(struct cede_case *c, struct cede__party *me);
        /*
         * Queues the case's waiter.  1: it did not have to; the party has claimed its own wait, as
         * for an ordinary one.  NULL: a time.
         */
        int (*enter)(struct cede_case *c, struct cede__party *me, const void *site);
        /* The waiter was granted with this result: returns what the case's is.  NULL: the same. */
        int (*granted)(struct cede_case *c, struct cede__party *me, int result);
};

#endif
