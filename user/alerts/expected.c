/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy expected in the place of an event, and the policies that this was asked of last. */
#include "user/alerts/expected.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lutra/object_token.h"
#include "user/sys/clock.h"
#include "user/sys/rate_limit.h"

#define OBJECTS_MAX 12
#define OBJECT_TEXT 1400
#define RETRY_NS (60 * NSEC_PER_SEC) /* before a policy that could not be loaded is tried again */

/* A policy, by its directory and by what is in force of it. */
struct cached_policy {
	char *dir; /* NULL: the place is free */
	char sha256[POLICY_SHA256_TEXT];
	char accepted_sha256[POLICY_SHA256_TEXT];
	struct policy *p; /* NULL: it could not be loaded, or is another one by now */
	uint64_t tried_ns, used_ns;
};

struct expected_cache {
	struct cached_policy policy[EXPECTED_POLICIES];
	struct throttle limit; /* limits how many alerts are described */
	struct throttle loads; /* limits how many policies are read from the disk */
};

static void cached_policy_done(struct cached_policy *c)
{
	free(c->dir);
	policy_free(c->p);
	*c = (struct cached_policy){};
}

struct expected_cache *expected_cache_new(void)
{
	return calloc(1, sizeof(struct expected_cache));
}

void expected_cache_free(struct expected_cache *c)
{
	for (size_t i = 0; c && i < EXPECTED_POLICIES; i++)
		cached_policy_done(&c->policy[i]);
	free(c);
}

/* ---- the history ---- */

json_t *expected_successors(const struct policy *p, unsigned token)
{
	json_t *list = json_array();
	char buf[ALERT_HISTORY_NAME];
	uint8_t role;

	for (unsigned i = 0; token < p->v && i < POLICY_SUCCESSORS; i++) {
		uint8_t next = p->successors[token * POLICY_SUCCESSORS + i];
		const char *name = policy_token_name(p, next, &role, buf, sizeof(buf));

		if (next >= LUTRA_TOKEN0 && strcmp(name, "?") != 0)
			json_array_append_new(list, text_json(name, strlen(name)));
	}
	return list;
}

/* Returns the token of an entry in a role; LUTRA_UNK: no run had it in this role. */
static uint8_t token_in_role(const struct policy *p, const struct lutra_history *h, unsigned role)
{
	unsigned number = h->nr_role & LUTRA_HISTORY_NR;
	const struct policy_key *key;

	if (!(h->nr_role & LUTRA_HISTORY_OBJECT))
		return number < LUTRA_NR ? p->token[role][number] : LUTRA_UNK;
	key = number >= LUTRA_KEY_FIRST ? policy_key_by_number(p, number) : NULL;
	return key ? key->token[role] : LUTRA_UNK;
}

/* Returns the token of an entry in the role that it has; LUTRA_UNK: it has no token. */
static unsigned token_of_entry(const struct policy *p, const struct lutra_history *h)
{
	unsigned role = h->nr_role >> 12 & 7;
	uint8_t token = LUTRA_UNK;

	if (role > LUTRA_ROLE_ANY)
		return LUTRA_UNK;
	if (role < LUTRA_ROLES)
		token = token_in_role(p, h, role);
	/* The roles session and any know what other roles know. */
	for (unsigned other = 0;
	     role >= LUTRA_ROLE_SESSION && token < LUTRA_TOKEN0 && other < LUTRA_ROLES; other++)
		token = token_in_role(p, h, other);
	return token;
}

/* Lists the unusual entries of a history, each with what usually follows the entry before it. */
static json_t *unusual_to_json(const struct policy *p, const struct lutra_history *h, unsigned n)
{
	json_t *list = json_array();
	char before[ALERT_HISTORY_NAME], came[ALERT_HISTORY_NAME];

	for (unsigned i = 1; i < n; i++) {
		bool novel = h[i].nr_role & LUTRA_HISTORY_NOVEL;

		if (!h[i].weight && !novel)
			continue;
		alert_history_name(&h[i - 1], p, before);
		alert_history_name(&h[i], p, came);
		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:i, s:b, s:o}", "position", (int)i,
					"after", before, "came", came, "weight", (int)h[i].weight,
					"novel", (int)novel, "expected",
					expected_successors(p, token_of_entry(p, &h[i - 1]))));
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

