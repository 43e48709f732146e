/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle's counting and deciding, by a clock that the test moves; and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lutra/abi.h"
#include "tests/support/scratch.h"
#include "user/policy/lifecycle.h"

#define MINUTE_NS 60000000000ull
#define HOUR_NS (60 * MINUTE_NS)

struct fixture {
	struct lifecycle life;
	struct lifecycle_image *image;
	struct config_life limits;
};

static int lifecycle_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(config_life_parse(NULL, &f->limits, NULL), 0);
	assert_int_equal(lifecycle_add(&f->life, "docker.io/library/nginx:1.25", &f->image, NULL),
			 0);
	f->image->learning = true;
	f->image->wanted = 5;
	*state = f;
	return 0;
}

static int lifecycle_teardown(void **state)
{
	struct fixture *f = *state;

	lifecycle_done(&f->life);
	free(f);
	return 0;
}

/* A run that the trainer has looked at. */
static void add_run(struct fixture *f, uint64_t calls, uint64_t new_calls)
{
	struct lifecycle_run *r;
	char file[32];

	snprintf(file, sizeof(file), "run%06zu.ltr", f->image->n_runs + 1);
	assert_int_equal(lifecycle_add_run(&f->life, f->image, file, true), 0);
	r = &f->image->runs[f->image->n_runs - 1];
	r->calls = calls;
	r->new_calls = new_calls;
	r->counted = r->given = true;
}

static void train_with_runs(struct fixture *f, unsigned runs, uint64_t calls)
{
	for (unsigned i = 0; i < runs; i++)
		add_run(f, calls, i == 0 ? 100 : 0);
	lifecycle_on_trained(&f->life, f->image);
}

static bool gate_says(const struct fixture *f, const char *part)
{
	struct err why = {};

	return !lifecycle_is_gate_met(f->image, &f->limits, &why) && strstr(why.msg, part);
}

/* ---- the gate ---- */

static void lifecycle_gate_asks_for_runs_calls_and_clean_hours(void **state)
{
	struct fixture *f = *state;
	struct err why;

	assert_true(gate_says(f, "no policy yet"));
	train_with_runs(f, 4, 1000);
	assert_true(gate_says(f, "4 of 5 runs"));
	assert_true(gate_says(f, "4000 of 10000 calls"));
	train_with_runs(f, 1, 6000);
	assert_false(gate_says(f, "runs"));
	assert_false(gate_says(f, "calls"));
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_AUDIT, 23 * HOUR_NS);
	assert_true(gate_says(f, "23.00 of 24.00 hours clean in audit"));
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_AUDIT, HOUR_NS);
	assert_true(lifecycle_is_gate_met(f->image, &f->limits, &why));
}

static void lifecycle_clean_hours_begin_again_with_a_signal_that_would_refuse(void **state)
{
	struct fixture *f = *state;

	train_with_runs(f, 5, 5000);
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_AUDIT, 24 * HOUR_NS);
	assert_false(gate_says(f, "clean"));
	lifecycle_end_clean_time(&f->life, f->image);
	assert_true(gate_says(f, "0.00 of 24.00 hours clean"));
}

static void lifecycle_clean_hours_are_those_in_audit(void **state)
{
	struct fixture *f = *state;

	train_with_runs(f, 5, 5000);
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_LEARN, 48 * HOUR_NS);
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_KILL, 48 * HOUR_NS);
	assert_true(gate_says(f, "0.00 of 24.00 hours clean"));
}

static void lifecycle_allows_by_force_what_it_then_names(void **state)
{
	struct fixture *f = *state;
	struct lifecycle_mode_request ask = {"nginx-1.25", LUTRA_MODE_DENY, false};
	struct err over = {}, err = {};

	assert_int_equal(lifecycle_allows_mode(&f->life, &f->limits, &ask, &over, &err), -EPERM);
	assert_non_null(strstr(err.msg, "no policy yet"));
	ask.mode = LUTRA_MODE_AUDIT;
	assert_int_equal(lifecycle_allows_mode(&f->life, &f->limits, &ask, &over, &err), 0);
	assert_string_equal(over.msg, "");
	ask = (struct lifecycle_mode_request){"nginx-1.25", LUTRA_MODE_DENY, true};
	assert_int_equal(lifecycle_allows_mode(&f->life, &f->limits, &ask, &over, &err), 0);
	assert_non_null(strstr(over.msg, "hours clean in audit"));
	ask = (struct lifecycle_mode_request){"made-by-hand", LUTRA_MODE_DENY, false};
	assert_int_equal(lifecycle_allows_mode(&f->life, &f->limits, &ask, &over, &err), 0);
}

