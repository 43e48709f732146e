/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes life.json, and makes the JSON of an image for the status. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/policy/lifecycle.h"

#define LIFECYCLE_FILE "life.json"
#define LIFECYCLE_FILE_MAX (16u << 20)

static json_t *text_to_json(const char *s)
{
	return s ? text_json_keep(s) : json_null();
}

static json_t *recording_to_json(const struct lifecycle_run *r)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:f, s:b, s:b, s:b}", "file",
			 text_json_keep(r->file), "calls", (json_int_t)r->calls, "objects",
			 (json_int_t)r->objects, "new_calls", (json_int_t)r->new_calls,
			 "new_objects", (json_int_t)r->new_objects, "seconds", r->seconds, "start",
			 (int)r->start, "counted", (int)r->counted, "used", (int)r->used);
}

static json_t *recordings_to_json(const struct lifecycle_image *i)
{
	json_t *runs = json_array();

	for (size_t k = 0; k < i->n_runs; k++)
		json_array_append_new(runs, recording_to_json(&i->runs[k]));
	return runs;
}

static json_t *releases_to_json(const struct lifecycle_image *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->n_releases; k++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:b}", "digest",
						      text_json_keep(i->releases[k].digest),
						      "seen_ns", (json_int_t)i->releases[k].seen_ns,
						      "learned", (int)i->releases[k].learned));
	return list;
}

static json_t *saved_image_to_json(const struct lifecycle_image *i)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:o, s:b, s:I, s:o, s:b, s:b, s:b, s:o}",
		"image", text_json_keep(i->image), "policy", text_json_keep(i->policy), "digest",
		text_to_json(i->digest), "learned", text_to_json(i->learned), "note",
		text_to_json(i->note), "learning", (int)i->learning, "trained", (int)i->trained,
		"wanted", (json_int_t)i->wanted, "next", (json_int_t)i->number, "dropped",
		(json_int_t)i->dropped, "policy_runs", (json_int_t)i->policy_runs, "policy_starts",
		(json_int_t)i->policy_starts, "policy_calls", (json_int_t)i->policy_calls,
		"clean_ns", (json_int_t)i->clean_ns, "enforced_ns", (json_int_t)i->enforced_ns,
		"runs", recordings_to_json(i), "by_runs", (int)i->by_runs, "began_ns",
		(json_int_t)i->began_ns, "unseen", policy_unseen_encode(&i->unseen), "accept_new",
		(int)i->accept_new, "anew", (int)i->anew, "stopped", (int)i->stopped, "releases",
		releases_to_json(i));
}

json_t *lifecycle_to_json(const struct lifecycle *l)
{
	json_t *images = json_array();

	for (const struct lifecycle_image *i = l->images; i; i = i->next)
		json_array_append_new(images, saved_image_to_json(i));
	return images;
}

static int copy_text(const char *s, char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static bool is_count(json_int_t v, json_int_t max)
{
	return v >= 0 && v <= max;
}

/* Returns true if the name stays within its directory. */
static bool is_file_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/') && strlen(s) <= LIFECYCLE_NAME_MAX;
}

static int run_from_json(json_t *j, struct lifecycle *l, struct lifecycle_image *i)
{
	json_int_t calls, objects, new_calls, new_objects;
	struct lifecycle_run *r;
	int counted, used, start = 1; /* an older lutrad recorded nothing else */
	const char *file;
	double seconds;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:s, s:I, s:I, s:I, s:I, s:F, s:b, s:b, s?b}",
			   "file", &file, "calls", &calls, "objects", &objects, "new_calls",
			   &new_calls, "new_objects", &new_objects, "seconds", &seconds, "counted",
			   &counted, "used", &used, "start", &start) < 0 ||
	    !is_file_name(file) || calls < 0 || objects < 0 || new_calls < 0 || new_objects < 0)
		return -EBADMSG;
	if (lifecycle_add_run(l, i, file, start != 0) < 0)
		return -ENOMEM;
	r = &i->runs[i->n_runs - 1];
	r->calls = (uint64_t)calls;
	r->objects = (uint64_t)objects;
	r->new_calls = (uint64_t)new_calls;
	r->new_objects = (uint64_t)new_objects;
	r->seconds = seconds;
	r->counted = counted != 0;
	r->used = used != 0;
	return 0;
}

