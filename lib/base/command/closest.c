/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/command/closest.h"

#include <string.h>

#define WORD_MAX 32 /* bytes; a longer word has no close name */
#define EDITS_MAX 2

static unsigned smaller_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

typedef unsigned edit_table[WORD_MAX + 1][WORD_MAX + 1];

/* Returns the edits between the first i bytes of a and the first k of b, from those of fewer bytes. */
static unsigned count_next(const edit_table edits, const char *a, size_t i, const char *b, size_t k)
{
	unsigned n = smaller_of(edits[i - 1][k], edits[i][k - 1]) + 1;

	n = smaller_of(n, edits[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
	if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
		n = smaller_of(n, edits[i - 2][k - 2] + 1);
	return n;
}

/* Returns the optimal string alignment distance of two words. Each has at most WORD_MAX bytes. */
static unsigned count_edits(const char *a, size_t na, const char *b, size_t nb)
{
	edit_table edits;

	for (size_t i = 0; i <= na; i++)
		for (size_t k = 0; k <= nb; k++)
			edits[i][k] = i == 0 || k == 0 ? (unsigned)(i + k)
						       : count_next(edits, a, i, b, k);
	return edits[na][nb];
}

const char *closest_name(const char *word, const void *names, size_t n, size_t stride)
{
	size_t len = strnlen(word, WORD_MAX + 1);
	unsigned fewest = EDITS_MAX + 1;
	const char *ret = NULL;

	if (len < 2 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *name;
		unsigned edits;

		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		if (strlen(name) > WORD_MAX)
			continue;
		edits = strncmp(name, word, len) == 0 ? 1
						      : count_edits(word, len, name, strlen(name));
		/* More edits than half of the word make another word of it. */
		if (edits < fewest && 2 * edits <= len) {
			fewest = edits;
			ret = name;
		}
	}
	return ret;
}
