/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy keeps of its training, and an update that starts from it: the runs of before come
 * back as their counts, the codes and heads as they were, and new runs are counted by them.
 */
#ifndef LUTRA_TRAINER_MODEL_TABLES_UPDATE_H
#define LUTRA_TRAINER_MODEL_TABLES_UPDATE_H

#include "trainer/model/tables/model.h"

/* What an update will need, of a model that was trained or updated: *ret is the caller's. -ENOMEM.
 */
int update_save_model(const struct model *m, const struct corpus *corpus,
		      const struct run_counts *counts, struct policy_model **ret);

/*
 * Put the runs of a policy, with its model loaded, first in an empty corpus: their names and
 * objects, no calls. -EBADMSG: the model is damaged; -ENOMEM.
 */
int update_restore_corpus(const struct policy *old, struct corpus *corpus, struct err *err);

/*
 * model_train() of a corpus that began with update_restore_corpus(): codes and heads are the old policy's; a
 * call that it did not know gets a token of its own, whose pairs have the codes and heads that they
 * had as unknown. -E2BIG: more different calls than tokens; -EBADMSG: as update_restore_corpus(); -ENOMEM.
 */
int update_train_model(struct model *ret, const struct policy *old, const struct corpus *corpus,
		       struct run_counts *counts, struct pool *pool);

#endif
