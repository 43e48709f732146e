/* SPDX-License-Identifier: Apache-2.0 */
/* What an update brought. */
#include <errno.h>
#include <string.h>

#include "lib/names.h"
#include "trainer/report.h"

#define NAME_BYTES 512

/* Calls that a role makes newly. */
static bool print_calls(const struct policy *old, const struct policy *p, FILE *out)
{
	bool any = false;

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		const char *sep = "";

		for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
			char name[32];

			if (old->token[role][nr] != LUTRA_UNK || p->token[role][nr] == LUTRA_UNK)
				continue;
			if (!*sep)
				fprintf(out, "  new       %s makes ", role_name(role));
			fprintf(out, "%s%s", sep, nr_name(p->arch, nr, name, sizeof(name)));
			sep = ", ";
			any = true;
		}
		if (*sep)
			putc('\n', out);
	}
	return any;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Names of all objects, in order, NAME_BYTES each. NULL: out of memory. */
static char *object_names(const struct policy *p)
{
	char *names = calloc(p->n_objects + 1, NAME_BYTES);

	for (size_t i = 0; names && i < p->n_objects; i++)
		policy_object_name(p, p->objects[i], names + i * NAME_BYTES, NAME_BYTES);
	if (names)
		qsort(names, p->n_objects, NAME_BYTES, compare_names);
	return names;
}

/* Numbers of path nodes change; what they are called does not. */
static int print_objects(const struct policy *old, const struct policy *p, FILE *out)
{
	_cleanup_free_ char *before = object_names(old), *now = object_names(p);
	int any = 0;

	if (!before || !now)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_objects; i++) {
		const char *name = now + i * NAME_BYTES;

		if (bsearch(name, before, old->n_objects, NAME_BYTES, compare_names))
			continue;
		fprintf(out, "  new       %s\n", name);
		any = 1;
	}
	return any;
}

int report_news(const struct policy *old, const struct policy *p, FILE *out)
{
	bool calls = print_calls(old, p, out);
	int objects = print_objects(old, p, out);

	if (objects < 0)
		return objects;
	if (!calls && !objects)
		fputs("  new       nothing: no calls, no objects\n", out);
	fprintf(out, "  levels    A alerted above %.2f nat, now %.2f; B above %.3f, now %.3f\n",
		old->th_a / (20. * 4096), p->th_a / (20. * 4096), old->th_b / 4096.,
		p->th_b / 4096.);
	for (unsigned g = 0; g < LUTRA_G_COUNT; g++)
		if (old->action[g] != p->action[g])
			fprintf(out, "  rule      %s: %s, now %s\n", group_name(g),
				action_name(old->action[g]), action_name(p->action[g]));
	return 0;
}
