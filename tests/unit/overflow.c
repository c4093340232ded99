/* SPDX-License-Identifier: MIT */
/* Memory faults in tasks: stack overflows are explained, all others go where they went before. */
#include "test.h"
#include <cede.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static int run_named(const char *name, size_t stack_size, int (*fn)(void *))
{
        struct cede_spawn_options options = { .name = name, .stack_size = stack_size };
        struct cede_task *task;
        int r = cede_spawn_with(NULL, &options, fn, NULL, &task);

        EXPECT_EQ(r, 0);
        return cede_task_join(task, NULL);
}

/* Uses at least this much stack for each level. */
#define USE_STACK(bytes)                                                                           \
        volatile char used[bytes];                                                                 \
        used[0] = used[(bytes)-1] = 1;                                                             \
        __asm__ volatile("" ::"r"(used) : "memory")

static int recurse(void *levels)
{
        USE_STACK(200);
        if ((uintptr_t)levels > 1)
                recurse((void *)((uintptr_t)levels - 1));
        return used[0] - 1;
}

static int recurse_for_ever(void *arg)
{
        (void)arg;
        return recurse((void *)UINTPTR_MAX);
}

static int spawn_deep(void *arg)
{
        (void)arg;
        return run_named("deep", 0, recurse_for_ever);
}

static void no_core(void)
{
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

TEST_DIES(names_the_task_and_its_stack_size, "\"deep\" (2) overflowed its stack of 65536 bytes")
{
        no_core();
        cede_run(spawn_deep, NULL);
}

static int spawn_deep_in_32k(void *arg)
{
        (void)arg;
        return run_named("deep", 32 * 1024, recurse_for_ever);
}

TEST_DIES(says_the_size_that_was_asked_for, "overflowed its stack of 32768 bytes; give it a larger")
{
        no_core();
        cede_run(spawn_deep_in_32k, NULL);
}

static int large_frame(void *arg)
{
        USE_STACK(40 * 1024);
        (void)arg;
        return used[1];
}

static int spawn_large_frame(void *arg)
{
        (void)arg;
        return run_named("large", 16 * 1024, large_frame);
}

/* More than twice the stack, at once: the first touch is far below its end. */
TEST_DIES(a_frame_of_40_kib_does_not_step_over_the_guard, "\"large\" (2) overflowed its stack")
{
        no_core();
        cede_run(spawn_large_frame, NULL);
}

static int spawn_second_on_the_same_stack(void *arg)
{
        (void)arg;
        EXPECT_EQ(run_named("first", 0, recurse), 0);
        return run_named("second", 0, recurse_for_ever);
}

TEST_DIES(names_who_runs_on_the_stack_now, "\"second\" (3) overflowed its stack")
{
        no_core();
        cede_run(spawn_second_on_the_same_stack, NULL);
}

static int overflow_after_a_wait(void *arg)
{
        EXPECT_EQ(cede_yield(), 0);
        return recurse_for_ever(arg);
}

static int yield_thrice(void *arg)
{
        (void)arg;
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(cede_yield(), 0);
        return 0;
}

static int spawn_several(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_spawn(NULL, yield_thrice, NULL), 0);
        EXPECT_EQ(cede_spawn_with(NULL, &(struct cede_spawn_options){ .name = "guilty" },
                                  overflow_after_a_wait, NULL, NULL),
                  0);
        EXPECT_EQ(cede_spawn(NULL, yield_thrice, NULL), 0);
        return yield_thrice(NULL);
}

TEST_DIES(names_the_one_that_runs, "\"guilty\" (3) overflowed its stack")
{
        no_core();
        cede_run(spawn_several, NULL);
}

static int nearly_all_of_it(void *arg)
{
        USE_STACK(48 * 1024);
        (void)arg;
        return used[0] - 1;
}

static int spawn_nearly(void *arg)
{
        (void)arg;
        return run_named("frugal", 0, nearly_all_of_it);
}

TEST(what_fits_is_no_overflow)
{
        EXPECT_EQ(cede_run(spawn_nearly, NULL), 0);
}

/* Other faults */

static char *forbidden;

