/* SPDX-License-Identifier: Apache-2.0 */
/* Saves a model for later updates, restores it, and counts new runs with it. */
#include "trainer/model/tables/update.h"

#include <errno.h>
#include <string.h>

/* ---- saving ---- */

static float *copy_floats(const float *v, size_t n)
{
	float *ret = calloc(n + 1, sizeof(*ret));

	if (ret)
		memcpy(ret, v, n * sizeof(*v));
	return ret;
}

/* Saves the heads of a layer. */
static int save_layer(const struct model *m, unsigned layer, struct policy_layer *ret)
{
	const struct layer *l = &m->codes.layer[layer];

	ret->k = l->k;
	ret->codes = l->codes;
	ret->la = copy_floats(l->la, (size_t)l->codes * l->k);
	ret->lb = copy_floats(l->lb, (size_t)l->codes * l->k);
	return ret->la && ret->lb ? 0 : -ENOMEM;
}

/* Saves the histories of all runs. */
static int save_histories(const struct histories *h, struct policy_model *ret)
{
	ret->histories = calloc(h->map.n + 1, sizeof(*ret->histories));
	ret->runs = calloc(h->n_runs + 1, sizeof(*ret->runs));
	if (!ret->histories || !ret->runs)
		return -ENOMEM;
	memcpy(ret->histories, h->map.number, h->map.n * sizeof(*ret->histories));
	ret->n_histories = h->map.n;
	for (size_t i = 0; i < h->n_runs; i++) {
		const struct run_histories *from = &h->runs[i];

		ret->runs[i].list = calloc(from->n + 1, sizeof(*ret->runs[i].list));
		if (!ret->runs[i].list)
			return -ENOMEM;
		for (size_t k = 0; k < from->n; k++)
			ret->runs[i].list[k] = (struct policy_history_count){
				from->list[k].history, from->list[k].n, from->list[k].gap};
		ret->runs[i].n = from->n;
	}
	return 0;
}

/* Saves object i of the corpus, if a run that is trained on saw it. */
static int save_object(const struct model *m, uint32_t i, struct policy_model *ret)
{
	const struct corpus *c = m->corpus;
	struct policy_seen *s = &ret->seen[ret->n_seen];
	struct run_object o;
	uint8_t any = 0;

	for (size_t r = 0; r < m->corpus->n_runs; r++)
		any |= m->counts[r].object_roles[i];
	if (!any)
		return 0;
	run_names_object(&c->names, i, &o);
	s->object = o.object;
	s->roles = calloc(c->n_runs + 1, 1);
	ret->n_seen++;
	if (!s->roles)
		return -ENOMEM;
	for (size_t r = 0; r < m->corpus->n_runs; r++)
		s->roles[r] = m->counts[r].object_roles[i];
	if (o.path != RUN_NO_PATH) {
		size_t len;
		const char *path = intern_get(c->names.paths, o.path, &len);

		s->path = strndup(path, len);
		if (!s->path)
			return -ENOMEM;
		s->path_len = (uint16_t)len;
	}
	return 0;
}

int update_save_model(const struct model *m, struct policy_model **ret)
{
	_cleanup_(policy_model_freep) struct policy_model *k = calloc(1, sizeof(*k));
	uint32_t n = intern_count(m->corpus->names.objects);
	int r = 0;

	if (!k)
		return -ENOMEM;
	k->n_runs = m->corpus->n_runs;
	k->lib_digits = m->corpus->names.lib_digits;
	model_sum_syscalls(m, MODEL_NO_RUN, k->calls);
	for (unsigned i = 0; r == 0 && i < M_LAYERS; i++)
		r = save_layer(m, i, &k->layer[i]);
	if (r == 0)
		r = save_histories(&m->level.histories, k);
	if (r < 0)
		return r;
	k->seen = calloc(n + 1u, sizeof(*k->seen));
	if (!k->seen)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = save_object(m, i, k);
	if (r == 0)
		*ret = TAKE_PTR(k);
	return r;
}

