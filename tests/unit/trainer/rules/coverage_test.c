/* SPDX-License-Identifier: Apache-2.0 */
/* What each run did that no run before it had done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "trainer/train.h"

static void train_news(const struct corpus *c, json_t **ret)
{
	const struct train_options options = {.image = "made",
					      .seed = 1,
					      .threads = 1,
					      .mode = TRAIN_MODE_DEFAULT,
					      .ret_coverage = ret};
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err err = {""};

	if (train_policy(c, &options, NULL, &p, &err) < 0)
		fail_msg("%s", err.msg);
}

static json_int_t run_coverage(const json_t *found, size_t run, const char *key)
{
	return json_integer_value(
		json_object_get(json_array_get(json_object_get(found, "runs"), run), key));
}

/* The first run is all new; an equal run is not; a run with one more system call has one new. */
static void coverage_of_a_run_is_what_no_run_before_had(void **state)
{
	_cleanup_(corpus_done) struct corpus c = {};
	json_auto_t *found = NULL;
	struct made_run m;

	(void)state;
	assert_int_equal(corpus_init(&c), 0);
	made_run_service(&c, "0.ltr", 7, 200);
	made_run_service(&c, "1.ltr", 7, 200);
	m = made_run_new(&c);
	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	made_run_syscall(&m, 1, SYS_getpid);
	made_run_syscall(&m, 1, SYS_sethostname);
	made_run_end(&m, "2.ltr", false);
	train_news(&c, &found);
	assert_true(run_coverage(found, 0, "new_calls") > 0);
	assert_true(run_coverage(found, 0, "new_objects") > 0);
	assert_int_equal(run_coverage(found, 1, "new_calls"), 0);
	assert_int_equal(run_coverage(found, 1, "new_objects"), 0);
	assert_true(run_coverage(found, 2, "new_calls") > 0);
	assert_true(run_coverage(found, 2, "new_calls") <= 2);
	assert_int_equal(run_coverage(found, 2, "new_objects"), 0);
	assert_int_equal(run_coverage(found, 2, "calls"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coverage_of_a_run_is_what_no_run_before_had),
	};

	return cmocka_run_group_tests_name("train_coverage", tests, NULL, NULL);
}
