/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays on the heap that grow: a pointer, and the number of items there is room for. */
#ifndef LUTRA_LIB_BASE_ARRAY_H
#define LUTRA_LIB_BASE_ARRAY_H

#include <stddef.h>

/*
 * Makes room for at least need items; array is the pointer to the first item, size (a size_t) is
 * the number of items that fit now. Both start as zero and the caller frees array. New items are
 * zero bytes. Growing doubles the room, so adding items one by one takes linear time.
 *
 * Returns 0, or -ENOMEM: out of memory, or need items exceed the address space. Then both stay.
 */
#define ARRAY_RESERVE(array, size, need)                                                           \
	array_reserve_bytes(&(array), &(size), (need), sizeof(*(array)))

/* ARRAY_RESERVE() without the types. array: address of the pointer to the first item. */
int array_reserve_bytes(void *array, size_t *size, size_t need, size_t item_bytes);

#endif
