/* SPDX-License-Identifier: MIT */
#include "wait/wait.h"

_Thread_local struct cede__party *cede__self;

int cede__wait(struct cede__party *party)
{
        party->kind->block(party);
        party->waiter = NULL;
        return party->result;
}

void cede__wait_end(struct cede__party *party, int result)
{
        party->waiter->kind->withdraw(party->waiter);
        cede__wait_finish(party, result);
}

bool cede__wait_cancel(struct cede__party *party, int result)
{
        if (!cede__claim_from(party, CEDE__WAITING))
                return false;
        cede__wait_end(party, result);
        return true;
}

void cede__wait_resort(struct cede__party *party)
{
        struct cede__waiter *w = party->waiter;

        /* Granted already: the object may be gone.  Nudged: it is sorted in when it comes back. */
        if ((__atomic_load_n(&party->cell, __ATOMIC_ACQUIRE) & CEDE__STATE) == CEDE__DONE)
                return;
        if (w && w->kind->resort)
                w->kind->resort(w);
}

void cede__grants_finish(struct cede__grants *g, int result)
{
        struct cede__wnode *node = g->first;

        while (node) {
                struct cede__waiter *w = cede__container_of(node, struct cede__waiter, node);

                node = node->child; /* before finish: afterwards w is gone */
                cede__wait_grant(w, result);
        }
}
