/* SPDX-License-Identifier: Apache-2.0 */
/* Trains in this order: model, tables, objects, calibration, provenance, mode. */
#include "trainer/train.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscall_traits.h"
#include "trainer/model/tables/update.h"
#include "trainer/rules/coverage.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/objects.h"

#define KILL_MATCHES 2 /* the default */

/*
 * Derives the key that path components are hashed with from the seed and the traces. The same
 * training gives the same key, and a process in the container cannot know it.
 */
static int derive_hash_key(const struct corpus *c, uint64_t seed, uint64_t ret[2])
{
	crypto_hash_sha256_state state;
	unsigned char sum[crypto_hash_sha256_BYTES];

	if (sodium_init() < 0)
		return -ENOMEM;
	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)&seed, sizeof(seed));
	for (size_t i = 0; i < c->n_runs; i++)
		crypto_hash_sha256_update(&state, (const unsigned char *)c->runs[i].sha256,
					  sizeof(c->runs[i].sha256));
	crypto_hash_sha256_final(&state, sum);
	memcpy(ret, sum, 2 * sizeof(*ret));
	return 0;
}

/* Writes into the policy what it was trained from. */
static int set_provenance(struct policy *p, const struct corpus *c,
			  const struct train_options *options)
{
	p->seed = options->seed;
	p->kill_matches = options->kill_matches ? options->kill_matches : KILL_MATCHES;
	p->image = strdup(options->image);
	p->digest = options->digest ? strdup(options->digest) : NULL;
	p->runs = calloc(c->n_runs, sizeof(*p->runs));
	if (!p->image || (options->digest && !p->digest) || !p->runs)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_runs; i++) {
		const struct run *run = &c->runs[i];
		struct policy_run *ret = &p->runs[i];

		p->n_runs = i + 1;
		ret->file = strdup(run->file ? run->file : "");
		ret->partial = run->partial ? strdup(run->partial) : NULL;
		if (!ret->file || (run->partial && !ret->partial))
			return -ENOMEM;
		memcpy(ret->sha256, run->sha256, sizeof(ret->sha256));
		ret->calls = run->calls;
		ret->objects = run->objects;
		ret->seconds = run->length_ms / 1e3;
		policy_args_merge(&p->args, &run->args);
		p->calls += run->calls;
		p->objects_seen += run->objects;
		p->hours += run->length_ms / 3.6e6;
	}
	return 0;
}

/* Sets the mode, or refuses one that needs more runs. */
static int set_mode(struct policy *p, uint32_t mode, struct err *err)
{
	if (mode == TRAIN_MODE_DEFAULT)
		mode = p->calibration.audit_only ? LUTRA_MODE_AUDIT : LUTRA_MODE_DENY;
	if (policy_partial_run(p) && mode > LUTRA_MODE_AUDIT)
		return err_set(
			err, -EINVAL,
			"mode %s: %.60s is only a part of a run (%.120s): leave it out, or use "
			"--mode audit",
			mode_name(mode), policy_partial_run(p)->file,
			policy_partial_run(p)->partial);
	if (p->calibration.audit_only && mode > LUTRA_MODE_AUDIT)
		return err_set(err, -EINVAL,
			       "mode %s needs %d runs of %d s in all or more, there are %zu of "
			       "%.1f s: record more, or use --mode audit",
			       mode_name(mode), CALIBRATE_RUNS_DENY, CALIBRATE_SECONDS_DENY,
			       p->n_runs, p->hours * 3600);
	p->mode = mode;
	return 0;
}

/* Trains the model, or counts the new runs by the model of the old policy. */
static int train_model(struct model *m, const struct train_options *o,
		       const struct progress *progress, struct err *err)
{
	struct layer_options options = {
		.seed = o->seed, .threads = o->threads, .progress = progress};
	int r = o->old ? 0 : derive_hash_key(m->corpus, o->seed, m->hash_key);

	if (r == 0)
		r = o->old ? update_train_model(m, o->old, &options) : model_train(m, &options);
	if (r == -EBADMSG)
		return err_set(err, r,
			       "the model does not fit the policy that is updated: train it anew");
	if (r == -E2BIG)
		return err_set(err, r,
			       "the runs make more than %d different system calls, more than any "
			       "single service: record one container for each run",
			       LUTRA_V_MAX - LUTRA_TOKEN0);
	return r;
}

/* Fills in the policy from the model. */
static int fill_policy(const struct train_options *o, const struct calibrate_source *source,
		       struct policy *p, struct err *err)
{
	const struct model *m = source->model;
	_cleanup_free_ struct lutra_policy *scratch = calloc(1, sizeof(*scratch));
	struct objects_source objects = {m->corpus, m->counts, OBJECTS_NO_RUN, o->old,
					 source->known};
	int r;

	if (!scratch)
		return -ENOMEM;
	p->audit_sessions = m->audit_sessions;
	r = model_policy(m, MODEL_NO_RUN, p);
	if (r == 0)
		r = model_keys(m, p);
	if (r == 0)
		r = model_successors(m, p);
	if (r == 0)
		r = update_save_model(m, &p->model);
	if (r == 0)
		r = objects_learn(&objects, p, scratch, err);
	if (r < 0)
		return r;
	syscall_hookable_mask(p->arch, p->ops, p->hookable);
	r = calibrate_policy(source, p, o->threads, err);
	if (r == 0)
		r = set_provenance(p, m->corpus, o);
	return r < 0 ? r : set_mode(p, o->mode, err);
}

int train_policy(const struct corpus *corpus, const struct train_options *options,
		 const struct progress *progress, struct policy **ret, struct err *err)
{
	_cleanup_(model_done) struct model m = {0};
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct policy_unseen unseen = {0};
	struct calibrate_source source = {.model = &m,
					  .old = options->old,
					  .progress = progress,
					  .ret_new_unseen = &unseen,
					  .may_weaken = options->may_weaken,
					  .may_weaken_ctx = options->may_weaken_ctx,
					  .known = NULL};
	_cleanup_(known_files_done) struct known_files known = {0};
	struct err why = {""};
	int r = policy_new(&p);

	if (r == 0)
		r = model_init(&m, corpus);
	m.audit_sessions = !options->guard_sessions;
	if (r == 0)
		r = train_model(&m, options, progress, &why);
	if (r == 0)
		r = known_files_select(&known, options->knowledge, corpus, options->old);
	source.known = &known;
	if (r == 0)
		r = fill_policy(options, &source, p, &why);
	if (r == 0 && options->ret_coverage)
		r = coverage_to_json(corpus, m.counts, p, &unseen, options->ret_coverage, &why);
	if (r < 0)
		return err_set(err, r, "%s", why.msg[0] ? why.msg : strerror(-r));
	*ret = TAKE_PTR(p);
	return 0;
}
