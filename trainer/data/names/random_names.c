/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the names apart by a hash of 64 bits: two that are equal cost one directory a name. */
#include "trainer/data/names/random_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lutra/score_path.h"

int random_names_init(struct random_names *n)
{
	return intern_new(&n->directories);
}

void random_names_done(struct random_names *n)
{
	intern_free(n->directories);
	free(n->directory);
	memset(n, 0, sizeof(*n));
}

/*
 * Hashes a name with "#" for each row of digits, so that a counter does not count. Returns false if no
 * letter is directly beside a digit.
 */
static bool hash_letters(const char *name, size_t len, uint64_t *ret)
{
	static const __u64 key[2];
	_Alignas(8) char letters[LUTRA_NAME] = {0};
	uint32_t n = 0;
	bool mixed = false;

	for (size_t i = 0; i < len; i++) {
		bool digit = isdigit((unsigned char)name[i]);
		bool after = i && isdigit((unsigned char)name[i - 1]);

		mixed |= i && digit != after && isalnum((unsigned char)name[i]) &&
			 isalnum((unsigned char)name[i - 1]);
		if (!digit || !after)
			letters[n++] = digit ? '#' : name[i];
	}
	*ret = lutra_component_key(letters, n, key, 1);
	return mixed;
}

/* Makes room for one more name, all zeros. Returns false if there is none for this run. */
static bool make_room(struct random_directory *d, size_t run)
{
	if (d->run != run)
		d->n_of_run = 0;
	d->run = run;
	if (d->n == RANDOM_NAMES_KEPT || d->n_of_run == RANDOM_NAMES_OF_RUN)
		return false;
	d->n_of_run++;
	d->n++;
	return true;
}

int random_names_add(struct random_names *n, const char *path, size_t path_len, const char *name,
		     size_t name_len, size_t run)
{
	struct random_directory *d;
	uint32_t known, i;
	uint64_t hash;
	unsigned k = 0;
	int r;

	if (run >= RANDOM_NAMES_RUNS || name_len >= LUTRA_NAME ||
	    !hash_letters(name, name_len, &hash))
		return 0;
	known = intern_count(n->directories);
	r = intern_add(n->directories, path, path_len, &i);
	if (r == 0)
		r = ARRAY_RESERVE(n->directory, n->size, i + 1u);
	if (r < 0)
		return r;
	d = &n->directory[i];
	if (i == known)
		memset(d, 0, sizeof(*d));
	d->runs |= 1ull << run;
	while (k < d->n && d->name[k].hash != hash)
		k++;
	if (k == d->n && !make_room(d, run))
		return 0;
	d->name[k].hash = hash;
	d->name[k].runs |= 1ull << run;
	return 0;
}

bool random_names_vary(const struct random_names *n, uint32_t i)
{
	const struct random_directory *d = &n->directory[i];
	uint64_t first = 0;

	for (unsigned k = 0; k < d->n; k++) {
		if (d->name[k].runs == d->runs)
			continue;
		if (first && d->name[k].runs != first)
			return true;
		first = d->name[k].runs;
	}
	return false;
}
