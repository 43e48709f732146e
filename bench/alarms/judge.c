/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a benign run by a policy, and prints as JSON what would be alerted and refused: how much of
 * it is new, which things they are, and what falls into the time of each event of the run's manifest.
 *
 * usage: judge POLICY TRACE.ltr [RUN.json]
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/alarms/judged_run.h"
#include "lib/base/text.h"

static json_int_t json_count(uint64_t n)
{
	return (json_int_t)n;
}

static json_t *outcome_to_json(const struct outcome_counts *c)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "things", json_count(c->things), "episodes",
			 json_count(c->episodes), "new_episodes", json_count(c->new_episodes),
			 "operations", json_count(c->operations));
}

/* Returns {rule, role, what} of thing i. */
static json_t *thing_name_to_json(const struct judged_run *run, uint32_t i)
{
	size_t len;
	const char *name = intern_get(run->names, i, &len);
	const char *role = strchr(name, '\t') + 1;
	const char *what = strchr(role, '\t') + 1;

	return json_pack("{s:o, s:o, s:o}", "rule", text_json(name, (size_t)(role - 1 - name)),
			 "role", text_json(role, (size_t)(what - 1 - role)), "what",
			 text_json(what, len - (size_t)(what - name)));
}

static json_t *thing_to_json(const struct judged_run *run, uint32_t i)
{
	const struct run_thing *t = &run->things[i];
	json_t *name = thing_name_to_json(run, i);
	json_t *counts = json_pack("{s:f, s:I, s:I, s:I, s:I, s:b}", "first_s",
				   (double)(t->first_ns - run->start_ns) / 1e9, "matched",
				   json_count(t->matched), "alerted", json_count(t->alerted),
				   "refused", json_count(t->refused), "own_refused",
				   json_count(t->own_refused), "after_level", t->after_level);

	json_object_update(name, counts);
	json_decref(counts);
	return name;
}

/* The things that alarmed in the time of an event. */
static json_t *window_things_to_json(const struct judged_run *run, const struct window *w)
{
	json_t *things = json_array();

	for (size_t i = 0; i < w->n_things; i++) {
		const struct window_thing *t = &w->things[i];
		json_t *thing = thing_name_to_json(run, t->thing);

		json_object_set_new(thing, "refused", json_boolean(t->refused));
		json_object_set_new(thing, "own_refused", json_boolean(t->own_refused));
		json_array_append_new(things, thing);
	}
	return things;
}

/* The rules that fired in the time of an event, with how many operations, and the things. */
static json_t *window_to_json(const struct judged_run *run, const struct window *w,
			      const json_t *event)
{
	json_t *rules = json_object();

	for (unsigned i = 0; i < RULES_COUNT; i++) {
		const struct window_counts *c = &w->rule[i];

		if (!c->alerted && !c->refused)
			continue;
		json_object_set_new(rules, rule_name(i),
				    json_pack("{s:I, s:I, s:I}", "alerted", json_count(c->alerted),
					      "refused", json_count(c->refused), "own_refused",
					      json_count(c->own_refused)));
	}
	return json_pack("{s:O, s:f, s:f, s:o, s:o}", "name", json_object_get(event, "name"),
			 "begin_s", (double)w->begin_ns / 1e9, "end_s", (double)w->end_ns / 1e9,
			 "rules", rules, "things", window_things_to_json(run, w));
}

static json_t *run_to_json(const struct judged_run *run, const char *file, const json_t *events)
{
	json_t *things = json_array(), *windows = json_array();

	for (uint32_t i = 0; i < intern_count(run->names); i++)
		json_array_append_new(things, thing_to_json(run, i));
	for (size_t i = 0; i < run->n_windows; i++)
		json_array_append_new(
			windows, window_to_json(run, &run->windows[i], json_array_get(events, i)));
	return json_pack("{s:o, s:f, s:I, s:I, s:o, s:o, s:o, s:o}", "file", text_json_keep(file),
			 "hours", (double)(run->stop_ns - run->start_ns) / 3.6e12, "calls",
			 json_count(run->syscalls), "objects", json_count(run->objects), "alerted",
			 outcome_to_json(&run->outcome[OUTCOME_ALERTED]), "refused",
			 outcome_to_json(&run->outcome[OUTCOME_REFUSED]), "things", things,
			 "events", windows);
}

/* Reads the events of a manifest into windows. Returns the events, or NULL with err set. */
static json_t *read_events(const char *path, struct judged_run *run, struct err *err)
{
	json_auto_t *manifest = NULL;
	json_t *events;
	json_error_t why;

	manifest = json_load_file(path, 0, &why);
	events = json_object_get(manifest, "events");
	if (!json_is_array(events)) {
		err_set(err, -1, "%s is no manifest of a run: %s", path,
			manifest ? "it has no events" : why.text);
		return NULL;
	}
	run->windows = calloc(json_array_size(events) + 1, sizeof(*run->windows));
	for (size_t i = 0; run->windows && i < json_array_size(events); i++) {
		struct window *w = &run->windows[run->n_windows++];
		json_int_t begin, end;
		const char *name;
		int lasts = 0; /* recordings before that say nothing of it */

		if (json_unpack_ex(json_array_get(events, i), &why, 0, "{s:s, s:I, s:I, s?b}",
				   "name", &name, "begin_ns", &begin, "end_ns", &end, "lasts",
				   &lasts) < 0) {
			err_set(err, -1, "%s: event %zu: %s", path, i, why.text);
			return NULL;
		}
		w->begin_ns = (uint64_t)begin;
		w->end_ns = (uint64_t)end + WINDOW_AFTER_NS;
		w->lasts = lasts;
	}
	return json_incref(events);
}

static int judge_file(const char *policy_dir, const char *trace, const char *manifest,
		      struct err *err)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	json_auto_t *events = NULL, *out = NULL;
	struct judged_run run = {};
	int r = policy_load(&policy, policy_dir, err);

	if (r == 0 && manifest) {
		events = read_events(manifest, &run, err);
		r = events ? 0 : -1;
	}
	if (r == 0)
		r = judged_run_replay(&run, policy, trace, err);
	if (r == 0) {
		out = run_to_json(&run, trace, events);
		if (!out || json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0)
			r = err_oom(err);
		putchar('\n');
	}
	free(run.windows);
	judged_run_done(&run);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {""};

	if (argc != 3 && argc != 4) {
		fputs("usage: judge POLICY TRACE.ltr [RUN.json]\n", stderr);
		return 2;
	}
	if (judge_file(argv[1], argv[2], argc == 4 ? argv[3] : NULL, &err) < 0) {
		fprintf(stderr, "judge: %s\n", err.msg);
		return 1;
	}
	return 0;
}
