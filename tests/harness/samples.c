/* SPDX-License-Identifier: MIT */
/*
 * Tests that must fail, each in its own way, next to their sound twins: the proof that the harness
 * can tell them apart. Not part of the suite: tests/checks/harness.py runs it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* Volatile, so that the compiler can neither drop a block that leaks nor foresee a crash. */
static void *volatile sink;
static int *volatile nowhere;

TEST(pass)
{
        EXPECT(1 + 1 == 2);
        EXPECT_EQ(6 * 7, 42);
        EXPECT_STR("a", "a");
}

TEST(pass_tidy)
{
        int fd = open("/dev/null", O_RDONLY);

        EXPECT(fd >= 0);
        close(fd);
        sink = malloc(10);
        sink = realloc(sink, 100000);
        free(sink);
        sink = strdup("x");
        free(sink);
        for (int i = 0; i < 1000; i++) {
                void *p = calloc(1, 16), *q = aligned_alloc(64, 64);

                free(p);
                free(q);
        }
        printf("libc allocates the buffer of stdout, and keeps it\n");
}

TEST(pass_skip)
{
        SKIP("not today");
}

TEST(pass_folder)
{
        EXPECT_EQ(chdir(test_folder()), 0);
        EXPECT_EQ(mkdir("inside", 0700), 0);
        close(open("inside/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

TEST(fail_folder)
{
        printf("the folder is %s\n", test_folder());
        EXPECT_EQ(chdir(test_folder()), 0);
        EXPECT_EQ(mkdir("inside", 0), 0);
        EXPECT(false);
}

TEST(fail_memory_half_way)
{
        test_expect_no_memory();
        sink = malloc(100);
        test_expect_no_memory();
        if (!test_slowed())
                free(sink); /* too late; but LeakSanitizer looks at the end only */
        sink = NULL;
}

TEST_ABORTS(pass_aborts, "final words")
{
        fprintf(stderr, "my final words\n");
        abort();
}

TEST_DIES(pass_dies_by_signal, "final words")
{
        fprintf(stderr, "my final words\n");
        raise(SIGKILL);
}

TEST_DIES(pass_dies_by_status, "final words")
{
        printf("my final words\n");
        exit(3);
}

TEST(fail_expect)
{
        EXPECT(1 + 1 == 3);
}

TEST(fail_expect_eq)
{
        EXPECT_EQ(6 * 9, 42);
}

TEST(fail_expect_str)
{
        EXPECT_STR("one", "two");
}

TEST(fail_expect_in_child_process)
{
        pid_t pid = fork();

        if (pid == 0)
                EXPECT_EQ(pid, 1);
        waitpid(pid, NULL, 0);
}

TEST(fail_crash)
{
        *nowhere = 1;
}

TEST(fail_exit)
{
        exit(0);
}

TEST(fail_timeout, .seconds = 0.3)
{
        for (;;)
                pause();
}

TEST(fail_fd)
{
        EXPECT(open("/dev/null", O_RDONLY) >= 0);
}

TEST(fail_fd_closed)
{
        close(0);
}

TEST(fail_memory)
{
        sink = malloc(1000);
        sink = NULL;
}

TEST(fail_memory_strdup)
{
        sink = strdup("lost");
        sink = NULL;
}

/* What a program that contains the library has: here it seems to lose one block per test. */
size_t cede__alloc_live(void);
static size_t live;

size_t cede__alloc_live(void)
{
        return live;
}

TEST(fail_library_memory)
{
        live++;
}

TEST(fail_child_process)
{
        if (fork() == 0)
                for (;;)
                        pause();
}

TEST_ABORTS(fail_aborts_returns, "final words")
{
        fprintf(stderr, "my final words\n");
}

TEST_ABORTS(fail_aborts_silently, "final words")
{
        abort();
}

TEST_ABORTS(fail_aborts_otherwise, "final words")
{
        fprintf(stderr, "my final words\n");
        raise(SIGTERM);
}

TEST_DIES(fail_dies_returns, "final words")
{
        fprintf(stderr, "my final words\n");
}

TEST_DIES(fail_dies_exit_0, "final words")
{
        fprintf(stderr, "my final words\n");
        exit(0);
}
