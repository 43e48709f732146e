/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of tests of updates: a policy of some runs, and a corpus that begins with it. */
#ifndef LUTRA_TESTS_SUPPORT_TRAINER_MADE_UPDATE_H
#define LUTRA_TESTS_SUPPORT_TRAINER_MADE_UPDATE_H

#include "trainer/data/corpus.h"

struct made_update {
	struct corpus before, corpus; /* that of the training, that of the update */
	struct policy *old, *p;
	char *dir, *path, *path2, *model;
};

/* Trains a policy; old: the one that is updated, or NULL. Fails the test on an error. */
void made_update_train(const struct corpus *c, const struct policy *old, unsigned threads,
		       struct policy **ret);

/* Of a policy of enough runs for level M to alert, and of one of fewer. */
int made_update_setup(void **state);
int made_update_few_setup(void **state);
int made_update_teardown(void **state);

#endif
