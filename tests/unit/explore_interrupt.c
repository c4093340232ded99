/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C at any moment of an exploration leaves nothing behind.
 *
 * A thousand explorations of one tree in this process, with a signal at a random moment of each:
 * from a timer of the kernel's, so that no thread is needed for it.  After each of them there are
 * the same threads, descriptors, memory and signal dispositions as before, and the result is that
 * of the whole tree, or says that it was interrupted.
 *
 * The dispositions before are handlers that count: they have the signals that come before a run
 * begins, or after it has ended.  A second signal comes within the 0.2 s in which it counts as the
 * same one (cede/run.h); tests/unit/signal.c has what comes later.
 */
#include "explore.h"
#include "base/prng.h"
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
        TRIALS = 1000,
        TRIALS_SLOWED = 60,
        ORDERS = CEDE_RANDOM + 1,
        FDS = 256,
        /* What the address space may grow by after the first use of everything: the heap's top. */
        GROWTH = 2 << 20,
};

/* The tree: three levels of directories, with files in each, and a chain that goes down deep. */

static const char *tree;
static struct totals whole;

static void make_file(const char *folder, unsigned i)
{
        char path[PATH_MAX], line[] = "a line of text, one of many that are the same\n";
        unsigned lines = i * 97 % 400;
        FILE *f;

        EXPECT(snprintf(path, sizeof(path), "%s/file%u", folder, i) < PATH_MAX);
        f = fopen(path, "we");
        EXPECT(f != NULL);
        for (unsigned n = 0; n < lines; n++)
                fputs(line, f);
        EXPECT_EQ(fclose(f), 0);
        whole.files++;
        whole.lines += lines;
        whole.bytes += lines * (sizeof(line) - 1);
}

static void make_tree(const char *folder, unsigned branches, unsigned depth)
{
        char path[PATH_MAX];

        whole.directories++;
        for (unsigned i = 0; i < 2; i++)
                make_file(folder, i + depth);
        for (unsigned i = 0; i < branches && depth; i++) {
                EXPECT(snprintf(path, sizeof(path), "%s/dir%u", folder, i) < PATH_MAX);
                EXPECT_EQ(mkdir(path, 0700), 0);
                make_tree(path, branches, depth - 1);
        }
}

static void prepare_tree(void)
{
        char deep[80];

        tree = test_folder();
        whole = (struct totals){ 0 };
        make_tree(tree, 5, 3);
        snprintf(deep, sizeof(deep), "%s/deep", tree);
        EXPECT_EQ(mkdir(deep, 0700), 0);
        make_tree(deep, 1, 40);
}

/* Signals. */

static volatile sig_atomic_t own; /* what came when no run had the signals */

static void count_own(int number)
{
        (void)number;
        own++;
}

static struct sigaction dispositions[NSIG];
static stack_t signal_stack;
static timer_t timers[2];

static void send_in(int64_t ns, timer_t timer)
{
        struct itimerspec when = { .it_value = { ns / CEDE_SEC(1), ns % CEDE_SEC(1) } };

        EXPECT_EQ(timer_settime(timer, 0, &when, NULL), 0);
}

static void prepare_signals(void)
{
        static const int numbers[] = { SIGINT, SIGTERM };

        for (unsigned i = 0; i < 2; i++) {
                struct sigaction action = { .sa_handler = count_own };
                struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = numbers[i] };

                EXPECT_EQ(sigaction(numbers[i], &action, NULL), 0);
                EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timers[i]), 0);
        }
        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, NULL, &dispositions[i]);
        EXPECT_EQ(sigaltstack(NULL, &signal_stack), 0);
}

static void finish_signals(void)
{
        for (unsigned i = 0; i < 2; i++)
                EXPECT_EQ(timer_delete(timers[i]), 0);
}

