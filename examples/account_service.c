/* SPDX-License-Identifier: MIT */
/*
 * A service that creates accounts in a database.  Whatever happens, the caller gets a reply with a
 * status: that is where errors become words, once, at the edge of the service.
 *
 * The database is opened by the first call; the calls that come meanwhile wait for that, instead of
 * opening it too.  Keys are derived on a thread, since that would stop the loop for a while.  What
 * the database is asked has a deadline.
 *
 * A cancelled call replies as well, and the cancellation goes on: it is returned, not swallowed, so
 * that the caller stops, too.
 *
 * The database is simulated: opening it and asking it take so many seconds.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The database.  Its functions fail as those of a real one would. */

static int64_t opens = CEDE_SEC(1), answers = CEDE_SEC(1), patience = CEDE_SEC(3);
static long balance = 100;

struct database {
        struct cede_once opened;
        bool refuses, slow;
        long times_opened;
};

static int open_database(void *arg)
{
        struct database *db = arg;
        int r = cede_sleep(opens);

        if (r < 0)
                return r;
        if (db->refuses)
                return -ECONNREFUSED;
        db->times_opened++;
        return 0;
}

/* If the call that opens it fails, or is cancelled, the next of those that wait tries. */
static int get_database(struct database *db)
{
        int r = 0;

        CEDE_TIMEOUT(patience)
                r = cede_once_run(&db->opened, open_database, db);
        return r;
}

struct account {
        const char *key;
        uint64_t id, address;
        long balance;
};

static int insert(const struct database *db, struct account *account)
{
        int r = 0;

        CEDE_TIMEOUT(patience)
                r = cede_sleep(db->slow ? patience + answers : answers);
        if (r >= 0)
                account->balance = balance;
        return r;
}

/* The service. */

/* Stands for cryptography: so many rounds of FNV-1a that a loop does not want to wait for them. */
static uint64_t hash(const char *key, uint64_t h)
{
        for (int round = 0; round < 100000; round++)
                for (const char *at = key; *at; at++)
                        h = (h ^ (unsigned char)*at) * 0x100000001b3;
        return h;
}

/* Runs on a thread. */
static int derive(void *arg)
{
        struct account *account = arg;

        if (!account->key[0])
                return -EINVAL;
        account->id = hash(account->key, 0xcbf29ce484222325);
        account->address = hash(account->key, account->id);
        return 0;
}

static int try_to_create(struct database *db, struct account *account)
{
        int r = get_database(db);

        if (r >= 0)
                r = cede_offload(derive, account);
        if (r >= 0)
                r = insert(db, account);
        return r;
}

struct reply {
        const char *status, *message;
        struct account account;
};

static int create_account(struct database *db, const char *key, struct reply *ret_reply)
{
        struct account account = { .key = key };
        int r = try_to_create(db, &account);

        *ret_reply = (struct reply){ "UNKNOWN", "", account };
        if (r >= 0)
                ret_reply->status = "OK";
        if (r == -ECANCELED)
                ret_reply->status = "CANCELLED";
        if (r == -ECONNREFUSED) {
                ret_reply->status = "UNAVAILABLE";
                ret_reply->message = "Cannot connect to database";
        }
        if (r == -ETIMEDOUT) {
                ret_reply->status = "DEADLINE_EXCEEDED";
                ret_reply->message = "Database connection timed out";
        }
        return r == -ECANCELED ? r : 0;
}

/* The callers. */

enum { KEY_MAX = 40, CALLS_MAX = 1000 };

struct call {
        struct database *db;
        char key[KEY_MAX + 24]; /* and a number */
        struct reply reply;
        char when[32];
        int result;
};

static int call(void *arg)
{
        struct call *me = arg;

        me->result = create_account(me->db, me->key, &me->reply);
        snprintf(me->when, sizeof(me->when), "%s", elapsed());
        return me->result;
}

