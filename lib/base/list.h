/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive singly linked lists. A list is a pointer to its first item (NULL: empty) and the items
 * are linked by their member `next`, so a loop over a list is
 *
 *	for (const struct item *i = first; i; i = i->next)
 *
 * The macros evaluate their arguments more than once.
 */
#ifndef LUTRA_LIB_BASE_LIST_H
#define LUTRA_LIB_BASE_LIST_H

/* Adds an item in front of the others. */
#define LIST_PUSH(first, item)                                                                     \
	do {                                                                                       \
		(item)->next = (first);                                                            \
		(first) = (item);                                                                  \
	} while (0)

/* Takes an item, wherever it stands, off its list. */
#define LIST_REMOVE(first, item)                                                                   \
	do {                                                                                       \
		__typeof__(first) *list_at_ = &(first);                                            \
		while (*list_at_ && *list_at_ != (item))                                           \
			list_at_ = &(*list_at_)->next;                                             \
		if (*list_at_)                                                                     \
			*list_at_ = (item)->next;                                                  \
		(item)->next = NULL;                                                               \
	} while (0)

/* Takes the first item off the list and evaluates to it, or to NULL if the list is empty. */
#define LIST_POP(first)                                                                            \
	({                                                                                         \
		__typeof__(first) list_item_ = (first);                                            \
		if (list_item_) {                                                                  \
			(first) = list_item_->next;                                                \
			list_item_->next = NULL;                                                   \
		}                                                                                  \
		list_item_;                                                                        \
	})

/* A loop over a list whose body may remove and free i, but no other item. */
#define LIST_EACH_SAFE(i, first)                                                                   \
	for (__typeof__(first) i = (first), list_next_ = i ? i->next : NULL; i;                    \
	     i = list_next_, list_next_ = i ? i->next : NULL)

#endif
