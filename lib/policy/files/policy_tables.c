/* SPDX-License-Identifier: Apache-2.0 */
/* tables.lut. */
#include "lib/policy/files/policy_format.h"

#include <errno.h>

#include "lib/base/bytes.h"
#include "lib/abi/syscalls.h"
#include "lutra/code_name.h"
#include "lutra/score_m.h"

#define MAGIC "LUT1"
#define ROLES_1 4 /* of format 1 */
#define ARCH_BYTES 16
#define NODE_DIR 1 /* of a node's kind */
#define NODE_EXEC_SESSION 2
#define LEVEL_ENTRIES (LUTRA_K * LUTRA_K)

static void put_node(struct bytes_out *out, const struct policy_node *n)
{
	size_t len = strnlen(n->name, LUTRA_NAME);

	bytes_put_u64(out, n->key);
	bytes_put_u16(out, n->parent);
	bytes_put_u8(out, n->flags);
	bytes_put_u8(out, (uint8_t)((n->dir ? NODE_DIR : 0) |
				    (n->exec_session ? NODE_EXEC_SESSION : 0)));
	bytes_put_u8(out, (uint8_t)len);
	bytes_put(out, n->name, len);
}

static void put_keys(struct bytes_out *out, const struct policy *p)
{
	bytes_put_u32(out, (uint32_t)p->n_keys);
	for (size_t i = 0; i < p->n_keys; i++) {
		const struct policy_key *k = &p->keys[i];
		size_t len = strnlen(k->name, sizeof(k->name) - 1);

		bytes_put_u64(out, k->hash);
		bytes_put(out, k->token, sizeof(k->token));
		bytes_put_u8(out, (uint8_t)len);
		bytes_put(out, k->name, len);
	}
}

int policy_tables_encode(const struct policy *p, uint8_t **ret, size_t *ret_len)
{
	const size_t level = LEVEL_ENTRIES * sizeof(*p->t1);
	_cleanup_free_ uint8_t *data = malloc(POLICY_TABLES_MAX);
	struct bytes_out out = {.data = data, .size = POLICY_TABLES_MAX};
	char arch[ARCH_BYTES] = {};

	if (!data)
		return -ENOMEM;
	memcpy(arch, p->arch, strnlen(p->arch, sizeof(arch) - 1));
	bytes_put(&out, MAGIC, 4);
	bytes_put_u32(&out, p->exact_names ? POLICY_FORMAT_VERSION : POLICY_FORMAT_FOLDED);
	bytes_put(&out, arch, sizeof(arch));
	bytes_put_u32(&out, p->v);
	bytes_put_u32(&out, (uint32_t)p->n_nodes);
	bytes_put_u32(&out, (uint32_t)p->n_objects);
	bytes_put_u32(&out, p->port_exact);
	bytes_put(&out, p->hash_key, sizeof(p->hash_key));
	bytes_put(&out, p->steady, sizeof(p->steady));
	bytes_put_u8(&out, p->p1);
	bytes_put_u8(&out, p->p2);
	bytes_put_u8(&out, p->first_process != POLICY_FIRST_UNSEEN);
	bytes_put_u8(&out, p->first_process == POLICY_FIRST_STAYS);
	bytes_put_u8(&out, p->code_last);
	bytes_put_u8(&out, p->level_shift);
	bytes_put_u8(&out, p->level_counts);
	bytes_put_u8(&out, (uint8_t)(p->novelty_shift | p->novelty_counts << 4));
	bytes_put(&out, p->token, sizeof(p->token));
	bytes_put(&out, p->t0, sizeof(*p->t0) * p->v * p->v);
	bytes_put(&out, p->t1, level);
	bytes_put(&out, p->t2, level);
	for (size_t i = 0; i < p->n_nodes; i++)
		put_node(&out, &p->nodes[i]);
	bytes_put(&out, p->objects, p->n_objects * sizeof(*p->objects));
	bytes_put(&out, p->successors, (size_t)p->v * POLICY_SUCCESSORS);
	put_keys(&out, p);
	if (p->exact_names) {
		bytes_put_u32(&out, (uint32_t)p->n_names);
		bytes_put(&out, p->names, p->n_names * sizeof(*p->names));
	}
	if (out.failed)
		return -EINVAL;
	*ret = TAKE_PTR(data);
	*ret_len = out.len;
	return 0;
}

