/* SPDX-License-Identifier: MIT */
/*
 * wait/wait.h: the protocol of claim, finish and cancel, step by step, with parties and an object
 * that do nothing but write down what happens to them.
 */
#include "wait/wait.h"
#include "test.h"
#include <cede/sem.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* A party that never really sleeps: while it is blocked, `meanwhile` runs. */
struct stub {
        struct cede__party party;
        char name;
        void (*meanwhile)(struct stub *me);
        struct cede__waiter waiter;
        bool vanishes; /* returns at once when woken, and its waiter is gone */
};

/* What happened, a letter for each event; the small letter of the stub that it happened to. */
static char events[64];

static void note(char event, char whom)
{
        size_t n = strlen(events);

        EXPECT(n + 3 < sizeof(events));
        events[n] = event;
        events[n + 1] = whom;
}

static struct stub *stub_of(struct cede__party *party)
{
        return cede__container_of(party, struct stub, party);
}

static void block(struct cede__party *party)
{
        note('B', stub_of(party)->name);
        if (stub_of(party)->meanwhile)
                stub_of(party)->meanwhile(stub_of(party));
}

static void finish(struct cede__party *party, int result)
{
        EXPECT_EQ(party->cell, CEDE__CLAIMED); /* by whoever finishes it */
        party->result = result;
        party->cell = CEDE__DONE;
        note('K', stub_of(party)->name);
        if (stub_of(party)->vanishes)
                memset(&stub_of(party)->waiter, 0xee, sizeof(struct cede__waiter));
}

static struct cede_scope scope = { .due = CEDE_NEVER };

static const struct cede__party_kind stub_kind = { block, finish, true, false };

static void withdraw(struct cede__waiter *w)
{
        /* The cell is the canceller's until it is done here. */
        EXPECT_EQ(w->party->cell, CEDE__CLAIMED);
        note('W', stub_of(w->party)->name);
}

static void resort(struct cede__waiter *w)
{
        note('S', stub_of(w->party)->name);
}

static const struct cede__waitable object = { "object", withdraw, resort, NULL, NULL };
static const struct cede__waitable stubborn = { "stubborn", NULL, NULL, NULL, NULL };

static struct stub a, b, c;

static void reset(void)
{
        a = (struct stub){ .party = { .kind = &stub_kind, .scope = &scope }, .name = 'a' };
        b = (struct stub){ .party = { .kind = &stub_kind, .scope = &scope }, .name = 'b' };
        c = (struct stub){ .party = { .kind = &stub_kind, .scope = &scope }, .name = 'c' };
        memset(events, 0, sizeof(events));
}

static void begin(struct stub *s, const struct cede__waitable *kind)
{
        cede__wait_begin(&s->waiter, &s->party, kind, events, 7, NULL);
}

TEST(begin_makes_the_wait_known)
{
        reset();
        begin(&a, &object);
        EXPECT(a.party.waiter == &a.waiter);
        EXPECT(a.waiter.party == &a.party && a.waiter.object == events && a.waiter.need == 7);
        EXPECT(!cede__waitq_linked(&a.waiter.node));
        EXPECT_EQ(a.party.cell, CEDE__WAITING);
}

TEST(a_party_can_forget_what_it_has_claimed_itself)
{
        reset();
        begin(&a, &object);
        EXPECT(cede__claim(&a.party));
        cede__wait_forget(&a.party);
        EXPECT(!a.party.waiter);
        EXPECT(!cede__claim(&a.party));
        EXPECT(!cede__wait_cancel(&a.party, -ECANCELED));
        EXPECT_STR(events, "");
}

TEST(nobody_claims_a_party_that_does_not_wait)
{
        reset();
        EXPECT(!cede__claim(&a.party));
}

TEST(one_claim_wins)
{
        reset();
        begin(&a, &object);
        EXPECT(cede__claim(&a.party));
        EXPECT(!cede__claim(&a.party));
        cede__wait_finish(&a.party, 0);
        EXPECT(!cede__claim(&a.party));
}