/* ---- restoring the corpus ---- */

static int model_damaged(struct err *err)
{
	return err_set(err, -EBADMSG, "the model does not fit its policy: train it anew");
}

/* Adds run i of the old policy to the corpus. */
static int restore_run(const struct policy *old, size_t i, struct corpus *c)
{
	const struct policy_run *from = &old->runs[i];
	struct run run = {.calls = from->calls, .objects = from->objects, .ops = old->ops};
	int r;

	run.file = strdup(from->file);
	run.partial = from->partial ? strdup(from->partial) : NULL;
	if (!run.file || (from->partial && !run.partial)) {
		run_done(&run);
		return -ENOMEM;
	}
	memcpy(run.sha256, from->sha256, sizeof(run.sha256));
	run.length_ms = (uint32_t)(from->seconds * 1e3);
	run.args = old->args; /* of all runs: arguments are only ever merged */
	r = corpus_add(c, &run);
	run_done(&run);
	return r;
}

/* Adds an object of the old model; its number in the corpus must be its number in the model. */
static int restore_object(const struct policy_seen *s, uint32_t i, struct corpus *c)
{
	struct run_object o = {.object = s->object, .path = RUN_NO_PATH};
	uint32_t number = 0;
	int r = 0;

	if (s->path)
		r = intern_add(c->names.paths, s->path, s->path_len, &o.path);
	if (r == 0)
		r = intern_add(c->names.objects, &o, sizeof(o), &number);
	if (r < 0)
		return r;
	return number == i ? 0 : -EBADMSG;
}

int update_check_policy(const struct policy *old, struct err *err)
{
	if (policy_has_level(old))
		return 0;
	return err_set(
		err, -ENODATA,
		"the policy is of an older lutra, so it has no level M and cannot be updated: "
		"train it anew from its recordings, or run lutra learn --image REF --anew");
}

int update_restore_corpus(const struct policy *old, struct corpus *corpus, struct err *err)
{
	const struct policy_model *k = old->model;
	int r = 0;

	if (k->n_runs != old->n_runs || k->layer[0].k != old->v || k->n_runs > CORPUS_RUNS_MAX)
		return model_damaged(err);
	corpus->arch = strdup(old->arch);
	if (!corpus->arch)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < old->n_runs; i++)
		r = restore_run(old, i, corpus);
	corpus->n_old = corpus->n_runs;
	corpus->names.lib_digits = k->lib_digits;
	for (size_t i = 0; r == 0 && i < k->n_seen; i++)
		r = restore_object(&k->seen[i], (uint32_t)i, corpus);
	if (r == -EBADMSG)
		return model_damaged(err);
	return r < 0 ? err_oom(err) : 0;
}

/* ---- updating ---- */

/*
 * Restores the counts of an old run. The model holds the objects of each run, but only one sum of
 * the system calls of all runs: the first run gets the sum, and the other runs get none.
 */
static int restore_counts(const struct policy_model *k, size_t run, uint32_t n_objects,
			  struct run_counts *ret)
{
	ret->object_roles = calloc(n_objects + 1u, 1);
	if (!ret->object_roles)
		return -ENOMEM;
	for (size_t i = 0; i < k->n_seen; i++)
		ret->object_roles[i] = k->seen[i].roles[run];
	if (run == 0)
		memcpy(ret->calls, k->calls, sizeof(ret->calls));
	return 0;
}