/* The objects of an operation that the policy knows, nearest to the one that came first. */
static json_t *objects_to_json(const struct policy *p, unsigned op, const char *came)
{
	_cleanup_free_ struct near *best = calloc(OBJECTS_MAX, sizeof(*best));
	char text[OBJECT_TEXT];
	json_t *list = json_array();
	unsigned n = 0;

	for (size_t i = 0; best && i < p->n_objects; i++) {
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP) != op)
			continue;
		policy_object_name(p, p->objects[i], text, sizeof(text));
		keep_nearest(best, &n, text, count_alike(text, came));
	}
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, text_json(best[i].text, strlen(best[i].text)));
	return list;
}

/* ---- the cache ---- */

/* Loads a policy; it stays NULL if it is not the one that judged. */
static void load_cached(struct cached_policy *c)
{
	struct err left_out;

	policy_free(c->p);
	c->p = NULL;
	c->tried_ns = clock_now_ns();
	if (accepted_load(&c->p, c->dir, NULL, &left_out, NULL) < 0)
		c->p = NULL;
	if (c->p && (strcmp(c->p->json_sha256, c->sha256) != 0 ||
		     strcmp(c->p->accepted_sha256, c->accepted_sha256) != 0)) {
		policy_free(c->p);
		c->p = NULL;
	}
}

static bool is_policy_of(const struct cached_policy *c, const struct alert *a)
{
	return c->dir && strcmp(c->dir, a->policy_dir) == 0 &&
	       strcmp(c->sha256, a->policy_sha256) == 0 &&
	       strcmp(c->accepted_sha256, a->accepted_sha256) == 0;
}

/* Returns the cache entry of the policy that judged an alert, or the entry used longest ago. */
static struct cached_policy *find_cached(struct expected_cache *cache, const struct alert *a)
{
	struct cached_policy *c = &cache->policy[0];

	for (size_t i = 0; i < EXPECTED_POLICIES; i++) {
		struct cached_policy *other = &cache->policy[i];

		if (is_policy_of(other, a))
			return other;
		if (other->used_ns < c->used_ns)
			c = other;
	}
	return c;
}

/* Returns true if the policy that judged an alert may be read from the disk now. */
static bool may_load(struct expected_cache *cache, const struct alert *a, uint64_t now)
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 200};
	uint64_t folded;

	return a->evidence.verdict != LUTRA_VERDICT_ALLOW &&
	       throttle_pass(&cache->loads, &rate, now, &folded);
}

const struct policy *expected_policy(struct expected_cache *cache, const struct alert *a)
{
	uint64_t now = clock_now_ns();
	struct cached_policy *c;

	if (!cache || !a->policy_dir || !a->policy_sha256)
		return NULL;
	c = find_cached(cache, a);
	if (!is_policy_of(c, a)) {
		if (!may_load(cache, a, now))
			return NULL;
		cached_policy_done(c);
		c->dir = strdup(a->policy_dir);
		if (!c->dir)
			return NULL;
		snprintf(c->sha256, sizeof(c->sha256), "%s", a->policy_sha256);
		snprintf(c->accepted_sha256, sizeof(c->accepted_sha256), "%s", a->accepted_sha256);
		load_cached(c);
	} else if (!c->p && now - c->tried_ns > RETRY_NS && may_load(cache, a, now)) {
		load_cached(c);
	}
	c->used_ns = now;
	return c->p;
}

/* ---- all of it ---- */