TEST(each_wait_is_claimed_anew)
{
        reset();
        for (int i = 0; i < 3; i++) {
                begin(&a, &object);
                EXPECT(cede__claim(&a.party));
                cede__wait_finish(&a.party, i);
                EXPECT_EQ(cede__wait(&a.party), i);
        }
}

static void grant_me(struct stub *me)
{
        EXPECT(cede__claim(&me->party));
        cede__wait_finish(&me->party, 42);
}

TEST(wait_returns_the_result_when_finished)
{
        reset();
        a.meanwhile = grant_me;
        begin(&a, &object);
        EXPECT_EQ(cede__wait(&a.party), 42);
        EXPECT(!a.party.waiter);
        EXPECT_STR(events, "BaKa");
}

static void cancel_me(struct stub *me)
{
        EXPECT(cede__wait_cancel(&me->party, -ECANCELED));
        EXPECT(!cede__wait_cancel(&me->party, -ETIMEDOUT));
}

TEST(cancel_withdraws_then_wakes)
{
        reset();
        a.meanwhile = cancel_me;
        begin(&a, &object);
        EXPECT_EQ(cede__wait(&a.party), -ECANCELED);
        EXPECT_STR(events, "BaWaKa");
}

static void grant_and_cancel_me(struct stub *me)
{
        EXPECT(cede__claim(&me->party)); /* the first step of a grant */
        EXPECT(!cede__wait_cancel(&me->party, -ECANCELED));
        cede__wait_finish(&me->party, 0);
}

TEST(a_grant_beats_a_cancel)
{
        reset();
        a.meanwhile = grant_and_cancel_me;
        begin(&a, &object);
        EXPECT_EQ(cede__wait(&a.party), 0);
        EXPECT_STR(events, "BaKa");
}

TEST(cancel_of_nothing_does_nothing)
{
        reset();
        EXPECT(!cede__wait_cancel(&a.party, -ECANCELED));
        EXPECT_STR(events, "");
}

TEST(what_cannot_be_cancelled_can_still_be_granted)
{
        reset();
        begin(&a, &stubborn);
        EXPECT(!cede__wait_cancel(&a.party, -ECANCELED));
        EXPECT(cede__claim(&a.party));
        EXPECT_STR(events, "");
}

TEST(resort_asks_the_object_waited_on)
{
        reset();
        cede__wait_resort(&a.party); /* does not wait */
        begin(&a, &stubborn);
        cede__wait_resort(&a.party); /* on something without an order */
        EXPECT_STR(events, "");
        begin(&a, &object);
        cede__wait_resort(&a.party);
        EXPECT_STR(events, "Sa");
}

/* Whoever granted it may have freed the object since. */
TEST(resort_leaves_the_object_alone_once_the_wait_is_over)
{
        reset();
        begin(&a, &object);
        EXPECT(cede__claim(&a.party));
        a.party.cell = CEDE__DONE;
        cede__wait_resort(&a.party);
        EXPECT_STR(events, "");
}

TEST(grants_finish_in_order_though_each_waiter_vanishes)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);
        struct stub *all[] = { &c, &a, &b };

        reset();
        for (int i = 0; i < 3; i++) {
                all[i]->vanishes = true;
                begin(all[i], &object);
                EXPECT(cede__claim(&all[i]->party));
                cede__grants_add(&granted, &all[i]->waiter);
        }
        cede__grants_finish(&granted, 0);
        EXPECT_STR(events, "KcKaKb");
}

TEST(no_grants_finish_nobody)
{
        struct cede__grants granted = CEDE__GRANTS_INIT(granted);

        reset();
        cede__grants_finish(&granted, 0);
        EXPECT_STR(events, "");
}

/*
 * The semaphore, met by a canceller half-way.  Several stubs wait at a time because each starts the
 * next one's wait while it is blocked: acquire() calls nest.
 */
static struct cede_sem sem;
static int result_of_b;

