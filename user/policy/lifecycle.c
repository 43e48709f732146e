/* SPDX-License-Identifier: Apache-2.0 */
/* Counts runs, matches and hours, and decides on modes. Pure: no files, no thread, no clock. */
#include "user/policy/lifecycle.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/list.h"
#include "lib/abi/names.h"
#include "lutra/abi.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

static void lifecycle_image_free(struct lifecycle_image *i)
{
	if (!i)
		return;
	for (size_t k = 0; k < i->n_runs; k++)
		free(i->runs[k].file);
	free(i->runs);
	for (size_t k = 0; k < i->n_releases; k++)
		free(i->releases[k].digest);
	free(i->releases);
	free(i->image);
	free(i->policy);
	free(i->digest);
	free(i->learned);
	free(i->note);
	free(i);
}
DEFINE_FREEP(struct lifecycle_image, lifecycle_image_free);

void lifecycle_done(struct lifecycle *l)
{
	while (l->images)
		lifecycle_image_free(LIST_POP(l->images));
}

struct lifecycle_image *lifecycle_of_container(const struct lifecycle *l,
					       const struct identity *identity)
{
	struct lifecycle_image *best = NULL;
	enum image_match how = IMAGE_NO_MATCH;

	for (struct lifecycle_image *i = l->images; i; i = i->next) {
		bool other;
		enum image_match m = image_match(identity, i->image, NULL, &other);

		if (m > how) {
			best = i;
			how = m;
		}
	}
	return best;
}

struct lifecycle_image *lifecycle_find(const struct lifecycle *l, const char *image)
{
	_cleanup_(identity_done) struct identity asked = {};
	bool other;

	if (identity_set(&asked.image, image) < 0 || !asked.image)
		return NULL;
	for (struct lifecycle_image *i = l->images; i; i = i->next) {
		struct identity known = {.image = i->image};

		if (image_match(&known, image, NULL, &other) &&
		    image_match(&asked, i->image, NULL, &other))
			return i;
	}
	return NULL;
}

struct lifecycle_image *lifecycle_of_policy(const struct lifecycle *l, const char *policy)
{
	struct lifecycle_image *i = l->images;

	while (i && strcmp(i->policy, policy) != 0)
		i = i->next;
	return i;
}

/*
 * Makes the name of the policy: the reference, fit for a directory. short_name: without a registry
 * that most images have.
 */
static char *policy_of(const char *image, bool short_name)
{
	static const char *const common[] = {"docker.io/library/", "docker.io/", "localhost/"};
	char *name;

	for (size_t k = 0; short_name && k < sizeof(common) / sizeof(common[0]); k++) {
		if (strncmp(image, common[k], strlen(common[k])) == 0) {
			image += strlen(common[k]);
			break;
		}
	}
	name = strndup(image, LIFECYCLE_NAME_MAX);
	for (char *s = name; s && *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			*s = '-';
	if (name && *name == '.')
		*name = '-';
	return name;
}

static bool is_reference(const char *image)
{
	if (!*image || strlen(image) > IDENTITY_TEXT_MAX || *image == '/' || *image == '-')
		return false;
	for (; *image; image++)
		if (!isalnum((unsigned char)*image) && !strchr("._-/:@+", *image))
			return false;
	return true;
}

int lifecycle_add(struct lifecycle *l, const char *image, struct lifecycle_image **ret,
		  struct err *err)
{
	_cleanup_(lifecycle_image_freep) struct lifecycle_image *i = calloc(1, sizeof(*i));
	const struct lifecycle_image *other;

	if (!is_reference(image))
		return err_set(err, -EINVAL,
			       "%.200s: not an image reference: write it as nginx:1.25", image);
	if (!i)
		return err_oom(err);
	i->image = strdup(image);
	i->policy = policy_of(image, true);
	/* Another registry may have an image of the name. */
	if (i->policy && lifecycle_of_policy(l, i->policy)) {
		free(i->policy);
		i->policy = policy_of(image, false);
	}
	if (!i->image || !i->policy)
		return err_oom(err);
	other = lifecycle_of_policy(l, i->policy);
	if (other)
		return err_set(err, -EEXIST, "%.200s: the policy of %.200s has the same name",
			       image, other->image);
	*ret = i;
	LIST_PUSH(l->images, i);
	l->changed = true;
	TAKE_PTR(i);
	return 0;
}

void lifecycle_remove(struct lifecycle *l, struct lifecycle_image *i)
{
	LIST_REMOVE(l->images, i);
	lifecycle_image_free(i);
	l->changed = true;
}

void lifecycle_set_note(struct lifecycle *l, struct lifecycle_image *i, const char *fmt, ...)
{
	char *note = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&note, fmt, ap) < 0)
		note = NULL;
	va_end(ap);
	free(i->note);
	i->note = note;
	l->changed = true;
}

