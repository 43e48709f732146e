/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates a policy with new runs. A policy has a model, which holds what an update needs. The
 * update restores the histories of the old runs and the codes, and adds the histories of the new
 * runs. If the old policy has tables of few runs, and with the new runs there are enough for the
 * other kind of tables, the codes are trained again on all histories.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_UPDATE_H
#define LUTRA_TRAINER_MODEL_TABLES_UPDATE_H

#include "trainer/model/tables/model.h"

/*
 * Makes the model that a later update needs, after m was trained or updated. The caller frees *ret
 * with policy_model_free(). Returns 0 or -ENOMEM.
 */
int update_save_model(const struct model *m, struct policy_model **ret);

/* Returns 0 if the policy can be updated. -ENODATA: its format has no level M. */
int update_check_policy(const struct policy *old, struct err *err);

/*
 * Adds the runs of a policy to an empty corpus, by name and objects, without their system calls.
 * The policy's model must be loaded. Returns 0, -EBADMSG if the model is damaged, or -ENOMEM.
 */
int update_restore_corpus(const struct policy *old, struct corpus *corpus, struct err *err);

/*
 * Does what model_train() does, for a corpus that begins with the runs of an old policy
 * (update_restore_corpus()). Codes and heads stay as they are. A system call or a key that the old
 * policy does not know gets a token of its own. The pairs of this token have the codes and heads of
 * the unknown token. options: used only if codes are trained.
 * Returns 0, -E2BIG if there are more different system calls than tokens, -EBADMSG if the model is
 * damaged, or -ENOMEM.
 */
int update_train_model(struct model *m, const struct policy *old,
		       const struct layer_options *options);

#endif
