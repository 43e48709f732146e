/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updating a policy with new runs. A policy saves what an update needs of its training. The update
 * restores the old runs as counts and the layers as they were, and counts the new runs by them.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_UPDATE_H
#define LUTRA_TRAINER_MODEL_TABLES_UPDATE_H

#include "trainer/model/tables/model.h"

/*
 * Makes what an update will need from a model that was trained or updated: *ret is the caller's to
 * free by policy_model_free(). Returns 0 or -ENOMEM.
 */
int update_save_model(const struct model *m, struct policy_model **ret);

/*
 * Adds the runs of a policy to an empty corpus, by name and objects, without their system calls.
 * The policy's model must be loaded. Returns 0, -EBADMSG if the model is damaged, or -ENOMEM.
 */
int update_restore_corpus(const struct policy *old, struct corpus *corpus, struct err *err);

/*
 * Does what model_train() does, for a corpus that begins with the runs of an old policy
 * (update_restore_corpus()). Codes and heads stay as they are. A system call that the old policy
 * did not know gets a token of its own; its pairs have the codes and heads of the unknown token.
 * Returns 0, -E2BIG if there are more different system calls than tokens, -EBADMSG if the model is
 * damaged, or -ENOMEM.
 */
int update_train_model(struct model *m, const struct policy *old, unsigned threads);

#endif
