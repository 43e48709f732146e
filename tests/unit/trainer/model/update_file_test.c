/* SPDX-License-Identifier: Apache-2.0 */
/* What an update needs of the old policy, and what the file of its model is refused for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "tests/support/sample.h"
#include "tests/support/trainer/made_update.h"
#include "trainer/model/tables/update.h"

static void update_refuses_a_policy_without_level_m(void **state)
{
	struct made_update *f = *state;
	struct err err = {""};

	assert_int_equal(update_check_policy(f->old, &err), 0);
	f->old->threshold = LUTRA_THRESHOLD_OFF; /* as of an older format */
	assert_int_equal(update_check_policy(f->old, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "lutra learn --image REF --anew"));
}

static void update_refuses_a_policy_without_a_sound_model(void **state)
{
	struct made_update *f = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_close_ int fd = open(f->model, O_RDWR | O_CLOEXEC);
	struct err err = {""};

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 100), 1);
	assert_int_equal(policy_load(&p, f->path, NULL), 0);
	assert_int_equal(policy_load_model(p, f->path, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "train it anew"));
	assert_int_equal(unlink(f->model), 0);
	assert_int_equal(policy_load_model(p, f->path, &err), -ENODATA);
	assert_null(p->model);
}

static void policy_model_decode_refuses_what_is_cut_or_bent(void **state)
{
	struct made_update *f = *state;
	_cleanup_free_ char *data = NULL;
	uint64_t rng = 3;
	size_t len = 0;

	assert_int_equal(file_read(AT_FDCWD, f->model, 1u << 26, &data, &len, NULL), 0);
	assert_true(len > 0);
	for (size_t n = 0; n < len; n += 1 + n / 50) {
		struct policy_model *m = NULL;

		assert_int_equal(policy_model_decode(&m, (uint8_t *)data, n, NULL), -EBADMSG);
		assert_null(m);
	}
	for (int i = 0; i < 500; i++) {
		_cleanup_(policy_model_freep) struct policy_model *m = NULL;
		size_t at = sample_random(&rng) % (len + !len);
		char was = data[at];

		data[at] = (char)sample_random(&rng);
		(void)policy_model_decode(&m, (uint8_t *)data, len, NULL);
		data[at] = was;
	}
}

/* What no softmax gives would make weights that are no numbers. */
static void policy_model_decode_refuses_heads_out_of_range(void **state)
{
	static const float bad[] = {-1e30f, 1e30f, NAN, INFINITY};
	struct made_update *f = *state;
	struct policy_model *m = f->old->model;
	float was = m->layer[1].la[0];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_free_ uint8_t *data = NULL;
		struct policy_model *again = NULL;
		size_t len;

		m->layer[1].la[0] = bad[i];
		assert_int_equal(policy_model_encode(m, &data, &len), 0);
		assert_int_equal(policy_model_decode(&again, data, len, NULL), -EBADMSG);
		assert_null(again);
	}
	m->layer[1].la[0] = was;
}

#define T(f) cmocka_unit_test_setup_teardown(f, made_update_setup, made_update_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(update_refuses_a_policy_without_level_m),
		T(update_refuses_a_policy_without_a_sound_model),
		T(policy_model_decode_refuses_what_is_cut_or_bent),
		T(policy_model_decode_refuses_heads_out_of_range),
	};

	return cmocka_run_group_tests_name("update_file", tests, NULL, NULL);
}
