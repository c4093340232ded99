/* SPDX-License-Identifier: MIT */
/* arch/context.h, whichever implementation was built. */
#include "arch/context.h"
#include "base/compiler.h"
#include "stack/stack.h"
#include "test.h"
#include <cede.h>
#include <stdio.h>

/* The least that can be switched to: a function on a stack, which comes back by give_way(). */
struct coroutine {
        void *context, *caller;
        struct cede__stack *stack;
        struct cede__sanity native;
        void (*fn)(struct coroutine *me);
        bool ended;
        int number;
};

static struct cede__stack_pool pool;

static void start(void *arg);

static void create(struct coroutine *co, void (*fn)(struct coroutine *me))
{
        co->fn = fn;
        co->stack = cede__stack_take(&pool, cede__stack_class(64 * 1024));
        EXPECT(co->stack);
        co->context = cede__context_make(co->stack->low, co->stack->usable, start, co);
}

/* Runs it until it gives way or ends. */
static void resume(struct coroutine *co)
{
        cede__sanity_native(&co->native);
        cede__sanity_leave(&co->native, &co->stack->sanity, false);
        cede__context_switch(&co->caller, co->context);
        cede__sanity_arrive(&co->native, false);
}

static void give_way(struct coroutine *me)
{
        cede__sanity_leave(&me->stack->sanity, &me->native, false);
        cede__context_switch(&me->context, me->caller);
        cede__sanity_arrive(&me->stack->sanity, false);
}

static void start(void *arg)
{
        struct coroutine *me = arg;

        cede__sanity_arrive(&me->stack->sanity, true);
        me->fn(me);
        me->ended = true;
        cede__sanity_leave(&me->stack->sanity, &me->native, true);
        cede__context_switch(&me->context, me->caller);
        __builtin_unreachable();
}

static void destroy(struct coroutine *co)
{
        EXPECT(co->ended);
        cede__stack_give(&pool, co->stack);
}

static void count_to_three(struct coroutine *me)
{
        for (me->number = 1; me->number < 3; me->number++)
                give_way(me);
}

TEST(switches_there_and_back)
{
        struct coroutine co = { 0 };

        create(&co, count_to_three);
        EXPECT_EQ(co.number, 0);
        for (int i = 1; i <= 3; i++) {
                EXPECT(!co.ended);
                resume(&co);
                EXPECT_EQ(co.number, i);
        }
        destroy(&co);
        cede__stack_pool_finish(&pool);
}

static void look_at_the_stack(struct coroutine *me)
{
        char *frame = __builtin_frame_address(0);

        EXPECT(frame > me->stack->low && frame < me->stack->low + me->stack->usable);
        /* The first frame begins near the top: nearly all of the stack is left. */
        EXPECT(me->stack->low + me->stack->usable - frame < 4096);
}

TEST(runs_on_the_stack_it_was_given)
{
        struct coroutine co = { 0 };

        create(&co, look_at_the_stack);
        resume(&co);
        destroy(&co);
        cede__stack_pool_finish(&pool);
}

/* Printing floating-point numbers saves vector registers: that faults on a misaligned stack. */
static void use_vector_registers(struct coroutine *me)
{
        char text[64];
        _Alignas(16) volatile float four[4] = { 1, 2, 3, 4 };

        EXPECT_EQ((uintptr_t)four % 16, 0);
        EXPECT_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
        snprintf(text, sizeof(text), "%.2f %.3Lf %g", four[0] / four[3], (long double)four[2],
                 (double)me->number);
        EXPECT_STR(text, "0.25 3.000 0");
}

TEST(stack_is_aligned_at_entry)
{
        struct coroutine cos[20] = { 0 }; /* of every colour */

        for (int i = 0; i < 20; i++) {
                create(&cos[i], use_vector_registers);
                resume(&cos[i]);
                destroy(&cos[i]);
        }
        cede__stack_pool_finish(&pool);
}

/*
 * More live values across a switch than there are registers to preserve, different ones on either
 * side.  The empty asm statements keep the compiler from working them out beforehand.
 */
