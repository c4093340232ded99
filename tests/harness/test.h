/* SPDX-License-Identifier: MIT */
/*
 * Writing a test program: include this, write TEST(name) { ... } as often as needed, no main().
 *
 *      TEST(newest_first)
 *      {
 *              struct stack s = { 0 };
 *
 *              push(&s, 7);
 *              EXPECT_EQ(pop(&s), 7);
 *      }
 *
 *      TEST_ABORTS(pop_of_empty, "pop of an empty stack")
 *      {
 *              struct stack s = { 0 };
 *
 *              pop(&s);
 *      }
 *
 * Every body runs in a child process of its own, which leads a process group: a crash, an exit() or
 * an endless loop ends one test and no other. A body that returns has passed only if it left no
 * file descriptor, memory or child process behind (child.c, memory.c).
 *
 * To step through one test: gdb --args build/tests/PROGRAM --no-fork NAME
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>

enum test_ending {
        TEST_RETURNS, /* the body returns, and leaks nothing */
        TEST_ABORTED, /* the process dies by SIGABRT, having said `says` */
        TEST_DIED,    /* the process ends by any signal or with any status but 0, having said it */
};

struct test {
        const char *name;
        void (*body)(void);
        enum test_ending ending;
        const char *says; /* must be found in what the body wrote on stderr or stdout */
        double seconds;   /* time-out; 0 stands for the default, 20 */
        struct test *next;
};

void test__register(struct test *t);

/* The constructors of one file run in the order in which they are written, and so do the tests. */
#define TEST__DEFINE(id, ...)                                                                      \
        static void test_body_##id(void);                                                          \
        static struct test test_##id = { .name = #id, .body = test_body_##id, __VA_ARGS__ };       \
        __attribute__((constructor)) static void test_register_##id(void)                          \
        {                                                                                          \
                test__register(&test_##id);                                                        \
        }                                                                                          \
        static void test_body_##id(void)

/* TEST(name), or with a field of struct test: TEST(name, .seconds = 60). */
#define TEST(id, ...) TEST__DEFINE(id, __VA_ARGS__)

/* Passes only if the body ends its process with abort() after it has printed `text`. */
#define TEST_ABORTS(id, text) TEST__DEFINE(id, .ending = TEST_ABORTED, .says = (text))

/* The same for any signal (a stack overflow, say) and any exit status other than 0. */
#define TEST_DIES(id, text) TEST__DEFINE(id, .ending = TEST_DIED, .says = (text))

/*
 * Expectations. The first one that does not hold reports its line and the values, and ends the
 * process at once, in whichever task, thread or child process. Arguments are evaluated once.
 */
#define EXPECT(cond) ((cond) ? (void)0 : test__fail(__FILE__, __LINE__, "expected %s", #cond))
#define EXPECT_EQ(a, b) test__expect_eq((long long)(a), (long long)(b), #a, #b, __FILE__, __LINE__)
#define EXPECT_STR(a, b) test__expect_str((a), (b), #a, #b, __FILE__, __LINE__)

/* `explain` is called by the first expectation that does not hold: prints what else matters. */
void test_on_failure(void (*explain)(void));

/* Ends the test without a verdict. In CI a skip not in tests/allowed-skips.txt fails. */
#define SKIP(reason) test__skip(reason)

/*
 * True under valgrind and the sanitizers, where code runs 5 to 50 times slower: a test with a
 * million of something takes fewer there. Time-outs are lengthened by tests/run already.
 */
bool test_slowed(void);

/*
 * True for the first three seconds of a test.  One that has threads take turns many thousand times
 * does so less often on a busy machine, where each turn may have to wait for a slice of somebody
 * else's; but some times in any case.
 */
bool test_has_time(void);

/* An empty folder of the test's own, which is removed when the test has ended; its path. */
const char *test_folder(void);

/*
 * Fails, as the end of the body would, if by now memory has leaked: for a body that does many
 * things and has given back all memory in between.
 */
void test_expect_no_memory(void);

void test__fail(const char *file, int line, const char *format, ...)
        __attribute__((noreturn, cold, format(printf, 3, 4)));
void test__skip(const char *reason) __attribute__((noreturn, cold));
void test__expect_eq(long long a, long long b, const char *a_text, const char *b_text,
                     const char *file, int line);
void test__expect_str(const char *a, const char *b, const char *a_text, const char *b_text,
                      const char *file, int line);

#endif