static void forbid_a_page(void)
{
        forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT(forbidden != MAP_FAILED);
        no_core();
}

static int touch_the_forbidden(void *arg)
{
        (void)arg;
        *(volatile char *)forbidden = 1;
        return 0;
}

static int spawn_touching(void *arg)
{
        (void)arg;
        return run_named("touching", 0, touch_the_forbidden);
}

static void say_and_exit(const char *text)
{
        if (write(STDERR_FILENO, text, strlen(text)) > 0)
                _exit(7);
}

static void old_handler(int number)
{
        if (number == SIGSEGV)
                say_and_exit("the old handler got it\n");
}

static void old_informed_handler(int number, siginfo_t *info, void *context)
{
        if (number == SIGSEGV && info->si_addr == forbidden && context)
                say_and_exit("the old handler got the address\n");
}

TEST_DIES(other_faults_go_to_the_handler_before, "the old handler got it")
{
        forbid_a_page();
        signal(SIGSEGV, old_handler);
        cede_run(spawn_touching, NULL);
}

TEST_DIES(the_handler_before_gets_its_information, "the old handler got the address")
{
        struct sigaction action = { .sa_sigaction = old_informed_handler, .sa_flags = SA_SIGINFO };

        forbid_a_page();
        sigaction(SIGSEGV, &action, NULL);
        cede_run(spawn_touching, NULL);
}

TEST_DIES(other_faults_end_the_program_as_ever, "about to fault")
{
        forbid_a_page();
        signal(SIGSEGV, SIG_DFL);
        fprintf(stderr, "about to fault\n");
        cede_run(spawn_touching, NULL);
        fprintf(stderr, "survived\n");
        exit(0);
}

static int send_sigsegv(void *arg)
{
        (void)arg;
        raise(SIGSEGV);
        return 0;
}

/* kill -SEGV: nothing is touched a second time, so the default action has to be taken at once. */
TEST_DIES(a_sent_sigsegv_ends_the_program, "about to be sent")
{
        no_core();
        signal(SIGSEGV, SIG_DFL);
        fprintf(stderr, "about to be sent\n");
        cede_run(send_sigsegv, NULL);
        fprintf(stderr, "survived\n");
        exit(0);
}

static int do_nothing(void *arg)
{
        (void)arg;
        return 0;
}

TEST(handlers_are_as_before_after_the_run)
{
        struct sigaction now;
        stack_t stack_before, stack_now;

        signal(SIGSEGV, old_handler);
        signal(SIGBUS, SIG_IGN);
        sigaltstack(NULL, &stack_before);
        EXPECT_EQ(cede_run(do_nothing, NULL), 0);
        sigaction(SIGSEGV, NULL, &now);
        EXPECT(now.sa_handler == old_handler);
        sigaction(SIGBUS, NULL, &now);
        EXPECT(now.sa_handler == SIG_IGN);
        sigaltstack(NULL, &stack_now);
        EXPECT_EQ(stack_now.ss_flags & SS_DISABLE, stack_before.ss_flags & SS_DISABLE);
        /* Of one that is switched off, the address means nothing (and valgrind keeps the last). */
        EXPECT(stack_now.ss_flags & SS_DISABLE || stack_now.ss_sp == stack_before.ss_sp);
}

/* Of two runs in two threads one ends; the other's overflows are still explained. */
static pthread_barrier_t step;

static int wait_for_the_other(void *arg)
{
        (void)arg;
        pthread_barrier_wait(&step); /* both run */
        return 0;
}

static void *run_briefly(void *arg)
{
        cede_run(wait_for_the_other, NULL);
        pthread_barrier_wait(&step); /* this one has ended */
        return arg;
}

static int overflow_when_alone(void *arg)
{
        pthread_barrier_wait(&step);
        pthread_barrier_wait(&step);
        return spawn_deep(arg);
}

TEST_DIES(explained_while_any_run_is_left, "\"deep\" (2) overflowed its stack")
{
        pthread_t thread;

        no_core();
        pthread_barrier_init(&step, NULL, 2);
        EXPECT_EQ(pthread_create(&thread, NULL, run_briefly, NULL), 0);
        cede_run(overflow_when_alone, NULL);
}