#define KEEP(x, y) __asm__ volatile("" : "+r"(x), "+r"(y))

static void juggle(uint64_t seed, struct coroutine *co, void (*change)(struct coroutine *))
{
        uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13,
                 g = seed * 17, h = seed * 19;
        double x = (double)seed, y = x / 3;

        for (int i = 1; i <= 100; i++) {
                KEEP(a, b);
                KEEP(c, d);
                KEEP(e, f);
                KEEP(g, h);
                change(co);
                KEEP(a, b);
                KEEP(c, d);
                KEEP(e, f);
                KEEP(g, h);
                a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7, h += 8;
                x += 1, y += 0.5;
                EXPECT_EQ(a, seed + i);
                EXPECT_EQ(b, seed * 3 + 2 * i);
                EXPECT_EQ(c, seed * 5 + 3 * i);
                EXPECT_EQ(d, seed * 7 + 4 * i);
                EXPECT_EQ(e, seed * 11 + 5 * i);
                EXPECT_EQ(f, seed * 13 + 6 * i);
                EXPECT_EQ(g, seed * 17 + 7 * i);
                EXPECT_EQ(h, seed * 19 + 8 * i);
        }
        EXPECT(x == (double)seed + 100 && y == (double)seed / 3 + 50);
}

static void juggle_inside(struct coroutine *me)
{
        juggle(1000003, me, give_way);
}

TEST(values_in_registers_survive)
{
        struct coroutine co = { 0 };

        create(&co, juggle_inside);
        resume(&co);
        juggle(77, &co, resume);
        destroy(&co);
        cede__stack_pool_finish(&pool);
}

/*
 * Calls cede__context_switch with these values in the registers that a call preserves, and stores
 * what is in them then.
 */
void switch_holding(const uint64_t *in, uint64_t *out, void **ret_from, void *to);

#if defined(__x86_64__)
enum { PRESERVED = 6 }; /* rbx rbp r12-r15 */
__asm__(".text\n"
        "switch_holding:\n\t"
        "pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n\t"
        "pushq %rsi\n\t"
        "movq 0(%rdi), %rbx; movq 8(%rdi), %rbp; movq 16(%rdi), %r12\n\t"
        "movq 24(%rdi), %r13; movq 32(%rdi), %r14; movq 40(%rdi), %r15\n\t"
        "movq %rdx, %rdi; movq %rcx, %rsi; call cede__context_switch\n\t"
        "popq %rsi\n\t"
        "movq %rbx, 0(%rsi); movq %rbp, 8(%rsi); movq %r12, 16(%rsi)\n\t"
        "movq %r13, 24(%rsi); movq %r14, 32(%rsi); movq %r15, 40(%rsi)\n\t"
        "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n\t"
        "ret");
#elif defined(__aarch64__)
enum { PRESERVED = 19 }; /* x19-x29, d8-d15 */
__asm__(".text\n"
        "switch_holding:\n\t"
        "sub sp, sp, #176\n\t"
        "stp x19, x20, [sp, #0]; stp x21, x22, [sp, #16]; stp x23, x24, [sp, #32]\n\t"
        "stp x25, x26, [sp, #48]; stp x27, x28, [sp, #64]; stp x29, x30, [sp, #80]\n\t"
        "stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]\n\t"
        "stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]; str x1, [sp, #160]\n\t"
        "ldp x19, x20, [x0, #0]; ldp x21, x22, [x0, #16]; ldp x23, x24, [x0, #32]\n\t"
        "ldp x25, x26, [x0, #48]; ldp x27, x28, [x0, #64]; ldr x29, [x0, #80]\n\t"
        "ldp d8, d9, [x0, #88]; ldp d10, d11, [x0, #104]\n\t"
        "ldp d12, d13, [x0, #120]; ldp d14, d15, [x0, #136]\n\t"
        "mov x0, x2; mov x1, x3; bl cede__context_switch\n\t"
        "ldr x1, [sp, #160]\n\t"
        "stp x19, x20, [x1, #0]; stp x21, x22, [x1, #16]; stp x23, x24, [x1, #32]\n\t"
        "stp x25, x26, [x1, #48]; stp x27, x28, [x1, #64]; str x29, [x1, #80]\n\t"
        "stp d8, d9, [x1, #88]; stp d10, d11, [x1, #104]\n\t"
        "stp d12, d13, [x1, #120]; stp d14, d15, [x1, #136]\n\t"
        "ldp x19, x20, [sp, #0]; ldp x21, x22, [sp, #16]; ldp x23, x24, [sp, #32]\n\t"
        "ldp x25, x26, [sp, #48]; ldp x27, x28, [sp, #64]; ldp x29, x30, [sp, #80]\n\t"
        "ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]\n\t"
        "ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144]\n\t"
        "add sp, sp, #176\n\t"
        "ret");
