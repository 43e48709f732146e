/* SPDX-License-Identifier: Apache-2.0 */
/* Makes policies that are updated. */
#include "tests/support/trainer/made_update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/scratch.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/model/level_m/m_weights.h"
#include "trainer/model/tables/update.h"
#include "trainer/train.h"

void made_update_train(const struct corpus *c, const struct policy *old, unsigned threads,
		       struct policy **ret)
{
	const struct train_options options = {.old = old,
					      .image = "made",
					      .seed = old ? old->seed : 1,
					      .threads = threads,
					      .mode = TRAIN_MODE_DEFAULT};
	struct err err = {""};

	if (train_policy(c, &options, NULL, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

/* A policy of n runs, saved and loaded, and a corpus that begins with it. */
static int make_fixture(void **state, unsigned n)
{
	struct made_update *f = calloc(1, sizeof(*f));
	_cleanup_(policy_freep) struct policy *p = NULL;
	char name[16];

	assert_non_null(f);
	f->dir = scratch_dir();
	f->path = scratch_path(f->dir, "p");
	f->path2 = scratch_path(f->dir, "q");
	f->model = scratch_path(f->dir, "p/model.lut");
	assert_int_equal(corpus_init(&f->before), 0);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%u.ltr", i);
		made_run_service(&f->before, name, i, 200);
	}
	made_update_train(&f->before, NULL, 1, &p);
	assert_int_equal(policy_save(p, f->path, NULL), 0);
	assert_int_equal(policy_load(&f->old, f->path, NULL), 0);
	assert_int_equal(policy_load_model(f->old, f->path, NULL), 0);
	assert_int_equal(corpus_init(&f->corpus), 0);
	assert_int_equal(update_restore_corpus(f->old, &f->corpus, NULL), 0);
	*state = f;
	return 0;
}

int made_update_setup(void **state)
{
	return make_fixture(state, M_WEIGHTS_RUNS);
}

int made_update_few_setup(void **state)
{
	return make_fixture(state, M_WEIGHTS_RUNS - 2);
}

int made_update_teardown(void **state)
{
	struct made_update *f = *state;

	corpus_done(&f->before);
	corpus_done(&f->corpus);
	policy_free(f->old);
	policy_free(f->p);
	scratch_remove(f->dir);
	free(f->path);
	free(f->path2);
	free(f->model);
	free(f);
	return 0;
}