/* ---- runs ---- */

int lifecycle_add_run(struct lifecycle *l, struct lifecycle_image *i, const char *file, bool start)
{
	char *copy = strdup(file);

	if (!copy || ARRAY_RESERVE(i->runs, i->runs_size, i->n_runs + 1) < 0) {
		free(copy);
		return -ENOMEM;
	}
	i->runs[i->n_runs++] = (struct lifecycle_run){.file = copy, .start = start};
	i->fresh = true;
	l->changed = true;
	return 0;
}

void lifecycle_drop_run(struct lifecycle *l, struct lifecycle_image *i, size_t run)
{
	/* What is known of the unseen is that of all runs that wait. */
	if (!i->runs[run].used)
		i->unseen = (struct policy_unseen){};
	free(i->runs[run].file);
	memmove(&i->runs[run], &i->runs[run + 1], (i->n_runs - run - 1) * sizeof(*i->runs));
	i->n_runs--;
	l->changed = true;
}

int lifecycle_set_digest(struct lifecycle *l, struct lifecycle_image *i, const char *digest)
{
	char *copy;

	if (!digest || (i->learned && strcmp(i->learned, digest) == 0))
		return 0;
	copy = strdup(digest);
	if (!copy)
		return -ENOMEM;
	for (size_t k = i->n_runs; i->learned && k > 0; k--) {
		if (i->runs[k - 1].used)
			continue;
		lifecycle_drop_run(l, i, k - 1);
		i->dropped++;
	}
	free(i->learned);
	i->learned = copy;
	l->changed = true;
	return 0;
}

/* ---- releases ---- */

struct lifecycle_release *lifecycle_find_release(const struct lifecycle_image *i,
						 const char *digest)
{
	for (size_t k = 0; digest && k < i->n_releases; k++)
		if (strcmp(i->releases[k].digest, digest) == 0)
			return &i->releases[k];
	return NULL;
}

int lifecycle_add_release(struct lifecycle *l, struct lifecycle_image *i, const char *digest,
			  uint64_t now_ns, struct lifecycle_release **ret)
{
	struct lifecycle_release *known = lifecycle_find_release(i, digest);
	char *copy = known ? NULL : strdup(digest);

	if (!known) {
		if (!copy || ARRAY_RESERVE(i->releases, i->releases_size, i->n_releases + 1) < 0) {
			free(copy);
			return -ENOMEM;
		}
		if (i->n_releases == LIFECYCLE_RELEASES) {
			free(i->releases[0].digest);
			memmove(i->releases, i->releases + 1,
				--i->n_releases * sizeof(*i->releases));
		}
		known = &i->releases[i->n_releases++];
		*known = (struct lifecycle_release){.digest = copy, .seen_ns = now_ns};
		l->changed = true;
	}
	if (ret)
		*ret = known;
	return 0;
}

unsigned lifecycle_waiting_runs(const struct lifecycle_image *i)
{
	unsigned n = 0;

	for (size_t k = 0; k < i->n_runs; k++)
		n += !i->runs[k].used;
	return n;
}

void lifecycle_begin(struct lifecycle *l, struct lifecycle_image *i, uint32_t runs,
		     const struct config_life *limits, uint64_t now_ns)
{
	i->learning = true;
	i->accept_new = i->anew = i->stopped = false;
	i->by_runs = runs > 0;
	i->wanted = runs ? runs : (uint32_t)limits->runs;
	i->began_ns = now_ns;
	i->ended_late = false;
	l->changed = true;
}

