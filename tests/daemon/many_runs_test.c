/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer of lutrad with more recorded runs than it can be given at once. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "tests/support/daemon/lutrad.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/policy/lifecycle.h"

#define MANY 2000

/* Says in life.json that an image has recorded runs that its policy, if any, has not learned from. */
static void save_runs(const char *state_dir, bool trained)
{
	_cleanup_free_ char *learn = scratch_path(state_dir, "learn");
	_cleanup_free_ char *dir = scratch_path(learn, "many-1");
	struct lifecycle all = {};
	struct lifecycle_image *i;

	mkdir(learn, 0700);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(lifecycle_add(&all, "example.org/many:1", &i, NULL), 0);
	free(i->policy);
	i->policy = strdup("many-1");
	i->trained = trained;
	lifecycle_begin(&all, i, 5, &(struct config_life){.runs = 5}, 1);
	for (unsigned k = 1; k <= MANY; k++) {
		_cleanup_free_ char *path = NULL;
		char name[32];

		snprintf(name, sizeof(name), "run%06u.ltr", k);
		path = scratch_path(dir, name);
		scratch_write(path, "", 0);
		assert_int_equal(lifecycle_add_run(&all, i, name, true), 0);
	}
	assert_int_equal(lifecycle_save(state_dir, &all), 0);
	lifecycle_done(&all);
}

static char *log_text(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log");
	char *text = NULL;
	size_t len;

	return file_read(AT_FDCWD, path, 1 << 24, &text, &len, NULL) == 0 ? text : NULL;
}

static bool has_failed(struct fixture *f)
{
	_cleanup_free_ char *text = log_text(f);

	return text && strstr(text, "training failed");
}

/* The runs are empty files, which the trainer refuses: it was started, and said so. */
static void learn_gives_the_trainer_any_number_of_runs(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state"), *text = NULL;

	lutrad_stop(f);
	save_runs(state_dir, false);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(has_failed, f));
	text = log_text(f);
	assert_non_null(strstr(text, "run000001.ltr: not a lutra trace"));
	assert_true(lutrad_listens(f));
}

/* Saves a policy that has learned from as many runs as one can. */
static void save_full_policy(const struct fixture *f)
{
	_cleanup_free_ char *dir = scratch_path(f->dir, "many-1"), *model = NULL;
	struct policy *p = sample_policy();

	p->runs = realloc(p->runs, CONFIG_LIFE_RUNS_MAX * sizeof(*p->runs));
	assert_non_null(p->runs);
	for (; p->n_runs < CONFIG_LIFE_RUNS_MAX; p->n_runs++) {
		p->runs[p->n_runs] = p->runs[0];
		p->runs[p->n_runs].file = strdup("run.ltr");
	}
	assert_int_equal(policy_save(p, dir, NULL), 0);
	policy_free(p);
	/* It need not be readable: nothing is trained. */
	model = scratch_path(dir, POLICY_MODEL_FILE);
	scratch_write(model, "", 0);
}

static void learn_says_that_a_policy_takes_no_more_runs(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state"), *text = NULL;

	lutrad_stop(f);
	save_full_policy(f);
	save_runs(state_dir, true);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(has_failed, f));
	text = log_text(f);
	assert_non_null(strstr(text, "has learned from 1000 runs, and takes no more"));
	assert_true(lutrad_listens(f));
}

static json_t *read_many(const struct fixture *f)
{
	json_auto_t *j = lutrad_ask(f, "learn", NULL, NULL);

	return json_incref(json_array_get(json_object_get(j, "images"), 0));
}

static size_t count_runs(const struct fixture *f)
{
	json_auto_t *image = read_many(f);

	return json_array_size(json_object_get(image, "runs"));
}

static json_t *ask_of_many(const struct fixture *f, const char *path, int run, struct err *err)
{
	json_t *body = json_pack("{s:s}", "image", "example.org/many:1");

	if (run)
		json_object_set_new(body, "run", json_integer(run));
	return lutrad_ask(f, path, body, err);
}

static void learn_drops_one_run_and_its_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state"), *file = NULL;
	json_auto_t *dropped = NULL;
	struct err err = {};

	lutrad_stop(f);
	save_runs(state_dir, false);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
	file = scratch_path(state_dir, "learn/many-1/run000007.ltr");
	assert_int_equal(access(file, F_OK), 0);
	dropped = ask_of_many(f, "learn/drop", 7, NULL);
	assert_non_null(dropped);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(count_runs(f), MANY - 1);
	assert_null(ask_of_many(f, "learn/drop", 7, &err));
	assert_non_null(strstr(err.msg, "has no run 7"));
}

static void learn_forgets_an_image_and_its_recordings_and_leaves_its_policy(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state"), *dir = NULL, *policy = NULL;
	json_auto_t *gone = NULL, *image = NULL;
	struct err err = {};

	lutrad_stop(f);
	save_full_policy(f);
	save_runs(state_dir, true);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
	gone = ask_of_many(f, "learn/forget", 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(gone, "runs")), MANY);
	assert_string_equal(json_string_value(json_object_get(gone, "policy")), "many-1");
	dir = scratch_path(state_dir, "learn/many-1");
	assert_int_equal(access(dir, F_OK), -1);
	policy = scratch_path(f->dir, "many-1/" POLICY_JSON_FILE);
	assert_int_equal(access(policy, F_OK), 0);
	assert_null(ask_of_many(f, "learn/forget", 0, &err));
	assert_non_null(strstr(err.msg, "is not learned"));
	/* The next lutrad does not know the image either. */
	lutrad_restart(f);
	image = read_many(f);
	assert_null(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(learn_gives_the_trainer_any_number_of_runs),
		T(learn_drops_one_run_and_its_file),
		T(learn_forgets_an_image_and_its_recordings_and_leaves_its_policy),
		T(learn_says_that_a_policy_takes_no_more_runs),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("many_runs", tests, NULL, NULL);
}