#elif defined(__riscv_float_abi_double)
enum { PRESERVED = 24 }; /* s0-s11, fs0-fs11 */
__asm__(".text\n"
        "switch_holding:\n\t"
        "addi sp, sp, -208\n\t"
        "sd s0, 0(sp); sd s1, 8(sp); sd s2, 16(sp); sd s3, 24(sp)\n\t"
        "sd s4, 32(sp); sd s5, 40(sp); sd s6, 48(sp); sd s7, 56(sp)\n\t"
        "sd s8, 64(sp); sd s9, 72(sp); sd s10, 80(sp); sd s11, 88(sp)\n\t"
        "fsd fs0, 96(sp); fsd fs1, 104(sp); fsd fs2, 112(sp); fsd fs3, 120(sp)\n\t"
        "fsd fs4, 128(sp); fsd fs5, 136(sp); fsd fs6, 144(sp); fsd fs7, 152(sp)\n\t"
        "fsd fs8, 160(sp); fsd fs9, 168(sp); fsd fs10, 176(sp); fsd fs11, 184(sp)\n\t"
        "sd ra, 192(sp); sd a1, 200(sp)\n\t"
        "ld s0, 0(a0); ld s1, 8(a0); ld s2, 16(a0); ld s3, 24(a0)\n\t"
        "ld s4, 32(a0); ld s5, 40(a0); ld s6, 48(a0); ld s7, 56(a0)\n\t"
        "ld s8, 64(a0); ld s9, 72(a0); ld s10, 80(a0); ld s11, 88(a0)\n\t"
        "fld fs0, 96(a0); fld fs1, 104(a0); fld fs2, 112(a0); fld fs3, 120(a0)\n\t"
        "fld fs4, 128(a0); fld fs5, 136(a0); fld fs6, 144(a0); fld fs7, 152(a0)\n\t"
        "fld fs8, 160(a0); fld fs9, 168(a0); fld fs10, 176(a0); fld fs11, 184(a0)\n\t"
        "mv a0, a2; mv a1, a3; call cede__context_switch\n\t"
        "ld a1, 200(sp); ld ra, 192(sp)\n\t"
        "sd s0, 0(a1); sd s1, 8(a1); sd s2, 16(a1); sd s3, 24(a1)\n\t"
        "sd s4, 32(a1); sd s5, 40(a1); sd s6, 48(a1); sd s7, 56(a1)\n\t"
        "sd s8, 64(a1); sd s9, 72(a1); sd s10, 80(a1); sd s11, 88(a1)\n\t"
        "fsd fs0, 96(a1); fsd fs1, 104(a1); fsd fs2, 112(a1); fsd fs3, 120(a1)\n\t"
        "fsd fs4, 128(a1); fsd fs5, 136(a1); fsd fs6, 144(a1); fsd fs7, 152(a1)\n\t"
        "fsd fs8, 160(a1); fsd fs9, 168(a1); fsd fs10, 176(a1); fsd fs11, 184(a1)\n\t"
        "ld s0, 0(sp); ld s1, 8(sp); ld s2, 16(sp); ld s3, 24(sp)\n\t"
        "ld s4, 32(sp); ld s5, 40(sp); ld s6, 48(sp); ld s7, 56(sp)\n\t"
        "ld s8, 64(sp); ld s9, 72(sp); ld s10, 80(sp); ld s11, 88(sp)\n\t"
        "fld fs0, 96(sp); fld fs1, 104(sp); fld fs2, 112(sp); fld fs3, 120(sp)\n\t"
        "fld fs4, 128(sp); fld fs5, 136(sp); fld fs6, 144(sp); fld fs7, 152(sp)\n\t"
        "fld fs8, 160(sp); fld fs9, 168(sp); fld fs10, 176(sp); fld fs11, 184(sp)\n\t"
        "addi sp, sp, 208\n\t"
        "ret");
