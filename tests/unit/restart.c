/* SPDX-License-Identifier: MIT */
/* The store that depends on a flag: interrupted at every instruction, and raced with. */
#include "arch/restart.h"
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 2000, LOOKS = 200 };

static uintptr_t word;
static uint8_t flag;
static bool stop;

static void need_it(void)
{
        if (!cede__restart_area)
                SKIP("the processor, the system or the C library has no restartable sequences");
}

/* It may fail for no reason, but not for ever. */
static bool store_soon(uintptr_t value)
{
        for (unsigned i = 0; i < 1000; i++)
                if (cede__store_unless(&word, value, &flag))
                        return true;
        return false;
}

TEST(stores_unless_the_flag_is_set)
{
        need_it();
        EXPECT(store_soon(1));
        EXPECT_EQ(word, 1);
        flag = 1;
        EXPECT(!store_soon(2));
        EXPECT_EQ(word, 1);
        flag = 0;
        EXPECT(store_soon(3));
        EXPECT_EQ(word, 3);
}

/* Suspended after each of its instructions, it does not get through. */
TEST(does_not_store_after_an_interruption)
{
        int status;
        pid_t child;

        need_it();
        EXPECT(store_soon(1));
        child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(2);
                raise(SIGSTOP);
                if (cede__store_unless(&word, 2, &flag))
                        _exit(1);
                _exit(word == 1 ? 0 : 3);
        }
        while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
                ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
        EXPECT(WIFEXITED(status));
        if (WEXITSTATUS(status) == 2)
                SKIP("nothing may be traced here");
        EXPECT_EQ(WEXITSTATUS(status), 0);
}

static void *store_always(void *arg)
{
        (void)arg;
        for (uintptr_t i = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
                cede__store_unless(&word, i, &flag);
        return NULL;
}

TEST(nothing_is_stored_after_the_others_were_restarted)
{
        pthread_t thread;

        need_it();
        EXPECT_EQ(pthread_create(&thread, NULL, store_always, NULL), 0);
        for (unsigned i = 0; i < ROUNDS; i++) {
                uintptr_t seen = __atomic_load_n(&word, __ATOMIC_RELAXED);

                /* It stores, so it is between two of its instructions. */
                while (__atomic_load_n(&word, __ATOMIC_RELAXED) == seen)
                        sched_yield();
                __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
                cede__restart_others();
                seen = __atomic_load_n(&word, __ATOMIC_RELAXED);
                for (unsigned look = 0; look < LOOKS; look++)
                        EXPECT_EQ(__atomic_load_n(&word, __ATOMIC_RELAXED), seen);
                __atomic_store_n(&flag, 0, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
}
