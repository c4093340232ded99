/* SPDX-License-Identifier: MIT */
/*
 * The controlled scheduler of threads (interleave.h).
 *
 * There is no scheduler thread.  One thread at a time has the baton; at its next step it finds out
 * who has it next.  All that is here belongs to who has the baton, and is handed on with it.
 */
#include "interleave_internal.h"

#include "base/chooser.h"
#include "test.h"
#include "wait/wait.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
        FORCED_MAX = 50, /* deadlines that pass since nobody can go on; more is no progress */
        PAGES = 4,
        PAGE = 4096,
        SCRIBBLE = 4096,
};

enum state { READY, SPINS, SLEEPS, ENDED };

struct thread {
        pthread_t id;
        _Atomic uint32_t baton;
        void (*body)(void);
        enum state state;
        const char *step; /* that it is about to take, or waits in */
        const void *what;
        const uintptr_t *word; /* SPINS: until it is no longer as seen */
        uintptr_t seen;
        int64_t deadline;         /* SLEEPS */
        struct cede__party *left; /* which it was, and must not be touched any more */
};

static struct thread threads[INTERLEAVE_THREADS];
static unsigned count;
static _Thread_local struct thread *me;
static struct thread *running; /* who has the baton; NULL: interleave__run */
static _Atomic uint32_t over;  /* the baton of interleave__run */
static const struct interleaving *plan;
static int64_t now;
static unsigned forced;
static bool stop;

static char pages[PAGES][PAGE] __attribute__((aligned(PAGE)));
static bool gone[PAGES];

/* What the library wanted a thread for, which interleave_worker runs. */
static uintptr_t hired, hired_over;
static void *(*hired_fn)(void *);
static void *hired_arg;

/* The baton. */