static void get_node(struct bytes_in *in, struct policy_node *n)
{
	uint8_t kind, len;

	n->key = bytes_u64(in);
	n->parent = bytes_u16(in);
	n->flags = bytes_u8(in);
	kind = bytes_u8(in);
	n->dir = (kind & NODE_DIR) != 0;
	n->exec_session = (kind & NODE_EXEC_SESSION) != 0;
	len = bytes_u8(in);
	if (len >= LUTRA_NAME || kind & ~(NODE_DIR | NODE_EXEC_SESSION)) {
		in->failed = true;
		return;
	}
	bytes_copy(in, n->name, len);
}

static int get_keys(struct policy *p, struct bytes_in *in)
{
	uint32_t n = bytes_u32(in);

	if (in->failed || n > POLICY_OBJECT_KEYS_MAX)
		return -EBADMSG;
	p->keys = calloc(n + 1u, sizeof(*p->keys));
	if (!p->keys)
		return -ENOMEM;
	p->n_keys = n;
	for (uint32_t i = 0; i < n; i++) {
		struct policy_key *k = &p->keys[i];
		uint8_t len;

		k->hash = bytes_u64(in);
		bytes_copy(in, k->token, sizeof(k->token));
		len = bytes_u8(in);
		if (len >= sizeof(k->name))
			return -EBADMSG;
		bytes_copy(in, k->name, len);
	}
	return 0;
}

static int get_names(struct policy *p, struct bytes_in *in)
{
	uint32_t n = bytes_u32(in);

	if (in->failed || n > POLICY_OBJECTS_MAX)
		return -EBADMSG;
	p->names = calloc(n + 1u, sizeof(*p->names));
	if (!p->names)
		return -ENOMEM;
	p->n_names = n;
	bytes_copy(in, p->names, n * sizeof(*p->names));
	return 0;
}

/*
 * Drops tables of levels A and B. In their place come tables in which only pairs that end with the
 * unknown token have a weight, so that a new system call is still reported once for each pair. No
 * level reaches the threshold.
 */
static void drop_old_tables(struct policy *p)
{
	memset(p->t0, 0, sizeof(*p->t0) * p->v * p->v);
	memset(p->t1, 0, LEVEL_ENTRIES * sizeof(*p->t1));
	memset(p->t2, 0, LEVEL_ENTRIES * sizeof(*p->t2));
	for (uint32_t a = 0; a < p->v; a++)
		p->t0[(size_t)a * p->v + LUTRA_UNK] = 1 << 8;
	p->p1 = p->p2 = 0;
	p->level_shift = LUTRA_M_SHIFT;
	p->level_counts = 1;
	p->threshold = p->novelty_threshold = LUTRA_THRESHOLD_OFF;
}

static int decode_arch(struct policy *p, struct bytes_in *in, struct err *err)
{
	char arch[ARCH_BYTES];

	bytes_copy(in, arch, sizeof(arch));
	if (in->failed || memchr(arch, '\0', sizeof(arch)) == NULL)
		return err_set(err, -EBADMSG, "damaged header");
	if (!syscall_arch_is_known(arch))
		return err_set(err, -ENOEXEC, "made for an architecture that lutra does not know");
	p->arch = strdup(arch);
	return p->arch ? 0 : err_oom(err);
}

static int decode_header(struct policy *p, struct bytes_in *in, uint32_t *ret_version,
			 struct err *err)
{
	const void *magic = bytes_get(in, 4);
	uint32_t version = *ret_version = bytes_u32(in);
	int r;

	if (!magic || memcmp(magic, MAGIC, 4) != 0)
		return err_set(err, -EBADMSG, "not a lutra table file");
	if (version > POLICY_FORMAT_VERSION)
		return err_set(err, -ENOEXEC, "format %u is newer than this lutra: update it",
			       version);
	r = decode_arch(p, in, err);
	if (r < 0)
		return r;
	p->v = bytes_u32(in);
	p->n_nodes = bytes_u32(in);
	p->n_objects = bytes_u32(in);
	if (version == 0 || p->v < LUTRA_TOKEN0 || p->v > LUTRA_V_MAX || p->n_nodes == 0 ||
	    p->n_nodes > LUTRA_NODES || p->n_objects > POLICY_OBJECTS_MAX) {
		p->v = 0;
		p->n_nodes = p->n_objects = 0;
		err_set(err, -EBADMSG, "a count is out of range");
		return -EBADMSG;
	}
	return 0;
}

