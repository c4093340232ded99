/* SPDX-License-Identifier: MIT */
/*
 * A crawler fetches every page of a site that links lead to, each page once, and K at a time.
 *
 * There is a task for each page, and one scope owns them all: whoever finds a link to a page that
 * nobody has seen spawns the task for it.  So the crawl is over when the scope's last child has
 * ended, and nobody needs to count what is still under way.
 *
 * The scope's limit says how many are fetched at a time.  A page that was found and not begun is a
 * small record in its queue, and not a task with a stack, however many there are.
 */
#include "example.h"

#include <cede.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The site.  Pages are numbered; page 0 is the first one. */

enum { STAR, CLIQUE, CHAIN, TREE };

static int site = STAR;
static long pages = 10;

static long links_on(long page)
{
        switch (site) {
        case STAR:
                return page == 0 ? pages : 1;
        case CLIQUE:
                return pages;
        case CHAIN:
                return 2;
        default:
                return 3;
        }
}

/* Where a link of a page leads to.  A number that is no page's leads out of the site. */
static long target(long page, long link)
{
        switch (site) {
        case CHAIN:
                return link ? page - 1 : page + 1;
        case TREE:
                return link ? 2 * page + link : (page - 1) / 2;
        default:
                return link;
        }
}

/* The crawl. */

static long permits = 4;
static int64_t takes = CEDE_MS(15);

static struct cede_scope *crawl;
static bool *seen;
static long fetched;

static int fetch(void *arg);

/* Between the question and the mark there is no checkpoint, so no other task asks meanwhile. */
static int follow(long page)
{
        if (page < 0 || page >= pages || seen[page])
                return 0;
        seen[page] = true;
        return cede_spawn(crawl, fetch, (void *)(intptr_t)page);
}

static int fetch(void *arg)
{
        long page = (long)(intptr_t)arg;
        int r = cede_sleep(takes); /* the network */

        if (r < 0)
                return r;
        fetched++;
        for (long link = 0; link < links_on(page) && r >= 0; link++)
                r = follow(target(page, link));
        return r;
}

static int crawl_site(void)
{
        struct cede_limit limit;
        int r = cede_limit_init(&limit, permits, CEDE_FIFO);

        if (r < 0)
                return r;
        CEDE_SCOPE_WITH(all, &r, &(struct cede_scope_options){ .limit = &limit })
        {
                crawl = &all;
                r = follow(0);
        }
        cede_limit_finish(&limit);
        return r;
}

static int web_crawler(void *arg)
{
        int64_t begin = cede_now();
        int r;

        (void)arg;
        seen = calloc((size_t)pages, sizeof(seen[0]));
        if (!seen)
                return -ENOMEM;
        r = crawl_site();
        free(seen);
        if (r >= 0)
                printf("pages=%ld end_ms=%lld\n", fetched,
                       (long long)((cede_now() - begin) / CEDE_MS(1)));
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "site", "star|clique|chain|tree",
                  "the first page has links to all (the default); each to all; each to its "
                  "neighbours; each to two more",
                  .choice = &site },
                { "pages", "N", "how many pages it has (10)", .number = &pages, .min = 1,
                  .max = 20000 },
                { "permits", "K", "how many are fetched at a time (4)", .number = &permits,
                  .min = 1, .max = 1000000 },
                { "seconds", "S", "how long it takes to fetch one (0.015)", .duration = &takes,
                  .max = 1000 },
                { 0 },
        };

        return example_main(argc, argv, "All pages of a site are fetched, each once.", options,
                            web_crawler);
}