static int acquire(struct stub *s, long n)
{
        struct cede__party *outer = cede__self;
        int r;

        cede__self = &s->party;
        r = cede_sem_acquire_n(&sem, n);
        cede__self = outer;
        return r;
}

/* The waiter lies on the stack of acquire, not in the stub. */
static void cancel_in_two_steps(struct stub *me, void (*between)(void))
{
        struct cede__waiter *w = me->party.waiter;

        EXPECT(cede__claim(&me->party));
        between();
        w->kind->withdraw(w);
        cede__wait_finish(&me->party, -ECANCELED);
}

static void release_one(void)
{
        cede_sem_release(&sem);
}

static void release_finds_me_half_cancelled(struct stub *me)
{
        cancel_in_two_steps(me, release_one);
}

TEST(release_passes_over_one_who_is_being_cancelled)
{
        reset();
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
        a.meanwhile = release_finds_me_half_cancelled;
        EXPECT_EQ(acquire(&a, 1), -ECANCELED);
        EXPECT_EQ(cede_sem_value(&sem), 1);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
}

static void half_cancel_a_then_release(struct stub *me)
{
        (void)me;
        cancel_in_two_steps(&a, release_one);
}

static void b_queues_behind(struct stub *me)
{
        (void)me;
        result_of_b = acquire(&b, 1);
}

TEST(release_goes_to_the_next_behind_one_who_is_being_cancelled)
{
        reset();
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
        a.meanwhile = b_queues_behind;
        b.meanwhile = half_cancel_a_then_release;
        EXPECT_EQ(acquire(&a, 1), -ECANCELED);
        EXPECT_EQ(result_of_b, 0);
        EXPECT_EQ(cede_sem_value(&sem), 0);
        EXPECT_STR(events, "BaBbKbKa");
}

static void cancel_a(struct stub *me)
{
        (void)me;
        EXPECT(cede__wait_cancel(&a.party, -ECANCELED));
}

TEST(cancelling_a_large_request_lets_a_small_one_pass)
{
        reset();
        EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
        a.meanwhile = b_queues_behind;
        b.meanwhile = cancel_a;
        EXPECT_EQ(acquire(&a, 3), -ECANCELED);
        EXPECT_EQ(result_of_b, 0);
        EXPECT_EQ(cede_sem_value(&sem), 0);
}

/* The same cell, by two real threads at the same moment, as far as that can be had. */

enum { OVER = INT32_MAX }; /* the round after the last */

static atomic_int round_begun, round_claimed;
static atomic_int winners;

static void wait_until(atomic_int *counter, int value)
{
        for (int looks = 0; atomic_load(counter) < value; looks++)
                if (looks > 1000)
                        sched_yield();
}

static void *claim_each_round(void *arg)
{
        for (int i = 1;; i++) {
                wait_until(&round_begun, i);
                if (atomic_load(&round_begun) == OVER)
                        return arg;
                if (cede__claim(&a.party))
                        atomic_fetch_add(&winners, 1);
                atomic_store(&round_claimed, i);
        }
}

TEST(one_of_two_threads_claims)
{
        int rounds = test_slowed() ? 1000 : 30000;
        pthread_t thread;

        reset();
        EXPECT_EQ(pthread_create(&thread, NULL, claim_each_round, NULL), 0);
        for (int i = 1; i == 1 || (i <= rounds && test_has_time()); i++) {
                begin(&a, &object);
                atomic_store(&round_begun, i);
                /* The other one sees it a little later; how much is different each time. */
                for (volatile int delay = 0; delay < i % 300; delay++)
                        ;
                if (cede__claim(&a.party))
                        atomic_fetch_add(&winners, 1);
                wait_until(&round_claimed, i);
                EXPECT_EQ(atomic_exchange(&winners, 0), 1);
                cede__wait_forget(&a.party); /* or the next begin would be one more of this */
        }
        atomic_store(&round_begun, OVER);
        pthread_join(thread, NULL);
}