/* Prints the JSON, without its last parts if it is too long. */
static char *print_bounded(json_t *j)
{
	json_t *lists[] = {json_object_get(j, "objects"), json_object_get(j, "calls")};
	char *text = json_dumps(j, JSON_COMPACT);

	for (size_t i = 0; i < 2; i++) {
		while (text && strlen(text) >= EXPECTED_BYTES && json_array_size(lists[i])) {
			free(text);
			json_array_remove(lists[i], json_array_size(lists[i]) - 1);
			text = json_dumps(j, JSON_COMPACT);
		}
	}
	return text;
}

static json_t *describe_place(const struct policy *p, const struct lutra_history *h, unsigned n,
			      unsigned op, const char *object)
{
	return json_pack("{s:o, s:o}", "calls", unusual_to_json(p, h, n), "objects",
			 op == LUTRA_OP_NONE ? json_array() : objects_to_json(p, op, object));
}

char *expected_describe(struct expected_cache *c, const struct alert *a)
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 200};
	const struct lutra_evidence *ev = &a->evidence;
	unsigned n = alert_history_length(ev);
	const struct policy *p;
	json_auto_t *j = NULL;
	char object[ALERT_TEXT];
	uint64_t folded;

	if (!c || ev->verdict == LUTRA_VERDICT_ALLOW ||
	    !throttle_pass(&c->limit, &rate, clock_now_ns(), &folded))
		return NULL;
	p = expected_policy(c, a);
	if (!p)
		return NULL;
	alert_object_text(&ev->object, ev->str, ev->str_len, object);
	j = describe_place(p, ev->history + LUTRA_HISTORY - n, n, ev->object.op, object);
	return j ? print_bounded(j) : NULL;
}

/* Returns the number of the key with a name, or LUTRA_KEY_NEW if the policy has no such key. */
static unsigned find_key(const struct policy *p, const char *name)
{
	for (unsigned k = LUTRA_KEY_FIRST; k < LUTRA_KEYS; k++) {
		const struct policy_key *key = policy_key_by_number(p, k);

		if (key && strcmp(key->name, name) == 0)
			return k;
	}
	return LUTRA_KEY_NEW;
}

/* Reads the history of a stored event. Returns how many entries it has. */
static unsigned read_history(const struct policy *p, const json_t *history,
			     struct lutra_history ret[static LUTRA_HISTORY])
{
	const json_t *entry;
	unsigned n = 0;
	size_t i;

	json_array_foreach (history, i, entry) {
		const char *call = json_string_value(json_object_get(entry, "call"));
		const char *object = json_string_value(json_object_get(entry, "object"));
		const char *role = json_string_value(json_object_get(entry, "role"));
		unsigned nr = LUTRA_NR, number = 0;

		if (n == LUTRA_HISTORY || (!call && !object) || !role ||
		    role_parse(role, &number) < 0)
			break;
		if (object)
			nr = LUTRA_HISTORY_OBJECT | find_key(p, object);
		else if (syscall_parse(NULL, call, &nr) < 0)
			nr = LUTRA_HISTORY_NR;
		ret[n].nr_role = (__u16)(nr | number << 12);
		if (json_is_true(json_object_get(entry, "novel")))
			ret[n].nr_role |= LUTRA_HISTORY_NOVEL;
		ret[n++].weight = (__u16)json_integer_value(json_object_get(entry, "weight"));
	}
	return n;
}

json_t *expected_of_stored(const struct alert_fields *f, const json_t *history)
{
	const char *dir = f->text[ALERT_POLICY], *sha256 = f->text[ALERT_POLICY_SHA256];
	const char *object = f->text[ALERT_OBJECT] ? f->text[ALERT_OBJECT] : "";
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct lutra_history h[LUTRA_HISTORY] = {};
	unsigned op = LUTRA_OP_NONE, n;
	char op_text[32];

	if (!dir || !sha256 || policy_load(&p, dir, NULL) < 0 ||
	    strcmp(p->json_sha256, sha256) != 0)
		return NULL;
	n = read_history(p, history, h);
	snprintf(op_text, sizeof(op_text), "%.*s", (int)strcspn(object, " "), object);
	op_parse(op_text, &op);
	return describe_place(p, h, n, op, object);
}