/* Reads the constants of the levels. Those of level N are 0 in the policies of an older lutra. */
static void get_level_constants(struct policy *p, struct bytes_in *in)
{
	uint8_t novelty;

	p->level_shift = bytes_u8(in);
	p->level_counts = bytes_u8(in);
	novelty = bytes_u8(in);
	p->novelty_shift = novelty & 15;
	p->novelty_counts = novelty >> 4;
}

static bool allocate_tables(struct policy *p)
{
	p->t0 = calloc((size_t)p->v * p->v, sizeof(*p->t0));
	p->t1 = calloc(LEVEL_ENTRIES, sizeof(*p->t1));
	p->t2 = calloc(LEVEL_ENTRIES, sizeof(*p->t2));
	p->nodes = calloc(p->n_nodes, sizeof(*p->nodes));
	p->objects = calloc(p->n_objects + 1, sizeof(*p->objects));
	p->successors = calloc(LUTRA_V_MAX, POLICY_SUCCESSORS);
	return p->t0 && p->t1 && p->t2 && p->nodes && p->objects && p->successors;
}

int policy_tables_decode(struct policy *p, const uint8_t *data, size_t len, struct err *err)
{
	struct bytes_in in = {.data = data, .len = len};
	const size_t level = LEVEL_ENTRIES * sizeof(*p->t1);
	bool first_seen, first_stays;
	uint32_t version;
	int r;

	r = decode_header(p, &in, &version, err);
	if (r < 0)
		return r;
	if (!allocate_tables(p))
		return err_oom(err);
	p->port_exact = bytes_u32(&in);
	bytes_copy(&in, p->hash_key, sizeof(p->hash_key));
	bytes_copy(&in, p->steady, sizeof(p->steady));
	p->p1 = bytes_u8(&in);
	p->p2 = bytes_u8(&in);
	first_seen = bytes_u8(&in) & 1;
	first_stays = bytes_u8(&in) & 1;
	if (first_seen)
		p->first_process = first_stays ? POLICY_FIRST_STAYS : POLICY_FIRST_STEADY;
	p->code_last = bytes_u8(&in);
	get_level_constants(p, &in);
	bytes_copy(&in, p->token, sizeof(p->token[0]) * (version > 1 ? LUTRA_ROLES : ROLES_1));
	p->thread_roles = version == 1;
	p->exact_names = version > POLICY_FORMAT_FOLDED;
	p->format = version;
	if (version < 3) {
		in.failed |= p->code_last != 0;
		p->code_last = LUTRA_CODE_FORMAT_2;
	}
	if (version == 1)
		memset(p->token[ROLES_1], LUTRA_UNK, sizeof(p->token[0]));
	bytes_copy(&in, p->t0, sizeof(*p->t0) * p->v * p->v);
	bytes_copy(&in, p->t1, level);
	bytes_copy(&in, p->t2, level);
	for (size_t i = 0; i < p->n_nodes; i++)
		get_node(&in, &p->nodes[i]);
	bytes_copy(&in, p->objects, p->n_objects * sizeof(*p->objects));
	bytes_copy(&in, p->successors, (size_t)p->v * POLICY_SUCCESSORS);
	if (version < POLICY_FORMAT_LEVEL) {
		in.failed |=
			p->level_shift | p->level_counts | p->novelty_shift | p->novelty_counts;
		drop_old_tables(p);
	} else {
		r = get_keys(p, &in);
		if (r == 0 && p->exact_names)
			r = get_names(p, &in);
		if (r == -ENOMEM)
			return err_oom(err);
		in.failed |= r < 0;
	}
	if (in.failed || in.pos != in.len)
		return err_set(err, -EBADMSG, "damaged: its length does not fit its contents");
	return 0;
}
