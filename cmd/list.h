/* SPDX-License-Identifier: MIT */
/*
 * The two jobs of a walk that block; each is run by cede_offload.
 *
 * They return 0 always, and leave their result, 0 or -errno, in their argument: what cede_offload
 * returns then is about itself.
 */
#ifndef CEDE_CMD_LIST_H
#define CEDE_CMD_LIST_H

#include "explore.h"
#include "place.h"
#include <stdatomic.h>
#include <sys/types.h>

/* What becomes of the entries that the walk has to deal with one by one. */
enum entry_kind {
        ENTRY_DIRECTORY,
        ENTRY_FILE,   /* only if asked for */
        ENTRY_FAILED, /* of these only the first few */
};

/* Entries lie one after the other in memory: this, and the name with its NUL. */
struct entry {
        unsigned char kind;
        unsigned char error; /* ENTRY_FAILED: errno */
        char name[];
};

struct listing {
        /* in */
        const struct place *place;
        const atomic_bool *stop; /* true: leave off */
        const dev_t *device;     /* if not NULL: list only what is on it */
        bool files;              /* regular files as entries, too */

        /* out */
        int result; /* -errno: not read, or not to its end; what was found until then counts */
        struct totals found; /* the entries in it, but directories; and what itself occupies */
        char *entries;       /* to be freed */
        size_t size;         /* bytes of them */
        size_t children;     /* how many are no failures */
};

/* Reads a directory. */
int list_directory(void *listing);

/* The first entry, and the one after; NULL: no more. */
const struct entry *listing_first(const struct listing *l);
const struct entry *listing_next(const struct listing *l, const struct entry *entry);

/* What stands there under this name, or is the directory itself if it is empty; a symlink is not
 * followed. */
struct look {
        mode_t mode;
        dev_t device;
        uint64_t bytes, allocated; /* its size, and what it occupies on the disk */
};

int look_at(int directory, const char *name, struct look *ret_look);

/* What a block of `allocated` has in stat, whatever the file system's own are. */
enum { LOOK_BLOCK = 512 };

struct line_count {
        const struct place *place;
        const atomic_bool *stop;
        int result;     /* out */
        uint64_t lines; /* out */
};

/* Counts the newlines of a file. */
int count_lines(void *count);

#endif
