/* SPDX-License-Identifier: MIT */
/*
 * What every other header needs: attributes, time units, the error convention.
 *
 * Errors.  A function that can fail returns >= 0, or a negated errno value; errno itself is neither
 * read nor written.  Wherever it appears in this library a code means the same thing:
 *
 *      -ECANCELED   the caller's scope was cancelled, or a deadline further out has passed
 *      -ETIMEDOUT   the deadline of the caller's own innermost scope has passed
 *      -EDEADLK     waiting would never end
 *      -EOWNERDEAD  it is the caller's now, and its last owner ended without giving it back
 *      -EPERM       the caller is not the owner
 *      -EBUSY       somebody does the same already, where one at a time may
 *      -EALREADY    too late: it has happened
 *      -EAGAIN      it cannot be done now without waiting (the try_ functions)
 *      -EOVERFLOW   given back more than was ever taken
 *      -EPIPE       it is closed
 *      -EINVAL      an argument that can never be right
 *      -ENOMEM      memory is exhausted; nothing was changed
 *
 * Misuse that no caller could handle (releasing an object's memory while tasks wait on it, blocking
 * outside cede_run) ends the program with a message that says what to change.
 *
 * Time is int64_t nanoseconds throughout: durations relative, deadlines absolute on cede_now()'s
 * clock.
 */
#ifndef CEDE_BASE_H
#define CEDE_BASE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
#define CEDE_BEGIN_DECLS extern "C" {
#define CEDE_END_DECLS }
#else
#define CEDE_BEGIN_DECLS
#define CEDE_END_DECLS
#endif

#define CEDE_API __attribute__((visibility("default")))
#define CEDE_MUST_CHECK __attribute__((warn_unused_result))

#define CEDE_US(n) ((int64_t)((n)*INT64_C(1000)))
#define CEDE_MS(n) ((int64_t)((n)*INT64_C(1000000)))
#define CEDE_SEC(n) ((int64_t)((n)*INT64_C(1000000000)))

/* 1, and does not compile if a constant condition is false. */
#define CEDE__IS(condition) ((int)sizeof(char[(condition) ? 1 : -1]))

/* Names for what the block macros declare, so that blocks nest without shadowing one another. */
#define CEDE__PASTE_NOW(a, b) a##b
#define CEDE__PASTE(a, b) CEDE__PASTE_NOW(a, b)
#define CEDE__UNIQUE(prefix) CEDE__PASTE(prefix, __COUNTER__)

/* "No deadline": later than any clock will ever show. */
#define CEDE_NEVER INT64_MAX

#endif
