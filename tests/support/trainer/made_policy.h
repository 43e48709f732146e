/* SPDX-License-Identifier: Apache-2.0 */
/* Policies trained of made runs, for the tests of the trainer. Errors end the test. */
#ifndef LUTRA_TESTS_SUPPORT_TRAINER_MADE_POLICY_H
#define LUTRA_TESTS_SUPPORT_TRAINER_MADE_POLICY_H

#include "lutra/score.h"
#include "trainer/train.h"

/* How most tests train: one thread, seed 1. */
extern const struct train_options made_policy_options;

/* Trains a policy of the corpus, saves it and loads it again. The caller frees it. */
struct policy *made_policy_train(const struct corpus *c, const struct train_options *options);

/* Trains a policy of three runs of made_run_service(). The caller frees it. */
struct policy *made_policy_train_service(void);

/* Judges an object at a path in a role. */
struct lutra_judgement made_policy_judge(const struct policy *p, struct lutra_object o,
					 const char *path, uint8_t role);

#endif