/* Restores a layer. Its codes are the low bytes of the policy's table. */
static int restore_layer(const struct policy *old, unsigned layer, struct layer *ret)
{
	const struct policy_layer *l = &old->model->layer[layer];
	const uint16_t *table = layer == 0 ? old->t0 : layer == 1 ? old->t1 : old->t2;
	size_t stride = layer == 0 ? old->v : LUTRA_K;

	if (layer_init(ret, l->k, l->codes) < 0)
		return -ENOMEM;
	memcpy(ret->la, l->la, (size_t)l->codes * l->k * sizeof(*l->la));
	memcpy(ret->lb, l->lb, (size_t)l->codes * l->k * sizeof(*l->lb));
	for (size_t a = 0; a < l->k; a++) {
		for (size_t b = 0; b < l->k; b++) {
			uint8_t code = (uint8_t)table[a * stride + b];

			if (code >= l->codes)
				return -EBADMSG;
			ret->code[a * l->k + b] = code;
		}
	}
	return 0;
}

/* Returns the token in the old alphabet of v tokens. A new token is UNK there. */
static uint32_t old_token(uint32_t token, uint32_t v)
{
	return token < v ? token : LUTRA_UNK;
}

/* Adds rows and columns for new tokens to layer 0: copies of those of the unknown token. */
static int extend_layer(struct layer *l, uint32_t v)
{
	_cleanup_(layer_done) struct layer old = *l;

	if (layer_init(l, v, old.codes) < 0)
		return -ENOMEM;
	for (uint32_t a = 0; a < v; a++)
		for (uint32_t b = 0; b < v; b++)
			l->code[(size_t)a * v + b] =
				old.code[(size_t)old_token(a, old.k) * old.k + old_token(b, old.k)];
	for (uint32_t c = 0; c < l->codes; c++) {
		for (uint32_t t = 0; t < v; t++) {
			l->la[(size_t)c * v + t] = old.la[(size_t)c * old.k + old_token(t, old.k)];
			l->lb[(size_t)c * v + t] = old.lb[(size_t)c * old.k + old_token(t, old.k)];
		}
	}
	return 0;
}

/* Sets tokens.run from the histories of all runs. */
static void find_lone_tokens(struct m_corpus *level)
{
	const struct histories *h = &level->histories;
	uint32_t *run = level->tokens.run;
	bool any[LUTRA_V_MAX + 1] = {false};

	for (uint32_t i = 0; i < h->n_runs; i++) {
		for (size_t k = 0; k < h->runs[i].n; k++) {
			uint8_t token = h->map.number[h->runs[i].list[k].history] & 0xff;

			if (token < LUTRA_TOKEN0)
				continue;
			run[token] = !any[token] || run[token] == i ? i : TOKENS_RUN_MANY;
			any[token] = true;
		}
	}
}

/*
 * Restores the codes. Codes of few runs say little, so they are trained anew from the histories of
 * all runs. An older lutra made tables of few runs without codes.
 */
static int update_codes(struct model *m, const struct policy *old, const struct layer_options *o)
{
	int r = 0;

	m->codes_anew = old->n_runs < M_WEIGHTS_RUNS || old->level_shift != LUTRA_M_SHIFT;
	if (m->codes_anew) {
		find_lone_tokens(&m->level);
		return model_train_codes(m, o);
	}
	for (unsigned i = 0; r == 0 && i < M_LAYERS; i++)
		r = restore_layer(old, i, &m->codes.layer[i]);
	return r < 0 ? r : extend_layer(&m->codes.layer[0], m->level.tokens.v);
}

int update_train_model(struct model *m, const struct policy *old,
		       const struct layer_options *options)
{
	const struct corpus *corpus = m->corpus;
	uint32_t n_objects = intern_count(corpus->names.objects);
	int r = 0;

	m->steady_on_wait = old->steady_on_wait;
	memcpy(m->steady, old->steady, sizeof(m->steady));
	memcpy(m->hash_key, old->hash_key, sizeof(m->hash_key));
	m->first_process = old->first_process;
	for (size_t i = 0; r == 0 && i < corpus->n_old; i++)
		r = restore_counts(old->model, i, n_objects, &m->counts[i]);
	if (r == 0)
		r = model_count_runs(m, options->threads);
	model_add_first_process(m);
	if (r == 0)
		r = model_read_level(m, old, options->threads);
	return r < 0 ? r : update_codes(m, old, options);
}