/* Reads how learning ends. A file of an older version has nothing of it: after the wanted runs. */
static int learning_from_json(json_t *j, struct lifecycle_image *ret, struct err *err)
{
	json_t *unseen = json_object_get(j, "unseen");
	json_int_t began = 0;
	int by_runs = 1, accept_new = 0, anew = 0, stopped = 0;

	if (json_unpack(j, "{s?b, s?I, s?b, s?b, s?b}", "by_runs", &by_runs, "began_ns", &began,
			"accept_new", &accept_new, "anew", &anew, "stopped", &stopped) < 0 ||
	    began < 0)
		return err_set(err, -EBADMSG, "not the state of an image");
	ret->by_runs = by_runs != 0;
	ret->accept_new = accept_new != 0;
	ret->anew = anew != 0;
	ret->stopped = stopped != 0;
	ret->began_ns = (uint64_t)began;
	return unseen ? policy_unseen_decode(unseen, &ret->unseen, err) : 0;
}

/* Reads the releases. A file of an older version has none. */
static int releases_from_json(json_t *list, struct lifecycle *l, struct lifecycle_image *ret,
			      struct err *err)
{
	struct lifecycle_release *release;
	json_t *one;
	size_t k;

	json_array_foreach (list, k, one) {
		const char *digest;
		json_int_t seen;
		int learned;

		if (json_unpack(one, "{s:s, s:I, s:b}", "digest", &digest, "seen_ns", &seen,
				"learned", &learned) < 0 ||
		    strlen(digest) > IDENTITY_TEXT_MAX || seen < 0)
			return err_set(err, -EBADMSG, "release %zu of %.200s is damaged", k + 1,
				       ret->image);
		if (lifecycle_add_release(l, ret, digest, (uint64_t)seen, &release) < 0)
			return err_oom(err);
		release->learned = learned != 0;
	}
	return 0;
}

static int image_from_json(json_t *j, struct lifecycle *l, struct err *err)
{
	json_int_t wanted, next, dropped, policy_runs, policy_calls, clean, enforced;
	json_int_t starts = -1; /* an older lutrad: as many as runs */
	const char *image, *policy;
	struct lifecycle_image *i;
	int learning, trained, r;
	json_t *digest, *learned, *note, *runs, *one, *rest, *releases = NULL;
	size_t k;

	if (json_unpack_ex(j, NULL, JSON_STRICT,
			   "{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			   "s:o, s?I, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o}",
			   "image", &image, "policy", &policy, "digest", &digest, "learned",
			   &learned, "note", &note, "learning", &learning, "trained", &trained,
			   "wanted", &wanted, "next", &next, "dropped", &dropped, "policy_runs",
			   &policy_runs, "policy_calls", &policy_calls, "clean_ns", &clean,
			   "enforced_ns", &enforced, "runs", &runs, "policy_starts", &starts,
			   "by_runs", &rest, "began_ns", &rest, "unseen", &rest, "accept_new",
			   &rest, "anew", &rest, "stopped", &rest, "releases", &releases, "fired",
			   &rest) < 0 ||
	    !is_file_name(policy) || !is_count(starts + 1, UINT32_MAX) ||
	    !is_count(wanted, CONFIG_LIFE_RUNS_MAX) || !is_count(next, UINT32_MAX) ||
	    !is_count(dropped, UINT32_MAX) || !is_count(policy_runs, UINT32_MAX) ||
	    policy_calls < 0 || clean < 0 || enforced < 0 || !json_is_array(runs))
		return err_set(err, -EBADMSG, "not the state of an image");
	r = lifecycle_add(l, image, &i, err);
	if (r < 0)
		return r;
	free(TAKE_PTR(i->policy));
	if (copy_text(policy, &i->policy) < 0 ||
	    copy_text(json_string_value(digest), &i->digest) < 0 ||
	    copy_text(json_string_value(learned), &i->learned) < 0 ||
	    copy_text(json_string_value(note), &i->note) < 0)
		return err_oom(err);
	r = learning_from_json(j, i, err);
	if (r == 0)
		r = releases_from_json(releases, l, i, err);
	if (r < 0)
		return r;
	i->learning = learning != 0;
	i->trained = trained != 0;
	i->wanted = (uint32_t)wanted;
	i->number = (uint32_t)next;
	i->dropped = (uint32_t)dropped;
	i->policy_runs = (uint32_t)policy_runs;
	i->policy_starts = (uint32_t)(starts < 0 ? policy_runs : starts);
	i->policy_calls = (uint64_t)policy_calls;
	i->clean_ns = (uint64_t)clean;
	i->enforced_ns = (uint64_t)enforced;
	json_array_foreach (runs, k, one)
		if (run_from_json(one, l, i) < 0)
			return err_set(err, -EBADMSG, "run %zu of %.200s is damaged", k + 1, image);
	return 0;
}