/* ---- the way back ---- */

static bool is_watched(const struct fixture *f, const char *digest, uint64_t now_ns)
{
	return lifecycle_is_watched(f->image, &f->limits, digest, now_ns);
}

static void lifecycle_is_watched_in_its_first_minutes_in_force(void **state)
{
	struct fixture *f = *state;

	train_with_runs(f, 5, 5000);
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_KILL, 9 * MINUTE_NS);
	assert_true(is_watched(f, NULL, 0));
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_KILL, MINUTE_NS);
	assert_false(is_watched(f, NULL, 0));
	lifecycle_on_mode_set(&f->life, f->image);
	assert_true(is_watched(f, NULL, 0));
}

static void lifecycle_is_watched_in_the_first_minutes_of_a_release(void **state)
{
	struct fixture *f = *state;

	train_with_runs(f, 5, 5000);
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_KILL, HOUR_NS);
	assert_int_equal(lifecycle_add_release(&f->life, f->image, "sha256:b", 5 * HOUR_NS, NULL),
			 0);
	assert_true(is_watched(f, "sha256:b", 5 * HOUR_NS + 9 * MINUTE_NS));
	assert_false(is_watched(f, "sha256:b", 5 * HOUR_NS + 10 * MINUTE_NS));
	assert_false(is_watched(f, "sha256:a", 5 * HOUR_NS));
}

/* ---- runs ---- */

static void set_unseen(struct fixture *f, uint32_t things, double hours)
{
	f->image->unseen =
		(struct policy_unseen){.runs = 5, .hours = hours, .all = {things, {0, 9}}};
}

/* One new thing an hour is the default: life.new_per_day is 24. */
static void lifecycle_goes_on_until_little_is_new(void **state)
{
	static const struct {
		unsigned runs;
		uint32_t things;
		double hours;
		enum lifecycle_end end;
		double more; /* hours */
	} cases[] = {
		{4, 0, 9, LIFECYCLE_GOES_ON, 0}, /* life.runs is 5 */
		{5, 0, 9, LIFECYCLE_ENOUGH, 0},
		{5, 0, 0.25, LIFECYCLE_GOES_ON, 0.75}, /* too little time to show it */
		{5, 1, 1, LIFECYCLE_ENOUGH, 0},
		{5, 3, 2.5, LIFECYCLE_GOES_ON, 0.5},
		{9, 3, 3, LIFECYCLE_ENOUGH, 0},
	};
	struct fixture *f = *state;

	lifecycle_begin(&f->life, f->image, 0, &f->limits, HOUR_NS);
	assert_int_equal(f->image->wanted, 5);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		while (f->image->n_runs < cases[k].runs)
			add_run(f, 1000, 0);
		set_unseen(f, cases[k].things, cases[k].hours);
		assert_int_equal(lifecycle_end(f->image, &f->limits, 2 * HOUR_NS), cases[k].end);
		assert_true(lifecycle_hours_more(f->image, &f->limits) == cases[k].more);
	}
	/* Before the trainer has counted, nothing is known. */
	f->image->unseen = (struct policy_unseen){};
	assert_int_equal(lifecycle_end(f->image, &f->limits, 2 * HOUR_NS), LIFECYCLE_GOES_ON);
}

static void lifecycle_ends_after_the_runs_that_were_asked_for(void **state)
{
	struct fixture *f = *state;

	lifecycle_begin(&f->life, f->image, 2, &f->limits, HOUR_NS);
	add_run(f, 1000, 0);
	assert_int_equal(lifecycle_end(f->image, &f->limits, 999 * HOUR_NS), LIFECYCLE_GOES_ON);
	add_run(f, 1000, 0);
	set_unseen(f, 100, 0.1);
	assert_int_equal(lifecycle_end(f->image, &f->limits, HOUR_NS), LIFECYCLE_ENOUGH);
}

