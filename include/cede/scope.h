/* SPDX-License-Identifier: MIT */
/*
 * Scope: a stretch of one task's life that owns child tasks, carries a deadline, and can be
 * cancelled.
 *
 *      struct cede_scope children;
 *      cede_scope_open(&children);
 *      r = cede_spawn(&children, fetch, &a);
 *      if (r >= 0)
 *              r = cede_spawn(&children, fetch, &b);
 *      return cede_scope_close(&children, r);  // waits for both
 *
 * From open to close the scope is the task's innermost one: its blocking calls obey it, and all
 * scopes around it, up to the run itself.  Scopes of a task close in reverse order of opening,
 * always before the function that opened them returns.  No child outlives its scope.
 *
 * Cancellation is a level, not an event: in a cancelled scope every blocking call fails until the
 * scope is left.  What has been granted already stays granted.  Spawned functions always run, in a
 * cancelled scope too (their first blocking call fails), so that what they were handed is not
 * leaked.
 *
 * Failure.  The first child whose result is negative cancels its siblings and the body, and its
 * result is the scope's (fail-fast).  A collecting scope (CEDE_COLLECT) lets the others go on.  A
 * child that returns -ECANCELED because it was cancelled is no failure.
 *
 * Deadline.  When it passes, the scope is cancelled; the owner's own blocking calls directly in it
 * fail with -ETIMEDOUT, all others inside it with -ECANCELED.  A cancellation that comes on top
 * makes it -ECANCELED for the owner as well; the scope itself still counts as timed out.
 */
#ifndef CEDE_SCOPE_H
#define CEDE_SCOPE_H

#include <cede/base.h>
#include <cede/internal.h>

CEDE_BEGIN_DECLS

struct cede_limit;

enum {
        CEDE_SHIELD_SCOPE = 1, /* cancellation and deadlines from outside do not reach in */
        CEDE_COLLECT = 2,      /* a failing child does not cancel the others */
};

/* Visible so that it can live on the stack; the fields belong to task/scope.c. */
struct cede_scope {
        struct cede_scope *parent; /* the next scope outwards; NULL: the run's own */
        struct cede__party *owner; /* who opened it and will close it; NULL: closed */
        struct cede__list children;
        unsigned live; /* children that have not ended */
        unsigned flags;
        int cancel;       /* how a blocking call directly in it fails: 0 or -errno */
        int own;          /* why this very scope was cancelled: 0 or -errno */
        int error;        /* the first failure */
        int64_t deadline; /* its own */
        int64_t due;      /* the earliest that applies inside */
        struct cede_limit *limit;
        struct cede_scope *next_limited, **link_limited; /* in limit->scopes */
        struct cede__waiter *closer; /* the owner, waiting in close for its children */
        struct cede_scope *pending;  /* link of those a cancel has yet to visit */
        struct cede__timer timer;    /* the deadline's, if the owner is a task */
        struct cede__post remote;    /* carries a cancel to the owner's loop */
        uint32_t remote_state;       /* atomic: whether it is under way */
};

struct cede_scope_options {
        unsigned flags;   /* CEDE_SHIELD_SCOPE, CEDE_COLLECT */
        int64_t deadline; /* absolute, on cede_now()'s clock; 0: none */
        struct cede_limit
                *limit; /* how many children run at a time, see limit.h; NULL: any number */
};

/*
 * Opens a scope in the calling task.  Neither can fail.  `options` (NULL: none) are read before it
 * returns.
 */
CEDE_API void cede_scope_open(struct cede_scope *scope);
CEDE_API void cede_scope_open_with(struct cede_scope *scope,
                                   const struct cede_scope_options *options);

/*
 * Waits for every child of a scope, whatever happens, and leaves it.  `result` is the body's: if
 * it is negative, the children are cancelled first.  Returns, in this order of preference: the
 * first failure of a child or the body; -ETIMEDOUT if the scope's deadline cut something short;
 * `result`.
 *
 * If a child cannot end since it waits, directly or round some corners, for what the caller holds,
 * that is reported on standard error as a deadlock, and the children are cancelled: the first
 * failure is then -EDEADLK.  A child in a shielded scope is reported and left alone.
 */
CEDE_API int cede_scope_close(struct cede_scope *scope, int result);

/*
 * Cancels a scope: its children, its body and everything inside, save what is shielded.  Does not
 * wait.  A child's -ECANCELED is expected then and does not count as a failure.  NULL: the run.
 */
CEDE_API void cede_scope_cancel(struct cede_scope *scope);

/* Returns the calling task's earliest deadline, shields considered; CEDE_NEVER without any. */
CEDE_API int64_t cede_deadline(void);

/*
 * Opens a scope for the block that follows.  The end of the block closes the scope.  Leaving it
 * early (return, break, goto) closes it too, and cancels its children first.
 *
 *      CEDE_TIMEOUT(CEDE_SEC(1))               // relative; a blocking call directly inside it
 *              r = cede_sem_acquire(&s);       // fails with -ETIMEDOUT
 *
 *      CEDE_SHIELD                             // for clean-up that has to block
 *              goodbye(connection);
 *
 *      CEDE_SCOPE(children, &r) {              // at its end r is the body's result, and receives
 *              r = cede_spawn(&children, fetch, &a);           // what cede_scope_close returns
 *      }
 *
 *      CEDE_SCOPE_WITH(children, &r, &(struct cede_scope_options){ .limit = &visits })
 *              r = visit_all(&children, folder);
 */
#define CEDE_TIMEOUT(ns) CEDE__TIMEOUT(CEDE__UNIQUE(cede__timeout), ns)
#define CEDE_SHIELD CEDE__SHIELD(CEDE__UNIQUE(cede__shield))
#define CEDE_SCOPE(name, ret_result) CEDE_SCOPE_WITH(name, ret_result, NULL)
#define CEDE_SCOPE_WITH(name, ret_result, ...)                                                     \
        CEDE__BLOCK(name, cede__block_scope(&name, __VA_ARGS__), ret_result)

#define CEDE__TIMEOUT(name, ns) CEDE__BLOCK(name, cede__block_timeout(&name, ns), NULL)
#define CEDE__SHIELD(name) CEDE__BLOCK(name, cede__block_shield(&name), NULL)
#define CEDE__BLOCK(name, opened, ret_result)                                                      \
        for (struct cede_scope name __attribute__((cleanup(cede__block_leave))),                   \
             *CEDE__PASTE(name, _open) = (opened);                                                 \
             CEDE__PASTE(name, _open);                                                             \
             CEDE__PASTE(name, _open) = cede__block_close(&name, (ret_result)))

CEDE_API struct cede_scope *cede__block_timeout(struct cede_scope *scope, int64_t ns);
CEDE_API struct cede_scope *cede__block_shield(struct cede_scope *scope);
CEDE_API struct cede_scope *cede__block_scope(struct cede_scope *scope,
                                              const struct cede_scope_options *options);
CEDE_API struct cede_scope *cede__block_close(struct cede_scope *scope, int *result);
CEDE_API void cede__block_leave(struct cede_scope *scope);

CEDE_END_DECLS

#endif
