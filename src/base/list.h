/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked list with the links inside the elements.  The head is a link too, so
 * neither insertion nor removal has a special case.  struct cede__list is public because scopes
 * embed it.
 */
#ifndef CEDE_BASE_LIST_H
#define CEDE_BASE_LIST_H

#include <cede/internal.h>
#include <stdbool.h>

static inline void cede__list_init(struct cede__list *head)
{
        head->next = head->prev = head;
}

static inline bool cede__list_empty(const struct cede__list *head)
{
        return head->next == head;
}

/* Puts `link` in front of `at`: before an element, or at the tail when `at` is the head. */
static inline void cede__list_insert(struct cede__list *at, struct cede__list *link)
{
        link->next = at;
        link->prev = at->prev;
        at->prev->next = link;
        at->prev = link;
}

static inline void cede__list_remove(struct cede__list *link)
{
        link->prev->next = link->next;
        link->next->prev = link->prev;
}

/* Moves all of `from` to the tail of `to`; `from` is empty afterwards. */
static inline void cede__list_splice(struct cede__list *to, struct cede__list *from)
{
        if (cede__list_empty(from))
                return;
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        cede__list_init(from);
}

#define cede__list_for_each(link, head)                                                            \
        for (struct cede__list *link = (head)->next; link != (head); link = link->next)

#endif
