/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the names apart by a hash of 64 bits: two that are equal cost one directory its second name. */
#include "trainer/data/names/numbered_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lutra/score_path.h"

int numbered_names_init(struct numbered_names *n)
{
	return intern_new(&n->directories);
}

void numbered_names_done(struct numbered_names *n)
{
	intern_free(n->directories);
	free(n->name);
	memset(n, 0, sizeof(*n));
}

/* Returns a hash of a name that is too short to be cut. */
static uint64_t hash_name(const char *name, size_t len)
{
	static const __u64 key[2];
	_Alignas(8) char padded[LUTRA_NAME] = {0};

	memcpy(padded, name, len);
	return lutra_component_key(padded, (uint32_t)len, key, 1);
}

int numbered_names_add(struct numbered_names *n, const char *path, size_t path_len,
		       const char *name, size_t name_len)
{
	uint32_t known = intern_count(n->directories), i;
	uint64_t hash;
	int r;

	if (name_len >= LUTRA_NAME)
		return 0;
	r = intern_add(n->directories, path, path_len, &i);
	if (r == 0)
		r = ARRAY_RESERVE(n->name, n->size, i + 1u);
	if (r < 0)
		return r;
	hash = hash_name(name, name_len);
	if (i == known)
		n->name[i] = (struct numbered_name){.first = hash};
	n->name[i].several |= n->name[i].first != hash;
	return 0;
}
