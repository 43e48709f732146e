/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/scratch.h"

const struct train_options made_policy_options = {
	.image = "made", .seed = 1, .threads = 1, .kill_matches = 2, .mode = TRAIN_MODE_DEFAULT};

struct policy *made_policy_train(const struct corpus *c, const struct train_options *options)
{
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "p");
	_cleanup_(policy_freep) struct policy *trained = NULL;
	struct policy *loaded = NULL;
	struct err err = {""};

	if (train_policy(c, options, NULL, &trained, &err) < 0 ||
	    policy_save(trained, path, &err) < 0 || policy_load(&loaded, path, &err) < 0) {
		fail_msg("%s", err.msg);
		abort();
	}
	scratch_remove(dir);
	return loaded;
}

struct policy *made_policy_train_service(void)
{
	static const char *const names[] = {"a", "bb", "ccc"};
	struct policy *p;
	struct corpus c;

	assert_int_equal(corpus_init(&c), 0);
	for (unsigned i = 0; i < 3; i++)
		made_run_service(&c, names[i], i, 50);
	p = made_policy_train(&c, &made_policy_options);
	corpus_done(&c);
	return p;
}

struct lutra_judgement made_policy_judge(const struct policy *p, struct lutra_object o,
					 const char *path, uint8_t role)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct lutra_judgement j = {0};
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	path_text_parse(path, strlen(path), &parsed);
	o.flags |= LUTRA_OBJ_PATH;
	lutra_judge_object(image, &o, &parsed, role, fold, &j);
	return j;
}
