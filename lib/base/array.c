/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow. */
#include "lib/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ITEMS 16

int array_reserve_bytes(void *array, size_t *size, size_t need, size_t item_bytes)
{
	size_t room = *size > FIRST_ITEMS / 2 ? *size * 2 : FIRST_ITEMS;
	char *p;

	if (need <= *size)
		return 0;
	if (room < need)
		room = need;
	memcpy(&p, array, sizeof(p)); /* array points to a pointer of any type */
	p = reallocarray(p, room, item_bytes);
	if (!p)
		return -ENOMEM;
	memset(p + *size * item_bytes, 0, (room - *size) * item_bytes);
	memcpy(array, &p, sizeof(p));
	*size = room;
	return 0;
}
