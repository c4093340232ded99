/* SPDX-License-Identifier: MIT */
#include "base/chooser.h"

struct cede__chooser *cede__chooser;

CEDE__COLD void cede__step_controlled(const char *name, const void *what)
{
        if (cede__chooser->step)
                cede__chooser->step(cede__chooser, name, what);
}
