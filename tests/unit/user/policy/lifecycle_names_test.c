/* SPDX-License-Identifier: Apache-2.0 */
/* Images with more than one name or digest, and images of one name in two registries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "user/policy/lifecycle.h"

static void lifecycle_of_one_name_in_two_registries_has_two_policies(void **state)
{
	struct lifecycle_image *docker, *local, *third;
	struct lifecycle life = {};

	(void)state;
	assert_int_equal(lifecycle_add(&life, "docker.io/library/nginx:1", &docker, NULL), 0);
	assert_int_equal(lifecycle_add(&life, "localhost/nginx:1", &local, NULL), 0);
	assert_string_equal(docker->policy, "nginx-1");
	assert_string_equal(local->policy, "localhost-nginx-1");
	assert_ptr_equal(lifecycle_find(&life, "localhost/nginx:1"), local);
	assert_ptr_equal(lifecycle_find(&life, "nginx:1"), docker);
	assert_int_equal(lifecycle_add(&life, "localhost-nginx-1", &third, NULL), -EEXIST);
	lifecycle_done(&life);
}

static void lifecycle_of_an_image_of_two_repositories_knows_both_digests(void **state)
{
	char image[] = "nginx:1", digest[] = "sha256:a", alias[] = "mirror.example/nginx@sha256:b";
	struct identity who = {.image = image, .digest = digest, .aliases = alias};
	struct lifecycle_choice choice = {};
	struct lifecycle_image *i;
	struct lifecycle life = {};

	(void)state;
	assert_int_equal(lifecycle_add(&life, "docker.io/library/nginx:1", &i, NULL), 0);
	i->digest = strdup("sha256:b");
	i->trained = true;
	assert_int_equal(lifecycle_choose(&life, &who, "nginx-1", &choice), 0);
	assert_false(choice.changed);
	who.aliases = NULL;
	assert_int_equal(lifecycle_choose(&life, &who, "nginx-1", &choice), 0);
	assert_true(choice.changed);
	lifecycle_done(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifecycle_of_one_name_in_two_registries_has_two_policies),
		cmocka_unit_test(lifecycle_of_an_image_of_two_repositories_knows_both_digests),
	};

	return cmocka_run_group_tests_name("lifecycle_names", tests, NULL, NULL);
}
