/* SPDX-License-Identifier: Apache-2.0 */
/* Prints alerts as JSON. Any thread. */
#include "user/alerts/alert_json.h"

#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"
#include "user/sys/clock.h"

#define NGRAM_SYSCALLS 8 /* the system calls whose pairs the three layers weigh */
#define LEVEL_ONE 4096.0

/* ---- the object ---- */

/* Parses the history: "call role weight[ novel],…". */
static json_t *history_to_json(const char *s)
{
	json_t *list = json_array();
	char call[64], role[32], novel[8];
	unsigned weight;

	while (s && *s) {
		novel[0] = '\0';
		/* NOLINTNEXTLINE(cert-err34-c): alert_fields_set() wrote the digits */
		if (sscanf(s, "%63[^ ,] %31[^ ,] %u %7[a-z]", call, role, &weight, novel) >= 3)
			json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:b}", "call", call,
							      "role", role, "weight", (int)weight,
							      "novel", novel[0] != '\0'));
		s += strcspn(s, ",");
		s += *s == ',';
	}
	return list;
}

/* Joins the names of the last system calls: "read openat execve". */
static json_t *ngram_to_json(const json_t *history)
{
	size_t n = json_array_size(history), i = n > NGRAM_SYSCALLS ? n - NGRAM_SYSCALLS : 0;
	char buf[NGRAM_SYSCALLS * 64] = "";
	size_t len = 0;

	for (; i < n; i++)
		len += (size_t)snprintf(
			buf + len, sizeof(buf) - len, "%s%s", len ? " " : "",
			json_string_value(json_object_get(json_array_get(history, i), "call")));
	return json_string(buf);
}

static json_t *field_to_json(const struct alert_fields *f, enum alert_field field)
{
	switch (alert_field_table[field].type) {
	case ALERT_TYPE_TEXT:
		return f->text[field] ? json_string(f->text[field]) : json_null();
	case ALERT_TYPE_BOOLEAN:
		return json_boolean(f->number[field]);
	default:
		return json_integer(f->number[field]);
	}
}

/* Score and threshold are those of level B if its rule matched, else those of level A. */
static void add_derived(json_t *o, const struct alert_fields *f)
{
	bool b = f->text[ALERT_RULE] &&
		 strcmp(f->text[ALERT_RULE], rule_name(LUTRA_RULE_LEVEL_B)) == 0;
	int64_t score = f->number[b ? ALERT_LEVEL_B : ALERT_LEVEL_A];
	int64_t threshold = f->number[b ? ALERT_THRESHOLD_B : ALERT_THRESHOLD_A];
	json_t *history = history_to_json(f->text[ALERT_HISTORY]);

	json_object_update_new(o, json_pack("{s:f, s:f, s:s, s:[I, I, I], s:o, s:o}", "lutra.score",
					    (double)score / LEVEL_ONE, "lutra.threshold",
					    (double)threshold / LEVEL_ONE, "lutra.action",
					    alert_outcome(f), "lutra.weights",
					    (json_int_t)f->number[ALERT_WEIGHT0],
					    (json_int_t)f->number[ALERT_WEIGHT1],
					    (json_int_t)f->number[ALERT_WEIGHT2], "lutra.ngram",
					    ngram_to_json(history), "lutra.history", history));
}

json_t *alert_fields_to_json(const struct alert_fields *f)
{
	char time[CLOCK_TEXT], sentence[ALERT_TEXT], host[256] = "";
	const char *object = f->text[ALERT_OBJECT];
	json_t *o = json_object();

	if (!o)
		return NULL;
	gethostname(host, sizeof(host) - 1);
	for (int i = 0; i < ALERT_FIELDS; i++)
		if (alert_field_table[i].key && !alert_fields_is_unknown(f, i))
			json_object_set_new(o, alert_field_table[i].key, field_to_json(f, i));
	add_derived(o, f);
	alert_sentence(f, sentence);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:[s, s, s], s:o}", "time",
			 clock_format((uint64_t)f->number[ALERT_TIME], time), "rule",
			 alert_rule_title(f), "priority", alert_priority_name(f), "source",
			 "syscall", "hostname", text_json(host, strlen(host)), "output", sentence,
			 "tags", "lutra", "container", object && *object ? "object" : "call",
			 "output_fields", o);
}

/* ---- the text ---- */

struct alert_json *alert_json_of_object(const json_t *j, int level, const char *rule,
					const char *sentence, const char *container)
{
	_cleanup_(alert_json_unrefp) struct alert_json *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	atomic_init(&a->references, 1);
	a->level = level;
	a->text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12));
	a->rule = strdup(rule);
	a->sentence = strdup(sentence);
	a->container = container ? strdup(container) : NULL;
	if (!a->text || !a->rule || !a->sentence || (container && !a->container))
		return NULL;
	a->len = strlen(a->text);
	return TAKE_PTR(a);
}

struct alert_json *alert_json_print(const json_t *j, int level, const char *container)
{
	const char *rule = json_string_value(json_object_get(j, "rule"));
	const char *sentence = json_string_value(json_object_get(j, "output"));

	return rule && sentence ? alert_json_of_object(j, level, rule, sentence, container) : NULL;
}

struct alert_json *alert_json_new(const struct alert_fields *f, uint64_t folded)
{
	json_auto_t *j = alert_fields_to_json(f);
	struct alert_json *a;

	if (folded)
		json_object_set_new(json_object_get(j, "output_fields"), "lutra.folded",
				    json_integer((json_int_t)folded));
	a = alert_json_print(j, alert_syslog_level(f), f->text[ALERT_CONTAINER]);
	if (!a)
		return NULL;
	a->time_ns = (uint64_t)f->number[ALERT_TIME];
	a->tid = (uint32_t)f->number[ALERT_TID];
	return a;
}

struct alert_json *alert_json_ref(struct alert_json *a)
{
	atomic_fetch_add(&a->references, 1);
	return a;
}

void alert_json_unref(struct alert_json *a)
{
	if (!a || atomic_fetch_sub(&a->references, 1) > 1)
		return;
	free(a->rule);
	free(a->sentence);
	free(a->container);
	free(a->text);
	free(a);
}
