/* SPDX-License-Identifier: MIT */
/*
 * A monitor: data that is touched only by functions that lock its mutex, and a condition for those
 * who have to wait until the data is as they need it.
 *
 * Each account has a task that pays from it to the next account, as soon as there is enough.  From
 * outside, a payment is one step: the sum is the same at all times, and no balance is ever below
 * zero.  With --rash nobody waits until there is enough.
 *
 * It ends: all tasks pay the same amounts in the same order, none above what an account has at
 * first.  So as long as nobody has finished, some account has enough; and who comes next after one
 * that has finished has been paid all that it has to pay.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

enum { ACCOUNTS_MAX = 1000 };

/* The monitor */

struct bank {
        struct cede_mutex mutex;
        struct cede_condition changed;
        long accounts, balances[ACCOUNTS_MAX]; /* this and the rest: under the mutex */
        long payments, lowest, least, most;    /* so far: balance, and sum */
};

struct payment {
        struct bank *bank;
        long from, amount;
};

static bool is_enough(void *arg)
{
        const struct payment *p = arg;

        return p->bank->balances[p->from] >= p->amount;
}

static void audit(struct bank *bank)
{
        long sum = 0;

        for (long i = 0; i < bank->accounts; i++) {
                sum += bank->balances[i];
                bank->lowest = bank->balances[i] < bank->lowest ? bank->balances[i] : bank->lowest;
        }
        bank->least = sum < bank->least ? sum : bank->least;
        bank->most = sum > bank->most ? sum : bank->most;
}

static int pay(struct payment *p, bool waits)
{
        struct bank *bank = p->bank;
        int r = cede_mutex_lock(&bank->mutex);

        if (r < 0)
                return r;
        if (waits)
                r = cede_condition_wait_for(&bank->changed, &bank->mutex, is_enough, p);
        if (r >= 0) {
                bank->balances[p->from] -= p->amount;
                bank->balances[(p->from + 1) % bank->accounts] += p->amount;
                bank->payments++;
                audit(bank);
                cede_condition_notify_all(&bank->changed);
        }
        cede_mutex_unlock(&bank->mutex);
        return r;
}

/* Its users */

static struct bank bank;
static long accounts = 4, transfers = 1000, balance = 100;
static bool rash;
enum { TASKS, THREADS };
static int with = TASKS;

static int pay_often(void *from)
{
        struct payment p = { .bank = &bank, .from = (long)(intptr_t)from };
        unsigned long drawn = 1;
        int r = 0;

        for (long i = 0; i < transfers && r >= 0; i++) {
                drawn = (drawn * 48271) % 2147483647; /* Park, Miller, 1988 */
                p.amount = 1 + (long)(drawn % (unsigned long)balance);
                r = pay(&p, !rash);
        }
        return r;
}

static int pay_in_tasks(void)
{
        int r = 0;

        CEDE_SCOPE(all, &r) {
                for (long i = 0; i < accounts && r >= 0; i++)
                        r = cede_spawn(&all, pay_often, (void *)(intptr_t)i);
        }
        return r;
}

static int pay_in_threads(void)
{
        static void *numbers[ACCOUNTS_MAX];

        for (long i = 0; i < accounts; i++)
                numbers[i] = (void *)(intptr_t)i;
        return run_threads((int)accounts, pay_often, numbers);
}

static int monitor(void *arg)
{
        int r;

        (void)arg;
        bank.accounts = accounts;
        for (long i = 0; i < accounts; i++)
                bank.balances[i] = balance;
        bank.lowest = balance;
        bank.least = bank.most = accounts * balance;
        r = with == TASKS ? pay_in_tasks() : pay_in_threads();
        if (r >= 0)
                printf("transfers=%ld sum=%ld..%ld lowest=%ld\n", bank.payments, bank.least,
                       bank.most, bank.lowest);
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "accounts", "N", "how many accounts, each with its task (4)", .number = &accounts,
                  .min = 1, .max = ACCOUNTS_MAX },
                { "transfers", "N", "how often each task pays (1000)", .number = &transfers,
                  .max = 1000000 },
                { "balance", "N", "of each account at first; the highest amount (100)",
                  .number = &balance, .min = 1, .max = 1000000 },
                { "with", "tasks|threads", "who pays (tasks)", .choice = &with, .real = "threads" },
                { "rash", NULL, "do not wait until there is enough", .flag = &rash },
                { 0 },
        };

        return example_main(argc, argv, "Accounts in a monitor: paying waits for money.", options,
                            monitor);
}
