/* SPDX-License-Identifier: MIT */
/* base/list.h */
#include "base/list.h"
#include "base/compiler.h"
#include "test.h"
#include <stdio.h>

/* A list of letters. */
struct item {
        char letter;
        struct cede__list link;
};

static struct item items[5] = { { .letter = 'a' },
                                { .letter = 'b' },
                                { .letter = 'c' },
                                { .letter = 'd' },
                                { .letter = 'e' } };

static struct cede__list *link_of(char letter)
{
        return &items[letter - 'a'].link;
}

static void append(struct cede__list *head, const char *letters)
{
        cede__list_init(head);
        for (; *letters; letters++)
                cede__list_insert(head, link_of(*letters));
}

/* The letters forwards; that they are the same backwards is checked on the way. */
static const char *letters_of(struct cede__list *head)
{
        static char text[8];
        size_t n = 0;

        cede__list_for_each(link, head) {
                EXPECT(link->next->prev == link && link->prev->next == link);
                text[n++] = cede__container_of(link, struct item, link)->letter;
        }
        text[n] = 0;
        return text;
}

TEST(starts_empty)
{
        struct cede__list head;

        cede__list_init(&head);
        EXPECT(cede__list_empty(&head));
        EXPECT_STR(letters_of(&head), "");
}

TEST(insert_at_the_head_appends)
{
        struct cede__list head;

        append(&head, "abc");
        EXPECT(!cede__list_empty(&head));
        EXPECT_STR(letters_of(&head), "abc");
}

TEST(insert_at_an_element_goes_in_front_of_it)
{
        struct cede__list head;

        append(&head, "abc");
        cede__list_insert(link_of('b'), link_of('d'));
        cede__list_insert(link_of('a'), link_of('e'));
        EXPECT_STR(letters_of(&head), "eadbc");
}

TEST(removal_from_anywhere)
{
        struct cede__list head;

        append(&head, "abcde");
        cede__list_remove(link_of('c'));
        EXPECT_STR(letters_of(&head), "abde");
        cede__list_remove(link_of('a'));
        cede__list_remove(link_of('e'));
        EXPECT_STR(letters_of(&head), "bd");
        cede__list_remove(link_of('b'));
        cede__list_remove(link_of('d'));
        EXPECT(cede__list_empty(&head));
}

TEST(splice_appends_all_and_empties_the_source)
{
        struct cede__list to, from;

        append(&to, "ab");
        append(&from, "cde");
        cede__list_splice(&to, &from);
        EXPECT_STR(letters_of(&to), "abcde");
        EXPECT(cede__list_empty(&from));
}

TEST(splice_into_an_empty_list)
{
        struct cede__list to, from;

        append(&to, "");
        append(&from, "ab");
        cede__list_splice(&to, &from);
        EXPECT_STR(letters_of(&to), "ab");
}

TEST(splice_of_an_empty_list_changes_nothing)
{
        struct cede__list to, from;

        append(&to, "ab");
        append(&from, "");
        cede__list_splice(&to, &from);
        EXPECT_STR(letters_of(&to), "ab");
        EXPECT(cede__list_empty(&from));
}