int lifecycle_parse(const char *text, size_t len, struct lifecycle *ret, struct err *err)
{
	json_error_t je;
	json_auto_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	_cleanup_(lifecycle_done) struct lifecycle l = {};

	if (!json_is_array(j))
		return err_set(err, -EBADMSG, "%s", j ? "not an array" : je.text);
	/* lifecycle_add() puts each image in front, so read from the end. */
	for (size_t k = json_array_size(j); k > 0; k--) {
		int r = image_from_json(json_array_get(j, k - 1), &l, err);

		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
	}
	ret->images = TAKE_PTR(l.images);
	ret->changed = false;
	return 0;
}

int lifecycle_load(const char *state_dir, struct lifecycle *ret, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct err why = {};
	size_t len;
	int r;

	if (asprintf(&path, "%s/" LIFECYCLE_FILE, state_dir) < 0)
		return err_oom(err);
	r = file_read(AT_FDCWD, path, LIFECYCLE_FILE_MAX, &text, &len, err);
	if (r == -ENOENT) {
		*ret = (struct lifecycle){};
		return 0;
	}
	if (r == -EFBIG || r == -EINVAL) /* too large, or no regular file */
		return -EBADMSG;
	if (r < 0)
		return r;
	r = lifecycle_parse(text, len, ret, &why);
	return r < 0 ? err_set(err, r, "%s: %s", path, why.msg) : 0;
}

int lifecycle_save(const char *state_dir, struct lifecycle *l)
{
	json_auto_t *j = lifecycle_to_json(l);
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r;

	text = j ? json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;
	if (!text || asprintf(&path, "%s/" LIFECYCLE_FILE, state_dir) < 0)
		return -ENOMEM;
	mkdir(state_dir, 0700);
	r = file_replace(path, 0600, text, strlen(text));
	if (r == 0)
		l->changed = false;
	return r;
}

static const char *stage_of(const struct lifecycle_image *i, unsigned mode)
{
	if (i->trained)
		return mode_name(mode);
	return i->learning ? "learn" : "stopped";
}

/* Returns how learning goes: what is known of the unseen, and when it ends. */
static json_t *learning_to_json(const struct lifecycle_image *i, const struct config_life *limits,
				uint64_t now_ns)
{
	double hours = i->began_ns ? (double)(now_ns - i->began_ns) / 3.6e12 : 0;
	char text[POLICY_UNSEEN_TEXT];
	double recorded = 0;

	if (i->unseen.runs)
		policy_unseen_text(&i->unseen, text);
	for (size_t k = 0; k < i->n_runs; k++)
		recorded += i->runs[k].used ? 0 : i->runs[k].seconds / 3600;
	return json_pack("{s:b, s:f, s:o, s:o, s:f, s:f, s:f}", "by_runs", (int)i->by_runs,
			 "hours_recorded", recorded, "unseen", policy_unseen_encode(&i->unseen),
			 "unseen_text", i->unseen.runs ? json_string(text) : json_null(),
			 "new_per_day", (double)limits->new_per_day, "hours_more",
			 lifecycle_hours_more(i, limits), "hours_left",
			 fmax((double)limits->learn_hours - hours, 0));
}

json_t *lifecycle_image_to_json(const struct lifecycle_image *i, const struct config_life *limits,
				unsigned mode, uint64_t now_ns)
{
	struct err why = {};
	bool open = lifecycle_is_gate_met(i, limits, &why);
	json_t *j = json_pack(
		"{s:o, s:o, s:s, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b, s:o, "
		"s:o, s:o}",
		"image", text_json_keep(i->image), "policy", text_json_keep(i->policy), "stage",
		stage_of(i, mode), "digest", text_to_json(i->digest), "learning", (int)i->learning,
		"anew", (int)i->anew, "trained", (int)i->trained, "runs_wanted",
		(json_int_t)i->wanted, "runs_waiting", (json_int_t)lifecycle_waiting_runs(i),
		"runs_dropped", (json_int_t)i->dropped, "policy_runs", (json_int_t)i->policy_runs,
		"policy_starts", (json_int_t)i->policy_starts, "policy_calls",
		(json_int_t)i->policy_calls, "clean_hours", (double)i->clean_ns / 3.6e12,
		"gate_met", (int)open, "gate", open ? json_null() : text_json_keep(why.msg), "note",
		text_to_json(i->note), "runs", recordings_to_json(i));

	json_object_update_new(j, learning_to_json(i, limits, now_ns));
	return j;
}
