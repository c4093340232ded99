/* SPDX-License-Identifier: MIT */
/* Explaining a memory fault before it ends the program. */
#ifndef CEDE_BASE_TRAP_H
#define CEDE_BASE_TRAP_H

#include <stdbool.h>

/*
 * From enter to leave, a fault of the calling thread is first shown to explain(address), on a
 * signal stack of its own.  If explain returns true (it has printed what happened), the program
 * ends by that signal; else the handler that was installed before gets it.  Enter may fail for want
 * of memory.
 */
struct cede__trap {
        void *stack;
        /* Where it faulted, and the stack pointer at that moment (NULL: unknown). */
        bool (*explain)(const void *address, const void *sp);
        struct cede__trap *outer;
};

bool cede__trap_enter(struct cede__trap *watch,
                      bool (*explain)(const void *address, const void *sp));
void cede__trap_leave(struct cede__trap *watch);

#endif
