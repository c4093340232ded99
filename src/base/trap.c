/* SPDX-License-Identifier: MIT */
#include "base/trap.h"
#include "base/alloc.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

enum { SIGNAL_STACK = 64 * 1024 };

static _Thread_local struct cede__trap *watching;

/* Under lock: the handlers are installed while any thread watches. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned watchers;
static struct sigaction before_segv, before_bus;

static const void *stack_pointer(void *context)
{
        const ucontext_t *at = context;

#if defined(__x86_64__)
        return (const void *)(uintptr_t)at->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
        return (const void *)(uintptr_t)at->uc_mcontext.sp;
#elif defined(__riscv)
        return (const void *)(uintptr_t)at->uc_mcontext.__gregs[REG_SP];
#else
        (void)at;
        return NULL;
#endif
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
        struct sigaction *before = signal == SIGSEGV ? &before_segv : &before_bus;
        bool sent = info->si_code <= 0; /* by kill or raise, not caused by an instruction */

        if (!sent && watching && watching->explain(info->si_addr, stack_pointer(context))) {
                /* Back to the faulting instruction, to end there: the core shows the culprit. */
                sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
        } else if (before->sa_flags & SA_SIGINFO) {
                before->sa_sigaction(signal, info, context);
        } else if (before->sa_handler == SIG_DFL) {
                sigaction(signal, before, NULL);
                if (sent)
                        raise(signal); /* nothing will repeat it */
        } else if (before->sa_handler != SIG_IGN) {
                before->sa_handler(signal);
        } else if (!sent) {
                sigaction(signal, before, NULL); /* a real fault cannot be ignored */
        }
}

bool cede__trap_enter(struct cede__trap *watch,
                      bool (*explain)(const void *address, const void *sp))
{
        struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
        stack_t now, mine = { .ss_size = SIGNAL_STACK };

        *watch = (struct cede__trap){ .explain = explain, .outer = watching };
        sigaltstack(NULL, &now);
        if (now.ss_flags & SS_DISABLE) {
                watch->stack = mine.ss_sp = cede__alloc(SIGNAL_STACK);
                if (!watch->stack)
                        return false;
                sigaltstack(&mine, NULL);
        }
        watching = watch;
        pthread_mutex_lock(&lock);
        if (watchers++ == 0) {
                sigaction(SIGSEGV, &action, &before_segv);
                sigaction(SIGBUS, &action, &before_bus);
        }
        pthread_mutex_unlock(&lock);
        return true;
}

void cede__trap_leave(struct cede__trap *watch)
{
        pthread_mutex_lock(&lock);
        if (--watchers == 0) {
                sigaction(SIGSEGV, &before_segv, NULL);
                sigaction(SIGBUS, &before_bus, NULL);
        }
        pthread_mutex_unlock(&lock);
        watching = watch->outer;
        if (watch->stack) {
                sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
                cede__free(watch->stack);
        }
}