#endif

#if defined(__x86_64__) || defined(__aarch64__) || defined(__riscv_float_abi_double)
/* Different ones for either side. */
static void fill(uint64_t in[PRESERVED], uint64_t seed)
{
        for (int i = 0; i < PRESERVED; i++)
                in[i] = seed * (uint64_t)(i + 1);
}

static void give_way_holding_others(struct coroutine *me)
{
        uint64_t in[PRESERVED], out[PRESERVED];

        fill(in, 1000003);
        for (int turn = 0; turn < 2; turn++) {
                cede__sanity_leave(&me->stack->sanity, &me->native, false);
                switch_holding(in, out, &me->context, me->caller);
                cede__sanity_arrive(&me->stack->sanity, false);
                for (int i = 0; i < PRESERVED; i++)
                        EXPECT_EQ(out[i], in[i]);
        }
}

TEST(each_preserved_register_survives)
{
        struct coroutine co = { 0 };
        uint64_t in[PRESERVED], out[PRESERVED];

        fill(in, UINT64_MAX / 7);
        create(&co, give_way_holding_others);
        for (int turn = 0; turn < 3; turn++) {
                cede__sanity_native(&co.native);
                cede__sanity_leave(&co.native, &co.stack->sanity, false);
                switch_holding(in, out, &co.caller, co.context);
                cede__sanity_arrive(&co.native, false);
                for (int i = 0; i < PRESERVED; i++)
                        EXPECT_EQ(out[i], in[i]);
        }
        destroy(&co);
        cede__stack_pool_finish(&pool);
}
#endif

/* Suspended deep inside other calls; the frames are all there afterwards. */
static int sum_down(struct coroutine *me, int n)
{
        volatile int mine = n;
        int below;

        if (n == 0) {
                give_way(me);
                return 0;
        }
        below = sum_down(me, n - 1);
        return below + mine;
}

static void sum_to_a_hundred(struct coroutine *me)
{
        me->number = sum_down(me, 100);
}

TEST(many_suspended_deep_inside)
{
        static struct coroutine cos[100];

        for (int i = 0; i < 100; i++) {
                create(&cos[i], sum_to_a_hundred);
                resume(&cos[i]);
        }
        for (int i = 99; i >= 0; i--) {
                resume(&cos[i]);
                EXPECT_EQ(cos[i].number, 5050);
                destroy(&cos[i]);
        }
        cede__stack_pool_finish(&pool);
}

/*
 * A task that is suspended in a function of a known name, and another that looks at it: for
 * tests/cli/gdb.py, which stops there.  By itself it shows that they come back.
 */
static struct cede_sem never;

CEDE__NOINLINE static int suspended_here(void)
{
        int r = cede_sem_acquire(&never);

        __asm__ volatile("" ::: "memory"); /* no tail call: the frame stays */
        return r;
}

static int called_by_task(void *arg)
{
        int r = suspended_here();

        *(int *)arg = r;
        return 0;
}

CEDE__NOINLINE static void look_at(struct cede_task *suspended)
{
        __asm__ volatile("" ::"r"(suspended) : "memory");
}

static int look_at_a_suspended_task(void *arg)
{
        struct cede_task *task;

        EXPECT_EQ(cede_spawn_with(NULL, NULL, called_by_task, arg, &task), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_sem_waiting(&never), 1);
        look_at(task);
        cede_sem_release(&never);
        return cede_task_join(task, NULL);
}

TEST(a_suspended_task_can_be_looked_at)
{
        int result = -1;

        EXPECT_EQ(cede_run(look_at_a_suspended_task, &result), 0);
        EXPECT_EQ(result, 0);
}