enum lifecycle_end lifecycle_end(const struct lifecycle_image *i, const struct config_life *limits,
				 uint64_t now_ns)
{
	uint64_t end_ns = i->began_ns + limits->learn_hours * 60 * MINUTE_NS;
	unsigned runs = lifecycle_waiting_runs(i);
	double per_day = 24 * policy_unseen_per_hour(&i->unseen);

	if (i->by_runs)
		return runs >= i->wanted ? LIFECYCLE_ENOUGH : LIFECYCLE_GOES_ON;
	if (runs >= i->wanted && i->unseen.runs && per_day <= (double)limits->new_per_day)
		return LIFECYCLE_ENOUGH;
	if (runs >= CONFIG_LIFE_RUNS_MAX || (runs && i->began_ns && now_ns >= end_ns))
		return LIFECYCLE_TIME_IS_UP;
	return LIFECYCLE_GOES_ON;
}

double lifecycle_hours_more(const struct lifecycle_image *i, const struct config_life *limits)
{
	uint32_t things = i->unseen.all.things ? i->unseen.all.things : 1;
	double hours = 24. * things / (double)limits->new_per_day - i->unseen.hours;

	return hours > 0 ? hours : 0;
}

struct lifecycle_run *lifecycle_find_run(const struct lifecycle_image *i, const char *file)
{
	for (size_t k = 0; file && k < i->n_runs; k++)
		if (strcmp(i->runs[k].file, file) == 0)
			return &i->runs[k];
	return NULL;
}

int lifecycle_add_coverage(struct lifecycle *l, struct lifecycle_image *i, const json_t *coverage)
{
	const json_t *runs = json_object_get(coverage, "runs");
	struct policy_unseen unseen;
	json_t *one;
	size_t k;

	if (!json_is_array(runs) ||
	    policy_unseen_decode(json_object_get(coverage, "unseen"), &unseen, NULL) < 0)
		return -EBADMSG;
	json_array_foreach (runs, k, one) {
		json_int_t calls, objects, new_calls, new_objects;
		struct lifecycle_run *run;
		const char *file;
		double seconds;

		if (json_unpack(one, "{s:s, s:I, s:I, s:F, s:I, s:I}", "file", &file, "calls",
				&calls, "objects", &objects, "seconds", &seconds, "new_calls",
				&new_calls, "new_objects", &new_objects) < 0)
			return -EBADMSG;
		/* The report also names runs that the old policy was trained on. */
		run = lifecycle_find_run(i, file);
		if (!run || run->used)
			continue;
		run->calls = (uint64_t)calls;
		run->objects = (uint64_t)objects;
		run->seconds = seconds;
		run->new_calls = (uint64_t)new_calls;
		run->new_objects = (uint64_t)new_objects;
		run->counted = true;
	}
	i->unseen = unseen;
	l->changed = true;
	return 0;
}

/* A release that cannot be noted for lack of memory is learned once more when it comes again. */
static void note_learned(struct lifecycle *l, struct lifecycle_image *i, const char *digest)
{
	struct lifecycle_release *release;

	if (digest && lifecycle_add_release(l, i, digest, 0, &release) == 0)
		release->learned = true;
}

void lifecycle_on_trained(struct lifecycle *l, struct lifecycle_image *i)
{
	if (i->anew)
		i->policy_runs = i->policy_starts = 0, i->policy_calls = 0;
	for (size_t k = 0; k < i->n_runs; k++) {
		if (i->runs[k].used || !i->runs[k].given)
			continue;
		i->runs[k].used = true;
		i->policy_runs++;
		i->policy_starts += i->runs[k].start;
		i->policy_calls += i->runs[k].calls;
	}
	i->trained = true;
	i->learning = i->anew = false;
	i->unseen = (struct policy_unseen){};
	/* Runs whose digest is unknown say nothing of that of the policy, which they add to. */
	if (i->learned) {
		note_learned(l, i, i->digest);
		note_learned(l, i, i->learned);
		free(i->digest);
		i->digest = TAKE_PTR(i->learned);
	}
	lifecycle_on_mode_set(l, i);
}

/* ---- enrolment ---- */

