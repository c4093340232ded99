/* SPDX-License-Identifier: MIT */
/*
 * Task-local values: a pointer per task and key, like thread-local storage.
 *
 *      static struct cede_local request = { free };    // runs on each value when its task ends
 *
 *      r = cede_local_set(&request, strdup(id));
 *      ...
 *      log("%s", (char *)cede_local_get(&request));
 *
 * Values are not inherited by spawned tasks.  A task has few of them: a look-up is linear.
 */
#ifndef CEDE_LOCAL_H
#define CEDE_LOCAL_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

/* A key is an object that outlives the tasks which use it; all-zero is valid. */
struct cede_local {
        void (*destroy)(void *value); /* called for each value that is not NULL; may be NULL */
};

/* Returns the calling task's value, NULL if it has none. */
CEDE_API void *cede_local_get(const struct cede_local *key);

/*
 * Replaces the calling task's value; the old one is the caller's again, destroy is not called on
 * it.
 * -ENOMEM: nothing has changed.
 */
CEDE_API int cede_local_set(const struct cede_local *key, void *value) CEDE_MUST_CHECK;

CEDE_END_DECLS

#endif
