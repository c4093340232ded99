/* SPDX-License-Identifier: MIT */
/* What the tests of shortage share: refusing one of the resources that a scenario takes. */
#ifndef FAULT_H
#define FAULT_H

#include "base/chooser.h"

/* Refuses the resource number `at`; `seen` counts those that were asked for. */
struct fault {
        struct cede__chooser chooser;
        unsigned at, seen;
};

static inline unsigned refuse_one(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        struct fault *f = (struct fault *)self;

        (void)n;
        return kind == CEDE__CHOOSE_FAULT && f->seen++ == f->at;
}

#endif
