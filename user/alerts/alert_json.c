/* SPDX-License-Identifier: Apache-2.0 */
/* Prints alerts as JSON. Any thread. */
#include "user/alerts/alert_json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"
#include "user/sys/clock.h"

#define NGRAM_EVENTS 8 /* calls and objects that the three layers of level M see */
#define LEVEL_ONE 4096.0

/* ---- the object ---- */

/* Reverses the escaping of a name: "%" and two hexadecimal digits become one character. */
static void unescape_name(char *name)
{
	char *to = name, digits[3] = "";

	for (const char *from = name; *from; from++) {
		if (*from == '%' && isxdigit((unsigned char)from[1]) &&
		    isxdigit((unsigned char)from[2])) {
			memcpy(digits, from + 1, 2);
			*to++ = (char)strtoul(digits, NULL, 16);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/*
 * Parses an entry of the history: "NAME ROLE WEIGHT[ novel]". Returns NULL if s has another form.
 */
static json_t *history_entry_to_json(const char *s)
{
	static const char object[] = "object:";
	char name[3 * ALERT_HISTORY_NAME + sizeof(object)], role[32], novel[8] = "";
	bool is_object = strncmp(s, object, strlen(object)) == 0;
	unsigned weight;

	_Static_assert(sizeof(name) > 391, "the name fits");
	/* NOLINTNEXTLINE(cert-err34-c): alert_fields_set() wrote the digits */
	if (sscanf(s, "%391[^ ,] %31[^ ,] %u %7[a-z]", name, role, &weight, novel) < 3)
		return NULL;
	if (is_object)
		unescape_name(name);
	return json_pack("{s:s, s:s, s:i, s:b}", is_object ? "object" : "call",
			 is_object ? name + strlen(object) : name, "role", role, "weight",
			 (int)weight, "novel", novel[0] != '\0');
}

/* Parses the history that alert_fields_set() writes. */
static json_t *history_to_json(const char *s)
{
	json_t *list = json_array();

	while (s && *s) {
		/* If s is no entry, the value is NULL and nothing is appended. */
		json_array_append_new(list, history_entry_to_json(s));
		s += strcspn(s, ",");
		s += *s == ',';
	}
	return list;
}

/* Joins the names of the last calls and objects: "read openat [read own/ /srv] execve". */
static json_t *ngram_to_json(const json_t *history)
{
	size_t n = json_array_size(history), i = n > NGRAM_EVENTS ? n - NGRAM_EVENTS : 0;
	char buf[NGRAM_EVENTS * (ALERT_HISTORY_NAME + 4)] = "";
	size_t len = 0;

	for (; i < n; i++) {
		const json_t *entry = json_array_get(history, i);
		const char *object = json_string_value(json_object_get(entry, "object"));

		len += (size_t)snprintf(
			buf + len, sizeof(buf) - len, "%s%s%s%s", len ? " " : "", object ? "[" : "",
			object ? object : json_string_value(json_object_get(entry, "call")),
			object ? "]" : "");
	}
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

static void add_derived(json_t *o, const struct alert_fields *f)
{
	json_t *history = history_to_json(f->text[ALERT_HISTORY]);

	json_object_update_new(o, json_pack("{s:f, s:f, s:s, s:[I, I, I], s:o, s:o}", "lutra.score",
					    (double)f->number[ALERT_LEVEL] / LEVEL_ONE,
					    "lutra.threshold",
					    (double)f->number[ALERT_THRESHOLD] / LEVEL_ONE,
					    "lutra.action", alert_outcome(f), "lutra.weights",
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
