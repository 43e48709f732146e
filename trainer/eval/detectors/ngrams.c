/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of n-grams, each with the training run that had it. */
#include "trainer/eval/detectors/ngrams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"

#define NGRAMS_MANY UINT32_MAX /* more than one run had the n-gram */

int ngrams_init(struct ngrams *g)
{
	memset(g, 0, sizeof(*g));
	return intern_new(&g->names);
}

void ngrams_done(struct ngrams *g)
{
	intern_free(g->names);
	free(g->run);
	memset(g, 0, sizeof(*g));
}

int ngrams_add(struct ngrams *g, const void *calls, size_t bytes, size_t run)
{
	uint32_t before = intern_count(g->names), i;
	int r = intern_add(g->names, calls, bytes, &i);

	if (r < 0)
		return r;
	if (i == before) {
		if (ARRAY_RESERVE(g->run, g->size, i + 1) < 0)
			return -ENOMEM;
		g->run[i] = (uint32_t)run;
	} else if (g->run[i] != run) {
		g->run[i] = NGRAMS_MANY;
	}
	return 0;
}

bool ngrams_known(const struct ngrams *g, const void *calls, size_t bytes, size_t without)
{
	uint32_t i;

	return intern_find(g->names, calls, bytes, &i) && g->run[i] != without;
}
