/* SPDX-License-Identifier: Apache-2.0 */
/* Why an alert came: what training had seen in its place, by the policy as it is on disk now. */
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lutra/object_token.h"
#include "user/api/routes/api_impl.h"

#define OBJECTS_MAX 12
#define OBJECT_TEXT 1400

/* ---- syscalls ---- */

/* Returns the name of the syscall that a token stands for; NULL: PAD or UNK. */
static const char *name_of_token(const struct policy *p, unsigned token, char buf[static 32])
{
	for (unsigned role = 0; token >= LUTRA_TOKEN0 && role < LUTRA_ROLES; role++)
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			if (p->token[role][nr] == token)
				return syscall_name(p->arch, nr, buf, 32);
	return NULL;
}

json_t *api_successors_json(const struct policy *p, unsigned token)
{
	json_t *list = json_array();
	char buf[32];

	for (unsigned i = 0; token < p->v && i < POLICY_SUCCESSORS; i++) {
		unsigned next = p->successors[token * POLICY_SUCCESSORS + i];
		const char *call = name_of_token(p, next, buf);

		if (call)
			json_array_append_new(list, json_string(call));
	}
	return list;
}

/* Returns the token of an entry of the history, as lutra_syscall_token(); 0 (PAD): not known. */
static unsigned token_of_entry(const struct policy *p, const json_t *entry)
{
	const char *call = json_string_value(json_object_get(entry, "call"));
	const char *role = json_string_value(json_object_get(entry, "role"));
	unsigned nr, n;

	if (!call || !role || syscall_parse(p->arch, call, &nr) < 0 || nr >= LUTRA_NR ||
	    role_parse(role, &n) < 0)
		return 0;
	if (n == LUTRA_ROLE_ANY || (n == LUTRA_ROLE_SESSION && p->token[n][nr] == LUTRA_UNK))
		for (n = 0; n < LUTRA_ROLE_SESSION - 1 && p->token[n][nr] == LUTRA_UNK;)
			n++;
	return p->token[n][nr];
}

/* The syscalls of the history with a weight, each with those that usually follow its forerunner. */
static json_t *why_syscalls_json(const struct policy *p, const json_t *history)
{
	json_t *list = json_array();

	for (size_t i = 1; i < json_array_size(history); i++) {
		const json_t *now = json_array_get(history, i);
		json_t *before = json_array_get(history, i - 1);

		if (!json_integer_value(json_object_get(now, "weight")) &&
		    !json_is_true(json_object_get(now, "novel")))
			continue;
		json_array_append_new(list,
				      json_pack("{s:i, s:O, s:O, s:O, s:O, s:o}", "position",
						(int)i, "after", json_object_get(before, "call"),
						"came", json_object_get(now, "call"), "weight",
						json_object_get(now, "weight"), "novel",
						json_object_get(now, "novel"), "expected",
						api_successors_json(p, token_of_entry(p, before))));
	}
	return list;
}

/* ---- objects ---- */

struct near {
	unsigned score;
	char text[OBJECT_TEXT];
};

/* Counts how much two objects have in common: path components twice, then the words before. */
static unsigned count_alike(const char *known, const char *came)
{
	const char *a = strchr(known, '/'), *b = strchr(came, '/');
	size_t words = a ? (size_t)(a - known) : strlen(known);
	unsigned n = 0;

	for (; a && b && *a && *a == *b; a++, b++)
		n += 2 * (*a == '/');
	return n + (strncmp(known, came, words) == 0);
}

/* Inserts an object among the nearest ones, best first. */
static void keep_nearest(struct near *best, unsigned *n, const char *text, unsigned score)
{
	unsigned at = *n < OBJECTS_MAX ? (*n)++ : OBJECTS_MAX - 1;

	if (at == OBJECTS_MAX - 1 && *n == OBJECTS_MAX && best[at].text[0] &&
	    best[at].score >= score)
		return;
	while (at && best[at - 1].score < score) {
		best[at] = best[at - 1];
		at--;
	}
	best[at].score = score;
	snprintf(best[at].text, sizeof(best[at].text), "%s", text);
}

/* The objects that training saw this operation touch, nearest to the alert's object first. */
static json_t *why_objects_json(const struct policy *p, const char *came)
{
	_cleanup_free_ struct near *best = calloc(OBJECTS_MAX, sizeof(*best));
	char text[OBJECT_TEXT], op_text[32];
	json_t *list = json_array();
	unsigned op, n = 0;

	snprintf(op_text, sizeof(op_text), "%.*s", (int)strcspn(came, " "), came);
	if (!best || op_parse(op_text, &op) < 0)
		return list;
	for (size_t i = 0; i < p->n_objects; i++) {
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP) != op)
			continue;
		policy_object_name(p, p->objects[i], text, sizeof(text));
		keep_nearest(best, &n, text, count_alike(text, came));
	}
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, text_json(best[i].text, strlen(best[i].text)));
	return list;
}

json_t *api_why_json(const struct alert_fields *a, const json_t *alert)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	const char *dir = a->text[ALERT_POLICY], *object = a->text[ALERT_OBJECT];
	const json_t *fields = json_object_get(alert, "output_fields");
	struct err err = {"it has none"};

	if (!dir || policy_load(&p, dir, &err) < 0)
		return json_pack("{s:o, s:[], s:[]}", "error", text_json(err.msg, strlen(err.msg)),
				 "calls", "objects");
	return json_pack("{s:n, s:o, s:o}", "error", "calls",
			 why_syscalls_json(p, json_object_get(fields, "lutra.history")), "objects",
			 why_objects_json(p, object ? object : ""));
}
