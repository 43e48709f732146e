/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Remembers which alerts a container has raised about operations that were let pass. The first
 * alert about a thing is reported: it goes to userspace as evidence. Later ones are only counted. A
 * thing is a rule, the role of the task, and the object with all that is known of it: operation,
 * access, type, layer, full path, or address and port. The kernel and replays run the same code. It
 * is total, as score.h is: any bytes give a defined result.
 *
 * A container cannot make one alert hide another: the key of a thing is a hash under the policy's
 * key, and each container has a table of its own. If the table has no room, the thing that was
 * silent for longest is forgotten. It is reported again at its next use.
 */
#ifndef LUTRA_REPORTED_H
#define LUTRA_REPORTED_H

#include "lutra/score.h"

/*
 * Returns true if alerts about an object are never taken as reported before, so that each one is reported:
 * its name may stand for another object too.
 */
static __always_inline __u32 lutra_is_always_reported(const struct lutra_object *o,
						      const struct lutra_path *path)
{
	if (!(o->flags & LUTRA_OBJ_PATH))
		return 0;
	/* A program in memory has a name, but the name does not say what the content is. */
	if (o->op == LUTRA_OP_EXEC && path->flags & LUTRA_PATH_DETACHED)
		return 1;
	return path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG | LUTRA_PATH_UNRESOLVED);
}

/* Returns the port of an object, or LUTRA_EPHEMERAL_PORT for all ports that count as one. */
static __always_inline __u32 lutra_reported_port(const struct lutra_policy *p,
						 const struct lutra_object *o)
{
	if (o->port >= LUTRA_EPHEMERAL_PORT && !(p->port_exact >> lutra_port_bit(o) & 1))
		return LUTRA_EPHEMERAL_PORT;
	return o->port;
}

/* Returns the hash of all that is known of an object but its path. scratch: 64 bytes. */
static __always_inline __u64 lutra_reported_object_key(const struct lutra_policy *p,
						       const struct lutra_object *o, __u32 rule,
						       __u32 role, char *scratch)
{
	__u32 mode = o->mode;
	__u64 w[2];

	/* To use a file is the same thing whatever its permissions are: only its type counts. */
	if (o->op == LUTRA_OP_OPEN || o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX)
		mode >>= 12;
	w[0] = (rule & 0xff) | (role & 0xff) << 8 | (__u32)o->op << 16 | (__u64)o->flags << 24 |
	       (__u64)o->family << 32;
	w[1] = mode | (__u64)lutra_reported_port(p, o) << 16;
	__builtin_memcpy(scratch, w, sizeof(w));
	__builtin_memcpy(scratch + sizeof(w), o->addr, sizeof(o->addr));
	return lutra_component_key(scratch, sizeof(w) + sizeof(o->addr), p->hash_key, 1);
}

/*
 * Returns the key of an alert about an object, or 0 if each such alert is reported. path: read only if
 * o->flags has LUTRA_OBJ_PATH. rule_and_role: rule | role << 8. scratch: 64 bytes, aligned to 8.
 */
LUTRA_FN __u64 lutra_reported_key(const struct lutra_policy *p, const struct lutra_object *o,
				  const struct lutra_path *path, __u32 rule_and_role,
				  struct lutra_name *scratch)
{
	__u64 key, w[2];
	__u32 detached;

	if (!p || !o || !path || !scratch || lutra_is_always_reported(o, path))
		return 0;
	detached = path->flags & LUTRA_PATH_DETACHED ? 1 : 0;
	key = lutra_reported_object_key(p, o, rule_and_role & 0xff, rule_and_role >> 8, scratch->s);
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
 * Returns the place of a key in a container's table. If the table has the key, that is where it is.
 * Else it is where the key goes: of the LUTRA_REPORTED_WAYS places that the key may have, a free one,
 * or the one whose thing was silent for longest.
 */
LUTRA_FN __u32 lutra_reported_place(const struct lutra_seen *seen, __u64 key)
{
	__u32 first = (__u32)key * LUTRA_REPORTED_WAYS & (LUTRA_REPORTED - 1), place = first;
	__u64 oldest = ~0ull;

	if (!seen)
		return 0;
	for (__u32 i = 0; i < LUTRA_REPORTED_WAYS; i++) {
		const struct lutra_reported *t;

		/* An unrolled loop would need more stack than the BPF verifier has left. */
		LUTRA_OPAQUE(i);
		t = &seen->reported[(first + i) & (LUTRA_REPORTED - 1)];
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