static bool digests_differ(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

/* An image has a digest for each repository that it was pulled from. */
static bool is_of_other_digest(const struct identity *who, const char *digest)
{
	return digest && who->digest && !identity_has_digest(who, digest);
}

int lifecycle_choose(const struct lifecycle *l, const struct identity *who, const char *policy,
		     struct lifecycle_choice *ret)
{
	const struct lifecycle_image *i =
		policy ? lifecycle_of_policy(l, policy) : lifecycle_of_container(l, who);
	const struct lifecycle_release *release;
	bool changed;

	if (!policy && (!i || !i->learning))
		return -ENOENT;
	*ret = (struct lifecycle_choice){};
	if (!i)
		return 0;
	changed = i->trained && is_of_other_digest(who, i->digest);
	/* Runs of the image before are not wanted while those of another one are recorded. */
	if (!changed && i->trained && digests_differ(i->learned, i->digest))
		return 0;
	release = lifecycle_find_release(i, who->digest);
	ret->changed = changed;
	ret->seen_ns = release ? release->seen_ns : 0;
	ret->record =
		i->learning || (changed && (!i->learned || is_of_other_digest(who, i->learned)));
	/* A release that the policy knows, and that runs again, brings nothing new. */
	if (changed && release && release->learned)
		ret->record = false;
	return 0;
}

/* ---- the gate ---- */

bool lifecycle_is_gate_met(const struct lifecycle_image *i, const struct config_life *limits,
			   struct err *why)
{
	double clean = (double)i->clean_ns / (60. * MINUTE_NS);
	char text[sizeof(why->msg)] = "";
	size_t n = 0;

	if (!i->trained)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", it has no policy yet");
	if (i->policy_runs < limits->runs)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", learned from %u of %llu runs",
				      i->policy_runs, (unsigned long long)limits->runs);
	if (i->policy_calls < limits->calls)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", from %llu of %llu calls",
				      (unsigned long long)i->policy_calls,
				      (unsigned long long)limits->calls);
	if (i->clean_ns < limits->clean_minutes * MINUTE_NS)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      ", %.2f of %.2f hours clean in audit", clean,
				      (double)limits->clean_minutes / 60);
	if (n)
		err_set(why, 0, "%s", text + 2);
	return n == 0;
}

int lifecycle_allows_mode(const struct lifecycle *l, const struct config_life *limits,
			  const struct lifecycle_mode_request *ask, struct err *ret_overridden,
			  struct err *err)
{
	const struct lifecycle_image *i = lifecycle_of_policy(l, ask->policy);
	struct err why;

	ret_overridden->msg[0] = '\0';
	if (!i || ask->mode <= LUTRA_MODE_AUDIT || lifecycle_is_gate_met(i, limits, &why))
		return 0;
	if (!ask->force)
		return err_set(err, -EPERM,
			       "%.100s: not in mode %s yet: %.250s; wait, or use --force",
			       ask->policy, mode_name(ask->mode), why.msg);
	*ret_overridden = why;
	return 0;
}

void lifecycle_add_time(struct lifecycle *l, struct lifecycle_image *i, unsigned mode,
			uint64_t elapsed_ns)
{
	if (mode == LUTRA_MODE_AUDIT)
		i->clean_ns += elapsed_ns;
	else if (mode > LUTRA_MODE_AUDIT)
		i->enforced_ns += elapsed_ns;
	l->changed |= mode >= LUTRA_MODE_AUDIT;
}

void lifecycle_end_clean_time(struct lifecycle *l, struct lifecycle_image *i)
{
	i->clean_ns = 0;
	l->changed = true;
}

bool lifecycle_is_watched(const struct lifecycle_image *i, const struct config_life *limits,
			  const char *digest, uint64_t now_ns)
{
	const struct lifecycle_release *release = lifecycle_find_release(i, digest);
	uint64_t watched_ns = limits->fallback_minutes * MINUTE_NS;

	if (i->enforced_ns < watched_ns)
		return true;
	return release && release->seen_ns && now_ns < release->seen_ns + watched_ns;
}

void lifecycle_on_mode_set(struct lifecycle *l, struct lifecycle_image *i)
{
	i->clean_ns = i->enforced_ns = 0;
	l->changed = true;
}
