/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The alerts that a container has raised and that were let pass. The first one about a thing is
 * told, the next ones are counted. A thing is a rule, the role of the task, and the object with all
 * that is known of it: operation, access, type, layer, full path, or address and port. The same
 * code in the kernel and in replays. Total, as score.h is.
 *
 * A container cannot make one alert hide another: a key is a hash under the policy's key. Its table
 * is its own. Where there is no room, the thing that was silent for longest is forgotten, and told
 * again at its next use.
 */
#ifndef LUTRA_TOLD_H
#define LUTRA_TOLD_H

#include "lutra/score.h"

/* Ports from here on are one where the policy tells ports of this kind by no number. */
#define LUTRA_EPHEMERAL_PORT 32768

/* Returns true if an object's name may stand for another object, so each alert about it is told. */
static __always_inline __u32 lutra_is_never_told(const struct lutra_object *o,
						 const struct lutra_path *path)
{
	if (!(o->flags & LUTRA_OBJ_PATH))
		return 0;
	/* A program in memory has a name, and any content. */
	if (o->op == LUTRA_OP_EXEC && path->flags & LUTRA_PATH_DETACHED)
		return 1;
	return path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED);
}

/* Returns the port of an object as alerts tell it apart. */
static __always_inline __u32 lutra_told_port(const struct lutra_policy *p,
					     const struct lutra_object *o)
{
	if (o->port >= LUTRA_EPHEMERAL_PORT && !(p->port_exact >> lutra_port_bit(o) & 1))
		return LUTRA_EPHEMERAL_PORT;
	return o->port;
}

/* Returns the hash of all that is known of an object but its path. scratch: 64 bytes. */
static __always_inline __u64 lutra_told_object_key(const struct lutra_policy *p,
						   const struct lutra_object *o, __u32 rule,
						   __u32 role, char *scratch)
{
	__u32 mode = o->mode;
	__u64 w[2];

	/* Permissions of a file that is used are no part of what is done. */
	if (o->op == LUTRA_OP_OPEN || o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX)
		mode >>= 12;
	w[0] = (rule & 0xff) | (role & 0xff) << 8 | (__u32)o->op << 16 | (__u64)o->flags << 24 |
	       (__u64)o->family << 32;
	w[1] = mode | (__u64)lutra_told_port(p, o) << 16;
	__builtin_memcpy(scratch, w, sizeof(w));
	__builtin_memcpy(scratch + sizeof(w), o->addr, sizeof(o->addr));
	return lutra_component_key(scratch, sizeof(w) + sizeof(o->addr), p->hash_key, 1);
}

/*
 * Returns the key of an alert about an object, or 0 if each such alert is told. path: read only if
 * o->flags has LUTRA_OBJ_PATH. scratch: 64 bytes, aligned to 8.
 */
LUTRA_FN __u64 lutra_told_key(const struct lutra_policy *p, const struct lutra_object *o,
			      const struct lutra_path *path, __u32 rule_and_role,
			      struct lutra_name *scratch)
{
	__u64 key, w[2];
	__u32 detached;

	if (!p || !o || !path || !scratch || lutra_is_never_told(o, path))
		return 0;
	detached = path->flags & LUTRA_PATH_DETACHED ? 1 : 0;
	key = lutra_told_object_key(p, o, rule_and_role & 0xff, rule_and_role >> 8, scratch->s);
	for (__u32 i = 0; i < LUTRA_COMPONENTS && o->flags & LUTRA_OBJ_PATH; i++) {
		if (i >= path->n)
			break;
		w[0] = key;
		w[1] = lutra_component_key(path->name[i], path->len[i], p->hash_key, detached);
		__builtin_memcpy(scratch->s, w, sizeof(w));
		key = lutra_component_key(scratch->s, sizeof(w), p->hash_key, 1);
	}
	return key ? key : 1;
}

/*
 * Returns the place of a key in a container's table: where it is, else where it goes. That place is
 * free, or has the thing that was silent for longest of those that may be there.
 */
LUTRA_FN __u32 lutra_told_place(const struct lutra_seen *seen, __u64 key)
{
	__u32 first = (__u32)key * LUTRA_TOLD_WAYS & (LUTRA_TOLD - 1), place = first;
	__u64 oldest = ~0ull;

	if (!seen)
		return 0;
	for (__u32 i = 0; i < LUTRA_TOLD_WAYS; i++) {
		const struct lutra_told *t = &seen->told[(first + i) & (LUTRA_TOLD - 1)];

		if (t->key == key)
			return first + i;
		if (t->last_ns < oldest) {
			oldest = t->last_ns;
			place = first + i;
		}
	}
	return place;
}

#endif