/* A policy that is made anew counts its own runs, and the next learning updates it again. */
static void lifecycle_of_a_policy_made_anew_counts_its_runs_alone(void **state)
{
	struct fixture *f = *state;

	lifecycle_begin(&f->life, f->image, 2, &f->limits, HOUR_NS);
	for (int i = 0; i < 2; i++)
		add_run(f, 1000, 0);
	for (size_t k = 0; k < f->image->n_runs; k++)
		f->image->runs[k].given = true;
	lifecycle_on_trained(&f->life, f->image);
	assert_int_equal(f->image->policy_runs, 2);
	lifecycle_begin(&f->life, f->image, 1, &f->limits, HOUR_NS);
	f->image->anew = true;
	add_run(f, 500, 0);
	for (size_t k = 0; k < f->image->n_runs; k++)
		f->image->runs[k].given = !f->image->runs[k].used;
	lifecycle_on_trained(&f->life, f->image);
	assert_int_equal(f->image->policy_runs, 1);
	assert_int_equal(f->image->policy_calls, 500);
	assert_false(f->image->anew);
}

static void lifecycle_ends_at_the_latest_after_a_week(void **state)
{
	struct fixture *f = *state;

	lifecycle_begin(&f->life, f->image, 0, &f->limits, HOUR_NS);
	assert_int_equal(lifecycle_end(f->image, &f->limits, 999 * HOUR_NS), LIFECYCLE_GOES_ON);
	add_run(f, 1000, 0);
	set_unseen(f, 100, 0.1);
	assert_int_equal(lifecycle_end(f->image, &f->limits, 168 * HOUR_NS), LIFECYCLE_GOES_ON);
	assert_int_equal(lifecycle_end(f->image, &f->limits, 169 * HOUR_NS), LIFECYCLE_TIME_IS_UP);
	while (f->image->n_runs < CONFIG_LIFE_RUNS_MAX)
		add_run(f, 1000, 0);
	set_unseen(f, 100, 0.1);
	assert_int_equal(lifecycle_end(f->image, &f->limits, HOUR_NS), LIFECYCLE_TIME_IS_UP);
}

static json_t *coverage_report(const char *file)
{
	struct policy_unseen u = {.runs = 3, .hours = 2, .all = {4, {1, 5}}};

	return json_pack("{s:[{s:s, s:i, s:i, s:f, s:i, s:i}], s:o}", "runs", "file", file, "calls",
			 10, "objects", 5, "seconds", 60.0, "new_calls", 1, "new_objects", 2,
			 "unseen", policy_unseen_encode(&u));
}

static void lifecycle_takes_the_unseen_of_a_coverage_report(void **state)
{
	struct fixture *f = *state;
	json_auto_t *report = coverage_report("run000001.ltr"), *status = NULL;

	assert_int_equal(lifecycle_add_run(&f->life, f->image, "run000001.ltr", true), 0);
	assert_int_equal(lifecycle_add_coverage(&f->life, f->image, report), 0);
	assert_int_equal(f->image->unseen.all.things, 4);
	assert_true(f->image->runs[0].counted);
	f->image->began_ns = HOUR_NS;
	status = lifecycle_image_to_json(f->image, &f->limits, LUTRA_MODE_AUDIT, 9 * HOUR_NS);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(status, "unseen"), "things")),
		4);
	assert_true(json_real_value(json_object_get(status, "hours_more")) == 2);
	assert_true(json_real_value(json_object_get(status, "hours_left")) == 160);
	assert_true(json_real_value(json_object_get(status, "hours_recorded")) == 60. / 3600);
	/* A run less: what is new has to be counted again. */
	lifecycle_drop_run(&f->life, f->image, 0);
	assert_int_equal(f->image->unseen.runs, 0);
	json_object_del(report, "unseen");
	assert_int_equal(lifecycle_add_coverage(&f->life, f->image, report), -EBADMSG);
}

static void lifecycle_of_another_digest_drops_the_runs_that_wait(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lifecycle_set_digest(&f->life, f->image, "sha256:1"), 0);
	train_with_runs(f, 2, 1000);
	assert_string_equal(f->image->digest, "sha256:1");
	assert_int_equal(lifecycle_set_digest(&f->life, f->image, "sha256:2"), 0);
	add_run(f, 1000, 0);
	assert_int_equal(lifecycle_set_digest(&f->life, f->image, "sha256:2"), 0);
	assert_int_equal(lifecycle_waiting_runs(f->image), 1);
	assert_int_equal(lifecycle_set_digest(&f->life, f->image, "sha256:3"), 0);
	assert_int_equal(lifecycle_waiting_runs(f->image), 0);
	assert_int_equal(f->image->n_runs, 2);
}

/* ---- names, the file ---- */

