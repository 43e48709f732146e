/* SPDX-License-Identifier: Apache-2.0 */
/* Which policy of a directory is for which image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <string.h>

#include "tests/support/scratch.h"
#include "user/policy/image_index.h"

struct fixture {
	char *dir;
	struct image_index *image_index;
};

static int image_index_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	*state = f;
	return image_index_new(&f->image_index, f->dir);
}

static int image_index_teardown(void **state)
{
	struct fixture *f = *state;

	image_index_free(f->image_index);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static void put_policy(const struct fixture *f, const char *name, const char *json)
{
	_cleanup_free_ char *dir = scratch_path(f->dir, name);
	_cleanup_free_ char *path = scratch_path(dir, "policy.json");

	mkdir(dir, 0700);
	scratch_write(path, json, strlen(json));
}

/* Its name, or NULL. */
static const char *find_policy(struct fixture *f, const char *image, const char *digest,
			       struct image_index_match *m)
{
	_cleanup_(identity_done) struct identity w = {};
	struct err err;

	assert_int_equal(identity_set(&w.image, image), 0);
	assert_int_equal(identity_set(&w.digest, digest), 0);
	*m = (struct image_index_match){};
	if (image_index_find(f->image_index, &w, m, &err) == 0)
		return m->policy;
	assert_null(m->policy);
	return NULL;
}

static void image_index_finds_the_policy_that_fits_best(void **state)
{
	struct fixture *f = *state;
	struct image_index_match m;

	put_policy(f, "any", "{\"image\": \"nginx\"}");
	put_policy(f, "b-tag", "{\"image\": \"nginx:1\", \"digest\": \"sha256:b\"}");
	put_policy(f, "a-tag", "{\"image\": \"nginx:1\", \"digest\": \"sha256:a\"}");
	put_policy(f, "c-tag", "{\"image\": \"nginx:1\", \"digest\": null}");
	put_policy(f, "other", "{\"image\": \"redis\"}");
	assert_string_equal(find_policy(f, "nginx:2", NULL, &m), "any");
	assert_int_equal(m.how, IMAGE_ANY_TAG);
	assert_string_equal(find_policy(f, "nginx:1", "sha256:b", &m), "b-tag");
	assert_int_equal(m.how, IMAGE_DIGEST);
	assert_string_equal(find_policy(f, "nginx:1", NULL, &m), "a-tag");
	/* A policy for any digest is before one for another. */
	assert_string_equal(find_policy(f, "nginx:1", "sha256:c", &m), "c-tag");
	assert_false(m.other_digest);
	assert_string_equal(find_policy(f, "docker.io/library/redis:7", NULL, &m), "other");
	assert_null(find_policy(f, "postgres", NULL, &m));
}

static void image_index_says_that_the_image_has_changed(void **state)
{
	struct fixture *f = *state;
	struct image_index_match m;

	put_policy(f, "web", "{\"image\": \"nginx:1\", \"digest\": \"sha256:a\"}");
	assert_string_equal(find_policy(f, "nginx:1", "sha256:b", &m), "web");
	assert_true(m.other_digest);
}

static void image_index_sees_what_changes(void **state)
{
	struct fixture *f = *state;
	struct image_index_match m;

	assert_null(find_policy(f, "nginx", NULL, &m));
	put_policy(f, "web", "{\"image\": \"nginx\"}");
	assert_string_equal(find_policy(f, "nginx", NULL, &m), "web");
	put_policy(f, "web", "{\"image\": \"redis\"} ");
	assert_null(find_policy(f, "nginx", NULL, &m));
	assert_string_equal(find_policy(f, "redis", NULL, &m), "web");
	put_policy(f, "web", "{\"ima");
	assert_null(find_policy(f, "redis", NULL, &m));
}

static void image_index_passes_over_what_is_no_policy(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *file = scratch_path(f->dir, "file");
	_cleanup_free_ char *empty = scratch_path(f->dir, "empty");
	struct image_index_match m;

	scratch_write(file, "{}", 2);
	mkdir(empty, 0700);
	put_policy(f, "none", "[]");
	put_policy(f, "number", "{\"image\": 5}");
	put_policy(f, ".web.new", "{\"image\": \"nginx\"}");
	assert_null(find_policy(f, "nginx", NULL, &m));
	put_policy(f, "web", "{\"image\": \"nginx\"}");
	assert_string_equal(find_policy(f, "nginx", NULL, &m), "web");
}

static void image_index_of_a_directory_that_is_not_there_is_enoent(void **state)
{
	_cleanup_(image_index_freep) struct image_index *c = NULL;
	struct identity w = {};
	struct image_index_match m;
	struct err err;

	(void)state;
	assert_int_equal(image_index_new(&c, "/no/such/policies.d"), 0);
	assert_int_equal(image_index_find(c, &w, &m, &err), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, image_index_setup, image_index_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(image_index_finds_the_policy_that_fits_best),
		T(image_index_says_that_the_image_has_changed),
		T(image_index_sees_what_changes),
		T(image_index_passes_over_what_is_no_policy),
		cmocka_unit_test(image_index_of_a_directory_that_is_not_there_is_enoent),
	};

	return cmocka_run_group_tests_name("image_index", tests, NULL, NULL);
}