static void expect_same_dispositions(void)
{
        /* The others are the business of the kernel and libc (SA_RESTORER). */
        const int flags = SA_RESTART | SA_ONSTACK | SA_SIGINFO | SA_NODEFER | (int)SA_RESETHAND;
        sigset_t mask;
        stack_t stack;

        for (int i = 1; i < NSIG; i++) {
                struct sigaction now;

                if (sigaction(i, NULL, &now) == 0 &&
                    (now.sa_handler != dispositions[i].sa_handler ||
                     (now.sa_flags & flags) != (dispositions[i].sa_flags & flags)))
                        test__fail(__FILE__, __LINE__, "signal %d has another disposition", i);
        }
        EXPECT_EQ(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
        EXPECT(sigisemptyset(&mask));
        EXPECT_EQ(sigaltstack(NULL, &stack), 0);
        EXPECT_EQ(stack.ss_flags, signal_stack.ss_flags);
        EXPECT(stack.ss_flags & SS_DISABLE || stack.ss_sp == signal_stack.ss_sp);
}

/* Threads, descriptors, address space. */

/* Calls `each` with the number that each entry's name is. */
static void read_numbers(const char *folder, void (*each)(int number, void *arg), void *arg)
{
        DIR *dir = opendir(folder);
        struct dirent *entry;

        EXPECT(dir != NULL);
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
                        each(atoi(entry->d_name), arg);
        closedir(dir);
}

static void count_one(int number, void *count)
{
        (void)number;
        ++*(unsigned *)count;
}

static void mark_one(int fd, void *fds)
{
        if (fd < FDS) /* valgrind has some of its own beyond */
                ((char *)fds)[fd] = 1;
}

static void *name_task(void *path)
{
        snprintf(path, PATH_MAX, "/proc/self/task/%d", (int)gettid());
        return NULL;
}

/* How many there are, after the first one has come and gone: a sanitizer adds its own with it. */
static unsigned count_threads(void)
{
        char path[PATH_MAX];
        unsigned n = 0;
        pthread_t first;

        EXPECT_EQ(pthread_create(&first, NULL, name_task, path), 0);
        EXPECT_EQ(pthread_join(first, NULL), 0);
        while (access(path, F_OK) == 0)
                sched_yield();
        read_numbers("/proc/self/task", count_one, &n);
        return n;
}

/* A thread that has been joined may be listed for a moment; one that was not is for ever. */
static void expect_threads(unsigned expected)
{
        int64_t end = cede_in(CEDE_SEC(10));
        unsigned n;

        for (;;) {
                n = 0;
                read_numbers("/proc/self/task", count_one, &n);
                if (n == expected)
                        return;
                if (cede_now() > end)
                        test__fail(__FILE__, __LINE__, "%u threads, there were %u", n, expected);
                sched_yield();
        }
}

static void list_fds(char *ret_fds)
{
        memset(ret_fds, 0, FDS);
        read_numbers("/proc/self/fd", mark_one, ret_fds);
}

static void expect_fds(const char *before)
{
        char now[FDS];

        list_fds(now);
        for (int fd = 0; fd < FDS; fd++)
                if (now[fd] != before[fd])
                        test__fail(__FILE__, __LINE__, "fd %d was %s, and is %s", fd,
                                   before[fd] ? "open" : "closed", now[fd] ? "open" : "closed");
}

static long address_space(void)
{
        FILE *f = fopen("/proc/self/statm", "re");
        long pages;

        EXPECT(f != NULL);
        EXPECT_EQ(fscanf(f, "%ld", &pages), 1);
        fclose(f);
        return pages * sysconf(_SC_PAGESIZE);
}

/* Trials. */

struct trial {
        struct options options;
        bool before;           /* a signal comes before it all */
        int64_t first, second; /* when each of the timers sends; 0: never */
};

static bool same_totals(const struct totals *a, bool lines)
{
        return a->files == whole.files && a->directories == whole.directories &&
               a->bytes == whole.bytes && (!lines || a->lines == whole.lines);
}

/* True: it was interrupted. */
static bool explore_once(const struct trial *t)
{
        struct top top = { .max = t->options.top };
        struct outcome o;

        own = 0;
        if (t->before)
                EXPECT_EQ(raise(SIGINT), 0);
        EXPECT_EQ(own, t->before);
        if (t->first)
                send_in(t->first, timers[0]);
        if (t->second)
                send_in(t->second, timers[1]);
        EXPECT_EQ(explore_run(&t->options, &top, &o), 0);
        for (unsigned i = 0; i < 2 && (t->first || t->second); i++)
                send_in(0, timers[i]);
        top_sort(&top);
        top_finish(&top);

        EXPECT_EQ(o.totals.errors, 0);
        EXPECT(o.peak_open <= (uint64_t)o.limit);
        if (!o.signal) {
                EXPECT(same_totals(&o.totals, t->options.lines));
                return false;
        }
        EXPECT((t->first && o.signal == SIGINT) || (t->second && o.signal == SIGTERM));
        EXPECT(o.totals.files <= whole.files && o.totals.directories <= whole.directories);
        EXPECT(o.totals.bytes <= whole.bytes && o.totals.lines <= whole.lines);
        return true;
}

static struct options options_of(uint64_t random)
{
        return (struct options){
                .directory = tree,
                .order = (enum cede_order)((random >> 32) % ORDERS),
                .limit = 1 +
                         (long)((random >> 8) % (1 << random % 7)), /* 1 to 64, small ones often */
                .top = (random >> 16) % 8,
                .workers = 1 + (long)((random >> 40) % 3),
                .lines = random >> 24 & 1,
        };
}

/* How long an exploration takes at least; with it all has had its first use. */
static int64_t calibrate(bool lines)
{
        int64_t least = CEDE_NEVER;

        for (unsigned i = 0; i < 3 * ORDERS; i++) {
                struct trial t = { .options = options_of((uint64_t)(i % ORDERS) << 32) };
                int64_t start = cede_now(), took;

                t.options.lines = lines;
                t.options.limit = 64;
                EXPECT(!explore_once(&t));
                took = cede_now() - start;
                least = took < least ? took : least;
        }
        return least;
}

/*
 * One in sixteen comes before the run begins, hence is not the run's; of the others a few come
 * after its end, and a quarter are followed by another one.
 */
static struct trial trial_of(unsigned i, const int64_t *usual)
{
        uint64_t random = cede__prng(1, 2 * i), when = cede__prng(1, 2 * i + 1);
        struct trial t = { .options = options_of(random) };
        int64_t at = 1 + (int64_t)(when % (uint64_t)(usual[t.options.lines] * 5 / 4));

        t.before = i % 16 == 0;
        if (t.before)
                return t;
        *(i % 2 ? &t.first : &t.second) = at;
        if (i % 4 == 3)
                t.second = at + (int64_t)(when >> 40) % CEDE_US(100);
        return t;
}

TEST(nothing_is_left_after_a_signal_at_any_moment, .seconds = 60)
{
        unsigned trials = test_slowed() ? TRIALS_SLOWED : TRIALS, threads, interrupted = 0;
        int64_t usual[2];
        long space;
        char fds[FDS];

#ifdef M_ARENA_MAX
        mallopt(M_ARENA_MAX, 1); /* an arena more is 64 MiB of address space, at any time */
#endif
        prepare_tree();
        prepare_signals();
        threads = count_threads();
        list_fds(fds);
        usual[0] = calibrate(false);
        usual[1] = calibrate(true);
        space = address_space();
        for (unsigned i = 0; i < trials; i++) {
                struct trial t = trial_of(i, usual);

                interrupted += explore_once(&t);
                expect_threads(threads);
                expect_fds(fds);
                test_expect_no_memory();
                expect_same_dispositions();
        }
        fprintf(stderr, "%u of %u were interrupted; %.1f and %.1f ms without\n", interrupted,
                trials, (double)usual[0] / 1e6, (double)usual[1] / 1e6);
        EXPECT(interrupted > 0 && interrupted < trials);
        if (!test_slowed())
                EXPECT(address_space() <= space + GROWTH);
        finish_signals();
}

/* Few turns, which directories and files want at the same time: all get theirs in any order. */
TEST(no_limit_is_too_small, .seconds = 60)
{
        prepare_tree();
        for (unsigned i = 0; i < (test_slowed() ? 1 : 10) * 4 * ORDERS; i++) {
                struct trial t = { .options = options_of(0) };

                t.options.lines = true;
                t.options.limit = 1 + i % 4;
                t.options.order = (enum cede_order)(i / 4 % ORDERS);
                EXPECT(!explore_once(&t));
        }
}