/* What is chosen for a container, by the state of its image. */
static void lifecycle_chooses_for_a_container(void **state)
{
	static const struct {
		const char *policy, *digest;	/* of the container; NULL: none, not known */
		const char *made_for, *learned; /* digests of the policy and of the runs */
		struct lifecycle_choice choice;
		int r;
		bool trained, learning;
	} cases[] = {
		{NULL, "sha256:a", NULL, NULL, {.record = true}, 0, false, true},
		{NULL, "sha256:a", NULL, NULL, {}, -ENOENT, false, false},
		{"nginx-1.25", "sha256:a", "sha256:a", NULL, {}, 0, true, false},
		{"nginx-1.25", "sha256:a", "sha256:a", NULL, {.record = true}, 0, true, true},
		{"nginx-1.25", NULL, "sha256:a", NULL, {}, 0, true, false},
		/* A new digest is learned, unless the operator has stopped that. */
		{"nginx-1.25", "sha256:b", "sha256:a", NULL, {true, true, 0}, 0, true, false},
		{"nginx-1.25",
		 "sha256:b",
		 "sha256:a",
		 "sha256:b",
		 {false, true, 0},
		 0,
		 true,
		 false},
		{"nginx-1.25", "sha256:b", "sha256:a", "sha256:b", {true, true, 0}, 0, true, true},
		/* Runs of the digest before are not wanted any more. */
		{"nginx-1.25", "sha256:a", "sha256:a", "sha256:b", {}, 0, true, true},
		{"other", "sha256:a", "sha256:a", NULL, {}, 0, true, true},
	};
	struct fixture *f = *state;
	struct lifecycle_image saved = *f->image;

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		char digest[16] = "", made_for[16] = "", learned[16] = "";
		char image[] = "docker.io/library/nginx:1.25";
		struct identity who = {.image = image};
		struct lifecycle_choice choice = {};

		snprintf(digest, sizeof(digest), "%s", cases[k].digest ? cases[k].digest : "");
		snprintf(made_for, sizeof(made_for), "%s",
			 cases[k].made_for ? cases[k].made_for : "");
		snprintf(learned, sizeof(learned), "%s", cases[k].learned ? cases[k].learned : "");
		who.digest = cases[k].digest ? digest : NULL;
		f->image->digest = cases[k].made_for ? made_for : NULL;
		f->image->learned = cases[k].learned ? learned : NULL;
		f->image->trained = cases[k].trained;
		f->image->learning = cases[k].learning;
		assert_int_equal(lifecycle_choose(&f->life, &who, cases[k].policy, &choice),
				 cases[k].r);
		assert_int_equal(choice.record, cases[k].choice.record);
		assert_int_equal(choice.changed, cases[k].choice.changed);
	}
	f->image->digest = saved.digest;
	f->image->learned = saved.learned;
}

/* Returns what is chosen for a container of a digest, by the policy of the image. */
static struct lifecycle_choice choose_release(struct fixture *f, const char *digest)
{
	char image[] = "docker.io/library/nginx:1.25", own[16];
	struct identity who = {.image = image, .digest = own};
	struct lifecycle_choice choice = {};

	snprintf(own, sizeof(own), "%s", digest);
	assert_int_equal(lifecycle_choose(&f->life, &who, "nginx-1.25", &choice), 0);
	return choice;
}

static void lifecycle_knows_the_releases_of_an_image(void **state)
{
	struct fixture *f = *state;
	struct lifecycle_image *i = f->image;

	i->trained = true;
	i->digest = strdup("sha256:a");
	assert_true(choose_release(f, "sha256:b").record);
	assert_int_equal(choose_release(f, "sha256:b").seen_ns, 0);
	assert_int_equal(lifecycle_add_release(&f->life, i, "sha256:b", 5, NULL), 0);
	assert_int_equal(lifecycle_add_release(&f->life, i, "sha256:b", 9, NULL), 0);
	assert_int_equal(choose_release(f, "sha256:b").seen_ns, 5);
	assert_int_equal(lifecycle_set_digest(&f->life, i, "sha256:b"), 0);
	lifecycle_on_trained(&f->life, i);
	assert_false(choose_release(f, "sha256:b").changed);
	/* Back to the release before: the policy knows it. */
	assert_true(choose_release(f, "sha256:a").changed);
	assert_false(choose_release(f, "sha256:a").record);
}

static void lifecycle_keeps_its_digest_after_runs_of_an_unknown_one(void **state)
{
	struct fixture *f = *state;
	struct lifecycle_image *i = f->image;

	assert_int_equal(lifecycle_set_digest(&f->life, i, "sha256:a"), 0);
	lifecycle_on_trained(&f->life, i);
	lifecycle_begin(&f->life, i, 1, &f->limits, 1);
	assert_int_equal(lifecycle_set_digest(&f->life, i, NULL), 0);
	lifecycle_on_trained(&f->life, i);
	assert_non_null(i->digest);
	assert_string_equal(i->digest, "sha256:a");
	assert_true(choose_release(f, "sha256:b").changed);
}

