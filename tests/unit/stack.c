/* SPDX-License-Identifier: MIT */
/* stack/stack.h */
#include "stack/stack.h"
#include "base/alloc.h"
#include "base/chooser.h"
#include "test.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cede__stack_pool pool;

static struct cede__stack *take(unsigned size_class)
{
        struct cede__stack *stack = cede__stack_take(&pool, size_class);

        EXPECT(stack);
        return stack;
}

/* Whether writing there ends the process by SIGSEGV; tried out by a child. */
static bool faults(char *address)
{
        int status;

        if (fork() == 0) {
                setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
                signal(SIGSEGV, SIG_DFL);
                *(volatile char *)address = 1;
                _exit(0);
        }
        EXPECT(wait(&status) > 0);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST(class_is_the_smallest_that_suffices)
{
        EXPECT_EQ(cede__stack_class(0), 0);
        EXPECT_EQ(cede__stack_class(1), 0);
        EXPECT_EQ(cede__stack_class(16 * 1024), 0);
        EXPECT_EQ(cede__stack_class(16 * 1024 + 1), 1);
        EXPECT_EQ(cede__stack_class(64 * 1024), 2);
        EXPECT_EQ(cede__stack_class((size_t)1 << 30), CEDE__STACK_CLASSES - 1);
        EXPECT_EQ(cede__stack_class(((size_t)1 << 30) + 1), CEDE__STACK_CLASSES);
        EXPECT_EQ(cede__stack_class(SIZE_MAX), CEDE__STACK_CLASSES);
}

TEST(all_of_it_can_be_used)
{
        for (unsigned size_class = 0; size_class < 8; size_class++) {
                struct cede__stack *stack = take(size_class);

                memset(stack->low, 0xaa, stack->usable);
                EXPECT(stack->usable <= cede__stack_class_size(size_class));
                EXPECT(stack->usable > cede__stack_class_size(size_class) - 4096);
                EXPECT_EQ(stack->size_class, size_class);
                cede__stack_give(&pool, stack);
        }
        cede__stack_pool_finish(&pool);
}

TEST(the_largest_class_costs_nothing_untouched)
{
        struct cede__stack *stack = take(CEDE__STACK_CLASSES - 1);

        stack->low[0] = stack->low[stack->usable - 1] = 1;
        cede__stack_give(&pool, stack);
        cede__stack_pool_finish(&pool);
}

TEST(touching_below_it_faults)
{
        struct cede__stack *stacks[5];

        for (int i = 0; i < 5; i++) {
                char *low;

                stacks[i] = take(i < 3 ? 0 : 5);
                low = stacks[i]->low;
                EXPECT(!faults(low));
                EXPECT(faults(low - 1));
                EXPECT(faults(low - CEDE__STACK_GUARD / 2));
                EXPECT(faults(low - CEDE__STACK_GUARD));
        }
        for (int i = 0; i < 5; i++)
                cede__stack_give(&pool, stacks[i]);
        cede__stack_pool_finish(&pool);
}

TEST(overrun_is_told_from_other_faults)
{
        struct cede__stack *stack = take(0);

        EXPECT(!cede__stack_overrun(stack, stack->low, NULL));
        EXPECT(cede__stack_overrun(stack, stack->low - 1, NULL));
        EXPECT(cede__stack_overrun(stack, stack->low - CEDE__STACK_GUARD, NULL));
        EXPECT(!cede__stack_overrun(stack, stack->low - CEDE__STACK_GUARD - 1, NULL));
        EXPECT(!cede__stack_overrun(stack, NULL, NULL));
        /* A frame so large that it lies below the guard altogether. */
        EXPECT(cede__stack_overrun(stack, NULL, stack->low - 1000000));
        EXPECT(!cede__stack_overrun(stack, NULL, stack->low + 16));
        cede__stack_give(&pool, stack);
        cede__stack_pool_finish(&pool);
}

TEST(given_back_last_is_taken_first)
{
        struct cede__stack *a = take(0), *b = take(0), *other = take(1);

        cede__stack_give(&pool, a);
        cede__stack_give(&pool, b);
        cede__stack_give(&pool, other);
        EXPECT(take(0) == b);
        EXPECT(take(0) == a);
        EXPECT(take(1) == other);
        cede__stack_give(&pool, a);
        cede__stack_give(&pool, b);
        cede__stack_give(&pool, other);
        cede__stack_pool_finish(&pool);
}

TEST(counts_used_and_peak)
{
        struct cede__stack *a = take(0), *b = take(3);

        EXPECT_EQ(pool.used, 2);
        cede__stack_give(&pool, a);
        a = take(0);
        cede__stack_give(&pool, a);
        cede__stack_give(&pool, b);
        EXPECT_EQ(pool.used, 0);
        EXPECT_EQ(pool.peak, 2);
        cede__stack_pool_finish(&pool);
}

TEST(tops_are_aligned_and_coloured)
{
        struct cede__stack *stacks[16];
        bool seen[4096 / 64] = { false };

        for (int i = 0; i < 16; i++) {
                uintptr_t top;

                stacks[i] = take(0);
                top = (uintptr_t)stacks[i]->low + stacks[i]->usable;
                EXPECT_EQ(top % 64, 32); /* the descriptor begins in the same line */
                EXPECT_EQ((uintptr_t)stacks[i]->low % 4096, 0);
                EXPECT(!seen[top % 4096 / 64]);
                seen[top % 4096 / 64] = true;
        }
        for (int i = 0; i < 16; i++)
                cede__stack_give(&pool, stacks[i]);
        cede__stack_pool_finish(&pool);
}

TEST(a_thousand_do_not_overlap)
{
        enum { MANY = 1000 };
        static struct cede__stack *stacks[MANY];

        for (int i = 0; i < MANY; i++) {
                stacks[i] = take(i % 7 == 0);
                memset(stacks[i]->low, i % 251, 64);
                memset(stacks[i]->low + stacks[i]->usable - 64, i % 251, 64);
        }
        for (int i = 0; i < MANY; i++) {
                const char *top = stacks[i]->low + stacks[i]->usable;

                EXPECT_EQ((unsigned char)stacks[i]->low[63], i % 251);
                EXPECT_EQ((unsigned char)top[-64], i % 251);
                EXPECT_EQ(stacks[i]->size_class, i % 7 == 0);
        }
        EXPECT_EQ(pool.peak, MANY);
        for (int i = 0; i < MANY; i++)
                cede__stack_give(&pool, stacks[i]);
        cede__stack_pool_finish(&pool);
}

TEST(finish_returns_everything)
{
        size_t before = cede__alloc_live();

        for (int i = 0; i < 3; i++) {
                struct cede__stack *a = take(0), *b = take(4), *c = take(10);

                EXPECT(cede__alloc_live() > before);
                cede__stack_give(&pool, a);
                cede__stack_give(&pool, b);
                cede__stack_give(&pool, c);
                cede__stack_pool_finish(&pool);
                EXPECT_EQ(cede__alloc_live(), before);
                pool = (struct cede__stack_pool){ 0 };
        }
}

/* A resource fails at the given look, and only then. */
struct failure {
        struct cede__chooser chooser;
        unsigned looks, at;
};

static unsigned fail_once(struct cede__chooser *self, enum cede__choice kind, unsigned n)
{
        struct failure *f = (struct failure *)self;

        (void)n;
        return kind == CEDE__CHOOSE_FAULT && f->looks++ == f->at;
}

TEST(failing_to_make_one_leaves_the_pool_usable)
{
        /* The slab's record, its memory, the guard. */
        for (unsigned at = 0; at < 3; at++) {
                struct failure f = { { .choose = fail_once }, 0, at };
                struct cede__stack *a, *b;
                size_t before = cede__alloc_live();

                pool = (struct cede__stack_pool){ 0 };
                cede__chooser = &f.chooser;
                EXPECT(!cede__stack_take(&pool, 0));
                EXPECT_EQ(pool.used, 0);
                a = take(0);
                b = take(0);
                cede__chooser = NULL;
                EXPECT(a->low != b->low && faults(a->low - 1) && faults(b->low - 1));
                cede__stack_give(&pool, a);
                cede__stack_give(&pool, b);
                cede__stack_pool_finish(&pool);
                EXPECT_EQ(cede__alloc_live(), before);
        }
}
