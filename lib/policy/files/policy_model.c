/* SPDX-License-Identifier: Apache-2.0 */
/* model.lut. */
#include "lib/policy/files/policy_format.h"

#include <errno.h>

#include "lib/base/bytes.h"

#define MAGIC "LUM1"
#define NO_PATH 0xffff
#define CALL_BYTES 11
#define COUNT_BYTES 12
#define HEAD_MAX 1e4f				     /* nat; what a trained one has is far below */
#define SEEN_BYTES (sizeof(struct lutra_object) + 2) /* and the path, and the roles */

/* ---- writing ---- */

static void put_calls(struct bytes_out *out, const struct policy_model *m)
{
	uint32_t n = 0;

	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			n += m->calls[role][nr] > 0;
	bytes_put_u32(out, n);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		for (uint16_t nr = 0; nr < LUTRA_NR; nr++) {
			if (!m->calls[role][nr])
				continue;
			bytes_put_u8(out, role);
			bytes_put_u16(out, nr);
			bytes_put_u64(out, m->calls[role][nr]);
		}
	}
}

static void put_layer(struct bytes_out *out, const struct policy_layer *l)
{
	bytes_put_u32(out, l->k);
	bytes_put_u32(out, l->codes);
	bytes_put(out, l->la, sizeof(float) * l->codes * l->k);
	bytes_put(out, l->lb, sizeof(float) * l->codes * l->k);
}

static void put_histories(struct bytes_out *out, const struct policy_model *m)
{
	bytes_put_u32(out, (uint32_t)m->n_histories);
	for (size_t i = 0; i < m->n_histories; i++)
		bytes_put_u64(out, m->histories[i]);
	for (size_t run = 0; run < m->n_runs; run++) {
		bytes_put_u32(out, (uint32_t)m->runs[run].n);
		for (size_t i = 0; i < m->runs[run].n; i++) {
			bytes_put_u32(out, m->runs[run].list[i].history);
			bytes_put_u32(out, m->runs[run].list[i].n);
			bytes_put_u32(out, m->runs[run].list[i].gap);
		}
	}
}

static void put_model(struct bytes_out *out, const struct policy_model *m)
{
	bytes_put(out, MAGIC, 4);
	bytes_put_u32(out, POLICY_FORMAT_VERSION);
	bytes_put_u32(out, (uint32_t)m->n_runs);
	bytes_put_u8(out, m->lib_digits);
	put_calls(out, m);
	for (int i = 0; i < POLICY_MODEL_LAYERS; i++)
		put_layer(out, &m->layer[i]);
	put_histories(out, m);
	bytes_put_u32(out, (uint32_t)m->n_seen);
	for (size_t i = 0; i < m->n_seen; i++) {
		const struct policy_seen *s = &m->seen[i];

		bytes_put(out, &s->object, sizeof(s->object));
		bytes_put_u16(out, s->path ? s->path_len : NO_PATH);
		bytes_put(out, s->path, s->path ? s->path_len : 0);
		bytes_put(out, s->roles, m->n_runs);
	}
}

int policy_model_encode(const struct policy_model *m, uint8_t **ret, size_t *ret_len)
{
	struct bytes_out out = {.size = SIZE_MAX};

	put_model(&out, m);
	out = (struct bytes_out){.data = malloc(out.len), .size = out.len};
	if (!out.data)
		return -ENOMEM;
	put_model(&out, m);
	*ret = out.data;
	*ret_len = out.len;
	return 0;
}

/* ---- reading ---- */

/* Is there room for n things of that size in what is left? */
static bool has_room(const struct bytes_in *in, size_t n, size_t size)
{
	return !in->failed && n <= (in->len - in->pos) / size;
}

/* -log softmax of n classes: 0 and above, but for rounding. */
static int get_heads(struct bytes_in *in, size_t n, float **ret)
{
	if (!has_room(in, n, sizeof(**ret)))
		return -EBADMSG;
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	bytes_copy(in, *ret, n * sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		if (!((*ret)[i] >= -1 && (*ret)[i] <= HEAD_MAX))
			return -EBADMSG;
	return 0;
}

static int get_calls(struct bytes_in *in, struct policy_model *m)
{
	uint32_t n = bytes_u32(in);

	if (!has_room(in, n, CALL_BYTES))
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t role = bytes_u8(in);
		uint16_t nr = bytes_u16(in);

		if (role >= LUTRA_ROLES || nr >= LUTRA_NR)
			return -EBADMSG;
		m->calls[role][nr] = bytes_u64(in);
	}
	return 0;
}

static int get_layer(struct bytes_in *in, uint32_t k_max, struct policy_layer *l)
{
	int r;

	l->k = bytes_u32(in);
	l->codes = bytes_u32(in);
	if (in->failed || !l->k || l->k > k_max || !l->codes || l->codes > LUTRA_K) {
		l->k = l->codes = 0;
		return -EBADMSG;
	}
	r = get_heads(in, (size_t)l->codes * l->k, &l->la);
	if (r == 0)
		r = get_heads(in, (size_t)l->codes * l->k, &l->lb);
	return r;
}

/* Returns true if every token of a history is below v. */
static bool is_history(uint64_t history, uint32_t v)
{
	for (int i = 0; i < 8; i++, history >>= 8)
		if ((history & 0xff) >= v)
			return false;
	return true;
}