static void lifecycle_forgets_the_first_of_too_many_releases(void **state)
{
	struct fixture *f = *state;
	char digest[16];

	for (unsigned k = 0; k <= LIFECYCLE_RELEASES; k++) {
		snprintf(digest, sizeof(digest), "sha256:%u", k);
		assert_int_equal(lifecycle_add_release(&f->life, f->image, digest, k, NULL), 0);
	}
	assert_int_equal(f->image->n_releases, LIFECYCLE_RELEASES);
	assert_null(lifecycle_find_release(f->image, "sha256:0"));
	assert_non_null(lifecycle_find_release(f->image, "sha256:1"));
}

static void lifecycle_finds_an_image_as_engines_complete_it(void **state)
{
	struct fixture *f = *state;
	struct lifecycle_image *other;
	struct err err;

	assert_ptr_equal(lifecycle_find(&f->life, "nginx:1.25"), f->image);
	assert_null(lifecycle_find(&f->life, "nginx:1.26"));
	assert_string_equal(f->image->policy, "nginx-1.25");
	assert_int_equal(lifecycle_add(&f->life, "nginx-1.25", &other, &err), -EEXIST);
	assert_int_equal(lifecycle_add(&f->life, "../etc", &other, &err), 0);
	assert_string_equal(other->policy, "-.-etc");
	assert_int_equal(lifecycle_add(&f->life, "", &other, &err), -EINVAL);
	assert_int_equal(lifecycle_add(&f->life, "a b", &other, &err), -EINVAL);
}

static void lifecycle_comes_back_as_it_was_saved(void **state)
{
	struct fixture *f = *state;
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	char *dir = scratch_dir();
	json_auto_t *a = NULL, *b = NULL;

	train_with_runs(f, 2, 1234);
	lifecycle_begin(&f->life, f->image, 0, &f->limits, HOUR_NS);
	add_run(f, 77, 1);
	set_unseen(f, 3, 0.5);
	lifecycle_set_note(&f->life, f->image, "a note");
	f->image->stopped = true;
	lifecycle_add_time(&f->life, f->image, LUTRA_MODE_AUDIT, HOUR_NS);
	assert_int_equal(lifecycle_save(dir, &f->life), 0);
	assert_false(f->life.changed);
	assert_int_equal(lifecycle_load(dir, &again, NULL), 0);
	assert_true(again.images->stopped);
	a = lifecycle_to_json(&f->life);
	b = lifecycle_to_json(&again);
	assert_true(json_equal(a, b));
	scratch_remove(dir);
}

/* Runs that were cut of one container: the first has its start. */
static void lifecycle_counts_the_runs_that_saw_a_start(void **state)
{
	struct fixture *f = *state;
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	char *dir = scratch_dir();

	for (unsigned i = 0; i < 3; i++) {
		add_run(f, 100, 0);
		f->image->runs[i].start = i == 0;
	}
	assert_ptr_equal(lifecycle_find_run(f->image, "run000002.ltr"), &f->image->runs[1]);
	assert_null(lifecycle_find_run(f->image, "run000004.ltr"));
	lifecycle_on_trained(&f->life, f->image);
	assert_int_equal(f->image->policy_starts, 1);
	assert_int_equal(lifecycle_save(dir, &f->life), 0);
	assert_int_equal(lifecycle_load(dir, &again, NULL), 0);
	assert_int_equal(again.images->policy_starts, 1);
	assert_true(again.images->runs[0].start);
	assert_false(again.images->runs[1].start);
	scratch_remove(dir);
}

/* An older lutrad recorded each run from the start of its container. */
static void lifecycle_takes_runs_of_an_older_file_for_starts(void **state)
{
	struct fixture *f = *state;
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	json_auto_t *j = NULL;
	_cleanup_free_ char *text = NULL;

	train_with_runs(f, 2, 100);
	j = lifecycle_to_json(&f->life);
	json_object_del(json_array_get(j, 0), "policy_starts");
	json_object_del(json_array_get(json_object_get(json_array_get(j, 0), "runs"), 1), "start");
	text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(lifecycle_parse(text, strlen(text), &again, NULL), 0);
	assert_int_equal(again.images->policy_starts, 2);
	assert_true(again.images->runs[1].start);
}

