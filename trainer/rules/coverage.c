/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through the runs in order and remembers what was seen. */
#include "trainer/rules/coverage.h"

#include <stdlib.h>

#include "lib/base/text.h"
#include "trainer/rules/objects.h"

/* What the runs so far have done. */
struct coverage {
	bool call[LUTRA_ROLES][LUTRA_NR];
	bool object[]; /* by index in p->objects */
};

/* Returns how many (role, system call) are new, and marks them. */
static uint64_t count_new_syscalls(const struct run_counts *c, struct coverage *known)
{
	uint64_t n = 0;

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
			n += c->calls[role][nr] && !known->call[role][nr];
			known->call[role][nr] |= c->calls[role][nr] != 0;
		}
	}
	return n;
}

/* Returns true if the token is the policy's and no object had it before, and marks it. */
static bool is_first_sight(const struct policy *p, uint64_t token, struct coverage *known)
{
	const uint64_t *at =
		bsearch(&token, p->objects, p->n_objects, sizeof(token), policy_compare_objects);
	bool first = at && !known->object[at - p->objects];

	if (at)
		known->object[at - p->objects] = true;
	return first;
}

/* Returns how many object tokens are new, and marks them. */
static uint64_t count_new_objects(const struct corpus *corpus, const struct run_counts *c,
				  const struct policy *p, const struct lutra_policy *image,
				  struct coverage *known)
{
	uint32_t n_objects = intern_count(corpus->names.objects);
	uint64_t n = 0;

	for (uint32_t i = 0; i < n_objects; i++) {
		for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
			struct lutra_judgement j = {0};

			if (!(c->object_roles[i] >> role & 1))
				continue;
			objects_judge(corpus, i, role, image, &j);
			n += is_first_sight(p, j.token, known);
		}
	}
	return n;
}

int coverage_to_json(const struct corpus *corpus, const struct run_counts *counts,
		     const struct policy *p, const struct policy_unseen *unseen, json_t **ret,
		     struct err *err)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_free_ struct coverage *known = calloc(1, sizeof(*known) + p->n_objects);
	json_auto_t *runs = json_array();
	int r;

	if (!image || !known || !runs)
		return err_oom(err);
	r = policy_to_kernel(p, 1, image, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_known_tokens; i++)
		is_first_sight(p, p->known_tokens[i], known);
	for (size_t i = 0; i < corpus->n_runs; i++) {
		const struct run *run = &corpus->runs[i];
		json_int_t calls = (json_int_t)count_new_syscalls(&counts[i], known);
		json_int_t objects =
			(json_int_t)count_new_objects(corpus, &counts[i], p, image, known);

		json_array_append_new(runs, json_pack("{s:o, s:I, s:I, s:f, s:I, s:I}", "file",
						      text_json_keep(run->file), "calls",
						      (json_int_t)run->calls, "objects",
						      (json_int_t)run->objects, "seconds",
						      run->length_ms / 1e3, "new_calls", calls,
						      "new_objects", objects));
	}
	*ret = json_pack("{s:O, s:o}", "runs", runs, "unseen", policy_unseen_encode(unseen));
	return *ret ? 0 : err_oom(err);
}