static int get_run_histories(struct bytes_in *in, size_t n_histories,
			     struct policy_run_histories *ret)
{
	uint32_t n = bytes_u32(in);

	if (!has_room(in, n, COUNT_BYTES))
		return -EBADMSG;
	ret->list = calloc(n + 1u, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	ret->n = n;
	for (uint32_t i = 0; i < n; i++) {
		ret->list[i].history = bytes_u32(in);
		ret->list[i].n = bytes_u32(in);
		ret->list[i].gap = bytes_u32(in);
		if (ret->list[i].history >= n_histories || !ret->list[i].n)
			return -EBADMSG;
	}
	return 0;
}

static int get_histories(struct bytes_in *in, struct policy_model *m)
{
	uint32_t n = bytes_u32(in);
	int r = 0;

	if (!has_room(in, n, sizeof(*m->histories)))
		return -EBADMSG;
	m->histories = calloc(n + 1u, sizeof(*m->histories));
	m->runs = calloc(m->n_runs + 1, sizeof(*m->runs));
	if (!m->histories || !m->runs)
		return -ENOMEM;
	m->n_histories = n;
	for (uint32_t i = 0; i < n; i++) {
		m->histories[i] = bytes_u64(in);
		if (!is_history(m->histories[i], m->layer[0].k))
			return -EBADMSG;
	}
	for (size_t i = 0; r == 0 && i < m->n_runs; i++)
		r = get_run_histories(in, n, &m->runs[i]);
	return r;
}

static int get_seen(struct bytes_in *in, size_t n_runs, struct policy_seen *s)
{
	uint16_t len;

	bytes_copy(in, &s->object, sizeof(s->object));
	len = bytes_u16(in);
	if (len != NO_PATH) {
		if (!has_room(in, len, 1))
			return -EBADMSG;
		s->path = malloc(len + 1u);
		if (!s->path)
			return -ENOMEM;
		bytes_copy(in, s->path, len);
		s->path[len] = '\0';
		s->path_len = len;
	}
	if (!has_room(in, n_runs, 1) || s->object.op == LUTRA_OP_NONE ||
	    s->object.op >= LUTRA_OP_COUNT)
		return -EBADMSG;
	s->roles = malloc(n_runs + 1);
	if (!s->roles)
		return -ENOMEM;
	bytes_copy(in, s->roles, n_runs);
	for (size_t i = 0; i < n_runs; i++)
		if (s->roles[i] >> LUTRA_ROLES)
			return -EBADMSG;
	return 0;
}

static int get_all_seen(struct bytes_in *in, struct policy_model *m)
{
	uint32_t n = bytes_u32(in);
	int r = 0;

	if (!has_room(in, n, SEEN_BYTES + m->n_runs))
		return -EBADMSG;
	m->seen = calloc(n + 1u, sizeof(*m->seen));
	if (!m->seen)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		m->n_seen = i + 1;
		r = get_seen(in, m->n_runs, &m->seen[i]);
	}
	return r;
}

static int get_header(struct bytes_in *in, struct policy_model *m, struct err *err)
{
	const void *magic = bytes_get(in, 4);
	uint32_t version = bytes_u32(in);

	if (!magic || in->failed || memcmp(magic, MAGIC, 4) != 0)
		return err_set(err, -EBADMSG, "not a lutra model file");
	if (version > POLICY_FORMAT_VERSION)
		return err_set(err, -ENOEXEC, "format %u is newer than this lutra: update it",
			       version);
	if (version < POLICY_FORMAT_LEVEL)
		return err_set(err, -ENODATA,
			       "made by an older lutra, without level M: train the policy anew");
	m->n_runs = bytes_u32(in);
	m->lib_digits = bytes_u8(in) != 0;
	if (in->failed || m->n_runs > POLICY_RUNS_MAX) {
		m->n_runs = 0;
		return -EBADMSG;
	}
	return 0;
}

int policy_model_decode(struct policy_model **ret, const uint8_t *data, size_t len, struct err *err)
{
	_cleanup_(policy_model_freep) struct policy_model *m = calloc(1, sizeof(*m));
	struct bytes_in in = {.data = data, .len = len};
	struct err why = {""};
	int r = m ? get_header(&in, m, &why) : -ENOMEM;

	if (r == 0)
		r = get_calls(&in, m);
	for (int i = 0; r == 0 && i < POLICY_MODEL_LAYERS; i++) {
		r = get_layer(&in, i ? LUTRA_K : LUTRA_V_MAX, &m->layer[i]);
		if (r == 0 && i && m->layer[i].k != m->layer[i - 1].codes)
			r = -EBADMSG;
	}
	if (r == 0)
		r = get_histories(&in, m);
	if (r == 0)
		r = get_all_seen(&in, m);
	if (r == 0 && (in.failed || in.pos != in.len))
		r = -EBADMSG;
	if (r < 0)
		return err_set(err, r, "%s",
			       why.msg[0] ? why.msg
					  : (r == -ENOMEM ? "out of memory"
							  : "damaged: its numbers do not fit"));
	*ret = TAKE_PTR(m);
	return 0;
}