static void print_reply(const struct call *call)
{
        const struct reply *reply = &call->reply;
        const struct account *account = &reply->account;

        printf("t=%s %s", call->when, reply->status);
        if (reply->message[0])
                printf(" \"%s\"", reply->message);
        if (!strcmp(reply->status, "OK"))
                printf(" balance %ld account %016llx address %016llx", account->balance,
                       (unsigned long long)account->id, (unsigned long long)account->address);
        printf("%s\n", call->result == -ECANCELED ? ", and the caller is cancelled" : "");
}

static const struct variant {
        const char *name;
        bool refuses, slow, cancelled, nameless, several;
} variants[] = {
        { .name = "success" },
        { .name = "error", .refuses = true },
        { .name = "slow", .slow = true },
        { .name = "cancelled", .cancelled = true },
        { .name = "unknown", .nameless = true },
        { .name = "together", .several = true },
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static const char *key = "alice";
static long calls = 3;
static int64_t cancel_at = CEDE_MS(1500);
static int cancels; /* whether the time was given */

/* The calls, of which the first may be cancelled. */
static int make_calls(const struct variant *v, struct call *all, long n)
{
        struct cede_task *first = NULL;
        int r = 0;

        CEDE_SCOPE(callers, &r) {
                for (long i = 0; i < n && r >= 0; i++)
                        r = cede_spawn_with(&callers, NULL, call, &all[i], i ? NULL : &first);
                if (r >= 0 && (v->cancelled || cancels)) {
                        r = cede_sleep(cancel_at);
                        if (r >= 0)
                                cede_task_cancel(first);
                }
        }
        return r;
}

static int run_variant(const struct variant *v)
{
        struct database db = { .refuses = v->refuses, .slow = v->slow };
        long n = v->several ? calls : 1;
        struct call *all = calloc((size_t)n, sizeof(*all));
        int r;

        if (!all)
                return -ENOMEM;
        for (long i = 0; i < n; i++) {
                all[i].db = &db;
                if (!v->nameless)
                        snprintf(all[i].key, sizeof(all[i].key), v->several ? "%s %ld" : "%s", key,
                                 i + 1);
        }
        restart_clock();
        r = make_calls(v, all, n);
        for (long i = 0; i < n && r >= 0; i++)
                print_reply(&all[i]);
        if (r >= 0 && v->several)
                printf("database opened: %ld\n", db.times_opened);
        cede_once_finish(&db.opened);
        free(all);
        return r;
}

static int chosen = VARIANTS; /* all of them */

static int account_service(void *arg)
{
        int r = 0;

        (void)arg;
        if (strlen(key) > KEY_MAX)
                example_usage("a key has at most %d letters", KEY_MAX);
        if (chosen < VARIANTS)
                return run_variant(&variants[chosen]);
        for (int i = 0; i < VARIANTS && r >= 0; i++) {
                printf("%s\n", variants[i].name);
                r = run_variant(&variants[i]);
        }
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "variant", "success|error|slow|cancelled|unknown|together",
                  "only this one, without its name", .choice = &chosen },
                { "key", "TEXT", "whose account (alice)", .text = &key },
                { "balance", "N", "what is on a new account (100)", .number = &balance,
                  .max = 1000000000 },
                { "open", "S", "how long it takes to open the database (1)", .duration = &opens,
                  .max = 10000 },
                { "answer", "S", "how long it takes to answer (1)", .duration = &answers,
                  .max = 10000 },
                { "timeout", "S", "how long either may take (3)", .duration = &patience,
                  .max = 10000 },
                { "cancel", "S", "when the first call is cancelled (1.5, if it is)",
                  .duration = &cancel_at, .max = 10000, .given = &cancels },
                { "calls", "N", "how many calls there are together (3)", .number = &calls, .min = 1,
                  .max = CALLS_MAX },
                { 0 },
        };

        return example_main(argc, argv, "A service replies, whatever becomes of its database.",
                            options, account_service);
}