/* A file from before learning went on until little is new. */
static void lifecycle_of_an_older_version_ends_after_its_runs(void **state)
{
	struct fixture *f = *state;
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	json_auto_t *j = lifecycle_to_json(&f->life);
	_cleanup_free_ char *text = NULL;
	static const char *const keys[] = {"by_runs", "began_ns", "unseen"};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(json_object_del(json_array_get(j, 0), keys[i]), 0);
	text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(lifecycle_parse(text, strlen(text), &again, NULL), 0);
	assert_true(again.images->by_runs);
	assert_int_equal(again.images->wanted, 5);
	assert_int_equal(again.images->unseen.runs, 0);
}

static void lifecycle_refuses_a_file_that_is_damaged(void **state)
{
	struct fixture *f = *state;
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	json_auto_t *j = NULL;
	_cleanup_free_ char *text = NULL;
	struct err err;

	train_with_runs(f, 2, 1234);
	j = lifecycle_to_json(&f->life);
	text = json_dumps(j, JSON_COMPACT);
	for (size_t len = 0; len < strlen(text); len++) {
		assert_int_equal(lifecycle_parse(text, len, &again, &err), -EBADMSG);
		assert_null(again.images);
	}
	json_object_set_new(json_array_get(j, 0), "policy", json_string("../../etc"));
	free(TAKE_PTR(text));
	text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(lifecycle_parse(text, strlen(text), &again, &err), -EBADMSG);
}

static void lifecycle_limits_refuse_what_is_no_number_of_theirs(void **state)
{
	static const char *const bad[] = {"[]",
					  "3",
					  "{\"runs\": 0}",
					  "{\"runs\": \"5\"}",
					  "{\"clean_minutes\": -1}",
					  "{\"hours\": 1}",
					  "{\"exec_sessions\": \"deny\"}",
					  "{\"disk_mib\": 0}",
					  "{\"run_max_s\": 0}",
					  "{\"run_max_mib\": 0}"};
	struct config_life l = {.runs = 77};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_auto_t *j = json_loads(bad[i], JSON_DECODE_ANY, NULL);

		assert_int_equal(config_life_parse(j, &l, &err), -EBADMSG);
		assert_int_equal(l.runs, 77);
	}
}

static void lifecycle_limits_audit_exec_sessions_unless_told(void **state)
{
	json_auto_t *j = json_pack("{s:s}", "exec_sessions", "guard");
	struct config_life l;

	(void)state;
	assert_int_equal(config_life_parse(NULL, &l, NULL), 0);
	assert_false(l.guard_sessions);
	assert_int_equal(config_life_parse(j, &l, NULL), 0);
	assert_true(l.guard_sessions);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lifecycle_setup, lifecycle_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lifecycle_gate_asks_for_runs_calls_and_clean_hours),
		T(lifecycle_clean_hours_begin_again_with_a_signal_that_would_refuse),
		T(lifecycle_clean_hours_are_those_in_audit),
		T(lifecycle_allows_by_force_what_it_then_names),
		T(lifecycle_is_watched_in_its_first_minutes_in_force),
		T(lifecycle_is_watched_in_the_first_minutes_of_a_release),
		T(lifecycle_goes_on_until_little_is_new),
		T(lifecycle_ends_after_the_runs_that_were_asked_for),
		T(lifecycle_of_a_policy_made_anew_counts_its_runs_alone),
		T(lifecycle_ends_at_the_latest_after_a_week),
		T(lifecycle_takes_the_unseen_of_a_coverage_report),
		T(lifecycle_of_an_older_version_ends_after_its_runs),
		T(lifecycle_of_another_digest_drops_the_runs_that_wait),
		T(lifecycle_chooses_for_a_container),
		T(lifecycle_knows_the_releases_of_an_image),
		T(lifecycle_keeps_its_digest_after_runs_of_an_unknown_one),
		T(lifecycle_forgets_the_first_of_too_many_releases),
		T(lifecycle_finds_an_image_as_engines_complete_it),
		T(lifecycle_comes_back_as_it_was_saved),
		T(lifecycle_counts_the_runs_that_saw_a_start),
		T(lifecycle_takes_runs_of_an_older_file_for_starts),
		T(lifecycle_refuses_a_file_that_is_damaged),
		cmocka_unit_test(lifecycle_limits_refuse_what_is_no_number_of_theirs),
		cmocka_unit_test(lifecycle_limits_audit_exec_sessions_unless_told),
	};

	return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