static void pass(_Atomic uint32_t *baton)
{
        atomic_store(baton, 1);
        syscall(SYS_futex, baton, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void receive(_Atomic uint32_t *baton)
{
        while (!atomic_load(baton))
                syscall(SYS_futex, baton, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        atomic_store(baton, 0);
}

/* Failures: the schedule is told whatever ends the test.  Without malloc, in a signal handler. */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
        char text[2304];
        ssize_t written;
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        written = write(STDOUT_FILENO, text, strlen(text));
        (void)written;
}

static void explain(void)
{
        char text[2048];

        interleave__describe(text, sizeof(text));
        say("schedule: INTERLEAVE=%s\n", text);
        for (const struct thread *t = threads; t < threads + count; t++)
                say("  %c: %s %s (%p)\n", (int)('a' + (t - threads)),
                    t->state == READY  ? "before" :
                    t->state == SPINS  ? "spins in" :
                    t->state == SLEEPS ? "sleeps in" :
                                         "has come to",
                    t->step, t->what);
}

void interleave__fail(const char *format, ...)
{
        char text[256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        say("%s\n", text);
        abort(); /* on_signal tells the rest */
}

static void on_signal(int signal)
{
        explain();
        sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL); /* once more */
}

/* Sanitizers end the process by themselves. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_death(void)
{
        static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT };

        test_on_failure(explain);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                sigaction(signals[i], &(struct sigaction){ .sa_handler = on_signal }, NULL);
        if (__sanitizer_set_death_callback)
                __sanitizer_set_death_callback(explain);
}

/* Who can go on. */

static bool can_go_on(const struct thread *t)
{
        return t->state == READY ||
               (t->state == SPINS && __atomic_load_n(t->word, __ATOMIC_ACQUIRE) != t->seen);
}

static unsigned list_options(struct interleave__option *options)
{
        bool preempts = running && can_go_on(running);
        unsigned n = 0;

        if (preempts)
                options[n++] = (struct interleave__option){ (uint8_t)(running - threads), GO, 0 };
        for (uint8_t i = 0; i < count; i++)
                if (&threads[i] != running && can_go_on(&threads[i]))
                        options[n++] = (struct interleave__option){ i, GO, preempts };
        if (n == 0)
                return 0;
        for (uint8_t i = 0; i < count; i++) {
                const struct thread *t = &threads[i];

                if (t->state == SLEEPS && interleave__early < plan->early)
                        options[n++] = (struct interleave__option){ i, EARLY, preempts };
                if (t->state == SLEEPS && t->deadline != INT64_MAX &&
                    interleave__expired < plan->expiring)
                        options[n++] = (struct interleave__option){ i, EXPIRED, preempts };
        }
        return n;
}

/* Time moves on. */
static void expire(int64_t t)
{
        now = t > now ? t : now;
        for (unsigned i = 0; i < count; i++)
                if (threads[i].state == SLEEPS && threads[i].deadline <= now)
                        threads[i].state = READY;
}

/* Nobody can go on: the next deadline passes.  False: all have ended. */
static bool let_time_pass(void)
{
        int64_t next = INT64_MAX;
        bool ended = true;

        for (unsigned i = 0; i < count; i++) {
                ended = ended && threads[i].state == ENDED;
                if (threads[i].state == SLEEPS && threads[i].deadline < next)
                        next = threads[i].deadline;
        }
        if (ended)
                return false;
        if (next == INT64_MAX)
                interleave__fail("all threads wait, and none has a deadline");
        if (++forced > FORCED_MAX)
                interleave__fail("only deadlines pass, and nothing else happens");
        expire(next);
        return true;
}

/* Who has the baton next; NULL: all have ended. */
static struct thread *decide(void)
{
        struct interleave__option options[OPTIONS_MAX], *o;
        unsigned n;

        while ((n = list_options(options)) == 0)
                if (!let_time_pass())
                        return NULL;
        o = &options[interleave__choose(options, n)];
        running = &threads[o->thread];
        if (o->how == EXPIRED)
                expire(running->deadline);
        running->state = READY;
        if (interleave__loud())
                printf("%s%c: %s %p\n",
                       o->how == EARLY   ? "early " :
                       o->how == EXPIRED ? "expired " :
                                           "",
                       'a' + o->thread, running->step, running->what);
        return running;
}

/* Stands before a step until it is this thread's turn. */
static void stand(enum state state, const char *step, const void *on)
{
        struct thread *next;

        me->state = state;
        me->step = step;
        me->what = on;
        next = decide();
        if (next == me)
                return;
        pass(&next->baton);
        receive(&me->baton);
}

/* What the library calls. */

static unsigned choose(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        (void)self, (void)kind, (void)n;
        return 0;
}

static void on_step(struct cede__chooser *self, const char *name, const void *on)
{
        (void)self;
        if (me)
                stand(READY, name, on);
}

static bool on_spin(struct cede__chooser *self, const uintptr_t *word, uintptr_t seen)
{
        (void)self;
        if (!me)
                return false;
        me->word = word;
        me->seen = seen;
        stand(SPINS, me->step, word);
        return true;
}

static bool on_sleep(struct cede__chooser *self, _Atomic uint32_t *word, uint32_t value,
                     int64_t deadline)
{
        (void)self;
        if (!me)
                return false;
        stand(READY, "sleep", word);
        if (atomic_load(word) != value || deadline <= now)
                return true;
        me->deadline = deadline;
        stand(SLEEPS, "sleep", word);
        return true;
}

static bool on_wake(struct cede__chooser *self, _Atomic uint32_t *word)
{
        (void)self;
        if (!me)
                return false;
        stand(READY, "wake", word);
        for (unsigned i = 0; i < count; i++) {
                if (threads[i].state == SLEEPS && threads[i].what == word) {
                        threads[i].state = READY;
                        break;
                }
        }
        return true; /* the word may be gone: nobody else is to be woken there */
}

static bool on_now(struct cede__chooser *self, int64_t *ret_now)
{
        (void)self;
        *ret_now = now;
        return true;
}

/* The library starts a thread: interleave_worker, if it is one of the test's. */
static bool on_start(struct cede__chooser *self, void *(*fn)(void *), void *arg)
{
        (void)self;
        if (!me || hired)
                return false;
        for (unsigned i = 0; i < count; i++)
                if (threads[i].body == interleave_worker) {
                        hired_fn = fn;
                        hired_arg = arg;
                        __atomic_store_n(&hired, 1, __ATOMIC_RELEASE);
                }
        return hired;
}

static bool on_join(struct cede__chooser *self, void *arg)
{
        (void)self;
        if (!hired || arg != hired_arg)
                return false;
        interleave_until(&hired_over);
        return true;
}

static struct cede__chooser chooser = { choose,  on_step, on_spin,  on_sleep,
                                        on_wake, on_now,  on_start, on_join };

/* The threads. */

/* Where the thread's waits were. */
static CEDE__NOINLINE void scribble(void)
{
        volatile char stack[SCRIBBLE];

        for (size_t i = 0; i < sizeof(stack); i++)
                stack[i] = (char)0xee;
}

/* As if the thread had ended, and its memory were gone. */
static void leave(void)
{
        me->left = cede__self;
        cede__self = NULL;
        if (me->left)
                memset(me->left, 0, sizeof(*me->left));
        scribble();
}

static void *thread_main(void *arg)
{
        struct thread *next;

        me = arg;
        for (receive(&me->baton); !stop; receive(&me->baton)) {
                me->body();
                leave();
                me->state = ENDED;
                me->step = "its end";
                next = decide();
                pass(next ? &next->baton : &over);
        }
        return NULL;
}

static void renew_pages(void)
{
        for (unsigned i = 0; i < PAGES; i++) {
                if (gone[i])
                        mprotect(pages[i], PAGE, PROT_READ | PROT_WRITE);
                gone[i] = false;
                memset(pages[i], 0, PAGE);
        }
}

void interleave__run(void)
{
        static const struct cede__party nobody;

        now = INTERLEAVE_START;
        hired = hired_over = 0;
        forced = 0;
        running = NULL;
        renew_pages();
        for (unsigned i = 0; i < count; i++) {
                threads[i].state = READY;
                threads[i].step = "its start";
                threads[i].what = threads[i].left = NULL;
        }
        if (plan->prepare)
                plan->prepare();
        pass(&decide()->baton);
        receive(&over);
        for (unsigned i = 0; i < count; i++)
                if (threads[i].left && memcmp(threads[i].left, &nobody, sizeof(nobody)) != 0)
                        interleave__fail("%c was touched after its end", 'a' + i);
        if (plan->check)
                plan->check();
}

/* Only one of the threads runs at any time: on one processor they take turns faster. */
static cpu_set_t pin(void)
{
        cpu_set_t before, one;

        CPU_ZERO(&before);
        CPU_ZERO(&one);
        sched_getaffinity(0, sizeof(before), &before);
        CPU_SET(sched_getcpu(), &one);
        sched_setaffinity(0, sizeof(one), &one);
        return before;
}

struct interleaved interleave(const struct interleaving *what)
{
        cpu_set_t before = pin();
        struct interleaved r;

        plan = what;
        stop = false;
        watch_for_death();
        for (count = 0; what->threads[count]; count++) {
                threads[count] = (struct thread){ .body = what->threads[count] };
                EXPECT_EQ(pthread_create(&threads[count].id, NULL, thread_main, &threads[count]),
                          0);
        }
        cede__chooser = &chooser;
        r = interleave__explore(what);
        stop = true;
        for (unsigned i = 0; i < count; i++) {
                pass(&threads[i].baton);
                pthread_join(threads[i].id, NULL);
        }
        cede__chooser = NULL;
        renew_pages(); /* LeakSanitizer reads them */
        test_on_failure(NULL);
        sched_setaffinity(0, sizeof(before), &before);
        return r;
}

/* For the threads. */

void interleave_step(const char *name)
{
        on_step(NULL, name, NULL);
}

void interleave_until_not(const uintptr_t *flag, uintptr_t value)
{
        me->step = "until";
        while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) == value)
                on_spin(NULL, flag, value);
}

void interleave_until(const uintptr_t *flag)
{
        interleave_until_not(flag, 0);
}

void interleave_worker(void)
{
        interleave_until(&hired);
        hired_fn(hired_arg);
        __atomic_store_n(&hired_over, 1, __ATOMIC_RELEASE);
}

void *interleave_memory(unsigned number)
{
        EXPECT(number < PAGES);
        return pages[number];
}

void interleave_gone(void *memory)
{
        size_t number = (size_t)((char *)memory - pages[0]) / PAGE;

        gone[number] = true;
        mprotect(pages[number], PAGE, PROT_NONE);
}
