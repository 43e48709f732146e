/* SPDX-License-Identifier: Apache-2.0 */
/* Prints alerts as JSON. Any thread. */
#include "user/alerts/alert_json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "user/alerts/alert_text.h"
#include "user/sys/clock.h"

#define NGRAM_SYSCALLS 8 /* the system calls whose pairs the three layers weigh */
#define LEVEL_ONE 4096.0

/* ---- the object ---- */

/* Parses one entry of the history: "call role weight[ novel]". NULL: not an entry. */
static json_t *history_entry_to_json(const char *s, size_t len)
{
	char entry[128], call[64], role[32], novel[8] = "";
	unsigned weight;

	if (len >= sizeof(entry))
		return NULL;
	memcpy(entry, s, len);
	entry[len] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): alert_fields_set() wrote the digits */
	if (sscanf(entry, "%63s %31s %u %7s", call, role, &weight, novel) < 3)
		return NULL;
	return json_pack("{s:s, s:s, s:i, s:b}", "call", call, "role", role, "weight", (int)weight,
			 "novel", novel[0] != '\0');
}

static json_t *history_to_json(const char *s)
{
	json_t *list = json_array();

	while (s && *s) {
		size_t len = strcspn(s, ",");
		json_t *entry = history_entry_to_json(s, len);

		if (entry)
			json_array_append_new(list, entry);
		s += len + (s[len] == ',');
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

	json_object_set_new(o, "lutra.score", json_real((double)score / LEVEL_ONE));
	json_object_set_new(o, "lutra.threshold", json_real((double)threshold / LEVEL_ONE));
	json_object_set_new(o, "lutra.action", json_string(alert_outcome(f)));
	json_object_set_new(o, "lutra.weights",
			    json_pack("[I, I, I]", (json_int_t)f->number[ALERT_WEIGHT0],
				      (json_int_t)f->number[ALERT_WEIGHT1],
				      (json_int_t)f->number[ALERT_WEIGHT2]));
	json_object_set_new(o, "lutra.ngram", ngram_to_json(history));
	json_object_set_new(o, "lutra.history", history);
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
		if (alert_field_table[i].key)
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

/* Copies text and the three strings of like into a new alert. extra: bytes to leave behind text. */
static struct alert_json *copy_alert(const struct alert_json *like, const char *text, size_t extra)
{
	const char *strings[] = {like->sentence, like->rule, like->container};
	size_t size = sizeof(*like) + like->len + extra + 1;
	struct alert_json *a;
	char *at;

	for (size_t i = 0; i < 3; i++)
		size += strings[i] ? strlen(strings[i]) + 1 : 0;
	a = malloc(size);
	if (!a)
		return NULL;
	*a = (struct alert_json){
		.level = like->level, .time_ns = like->time_ns, .tid = like->tid, .len = like->len};
	atomic_init(&a->references, 1);
	memcpy(a->text, text, like->len + 1);
	at = a->text + like->len + extra + 1;
	for (size_t i = 0; i < 3; i++) {
		char *copy = at;

		if (!strings[i])
			continue;
		at = stpcpy(copy, strings[i]) + 1;
		strings[i] = copy;
	}
	a->sentence = strings[0];
	a->rule = strings[1];
	a->container = strings[2];
	return a;
}

struct alert_json *alert_json_print(const json_t *j, int level, const char *container)
{
	_cleanup_free_ char *text =
		j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	const struct alert_json like = {
		.level = level,
		.rule = json_string_value(json_object_get(j, "rule")),
		.sentence = json_string_value(json_object_get(j, "output")),
		.container = container,
		.len = text ? strlen(text) : 0,
	};

	return text ? copy_alert(&like, text, 0) : NULL;
}

struct alert_json *alert_json_new(const struct alert_fields *f)
{
	json_auto_t *j = alert_fields_to_json(f);
	struct alert_json *a = alert_json_print(j, alert_syslog_level(f), f->text[ALERT_CONTAINER]);

	if (!a)
		return NULL;
	a->time_ns = (uint64_t)f->number[ALERT_TIME];
	a->tid = (uint32_t)f->number[ALERT_TID];
	return a;
}

struct alert_json *alert_json_add_folded(const struct alert_json *a, uint64_t folded)
{
	char tail[64];
	size_t len = (size_t)snprintf(tail, sizeof(tail), ",\"lutra.folded\":%llu}}",
				      (unsigned long long)folded);
	struct alert_json *copy = copy_alert(a, a->text, len);

	if (!copy)
		return NULL;
	/* In place of the last "}}". */
	memcpy(copy->text + a->len - 2, tail, len + 1);
	copy->len = a->len - 2 + len;
	return copy;
}

struct alert_json *alert_json_ref(struct alert_json *a)
{
	atomic_fetch_add(&a->references, 1);
	return a;
}

void alert_json_unref(struct alert_json *a)
{
	if (a && atomic_fetch_sub(&a->references, 1) == 1)
		free(a);
}
