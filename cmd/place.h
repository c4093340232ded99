/* SPDX-License-Identifier: MIT */
/*
 * A place in the tree: a name, and the directory that it stands in, which knows its own name, and
 * so on up to DIR.  So a path takes no memory until somebody needs it, and may be of any length.
 *
 * The current directory is DIR during a walk: no descriptor is held for it, and paths start below
 * it.  Places live as long as the task of the directory that they are in, hence longer than all
 * that is below them; they never change, so that jobs on other threads may follow them.
 */
#ifndef CEDE_CMD_PLACE_H
#define CEDE_CMD_PLACE_H

struct place {
        const struct place *up; /* NULL: DIR itself */
        const char *name;       /* DIR's: as it is to be shown */
};

/*
 * Opens it, without following a symbolic link anywhere below DIR.  For paths longer than the
 * system takes, this goes down in steps, with two descriptors at a time.
 */
int place_open(const struct place *place, int flags);

/* "DIR/a/b", to be freed; NULL: no memory. */
char *place_text(const struct place *place);

#endif
