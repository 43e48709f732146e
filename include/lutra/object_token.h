/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * An object as a policy knows it: the object token, 64 bits, never 0. And an object as it is
 * recorded: two fields of a struct lutra_record. Nothing else encodes or decodes either form.
 */
#ifndef LUTRA_OBJECT_TOKEN_H
#define LUTRA_OBJECT_TOKEN_H

#include "lutra/abi.h"
#include "lutra/address.h"
#include "lutra/score_path.h"

/* A field of the object token, as its first bit | its width << 8. Fields that an operation does not
 * have are 0. */
enum lutra_object_field {
	LUTRA_FIELD_OP = 0 | 6 << 8,		  /* enum lutra_op */
	LUTRA_FIELD_WRITE = 6 | 1 << 8,		  /* LUTRA_OBJ_WRITE */
	LUTRA_FIELD_EXECUTABLE = 7 | 1 << 8,	  /* LUTRA_OBJ_XBIT, of chmod and mknod */
	LUTRA_FIELD_INODE_TYPE = 8 | 4 << 8,	  /* inode mode >> 12, of open */
	LUTRA_FIELD_EXTENSION = 12 | 6 << 8,	  /* lutra_code_index(); 0: none that counts */
	LUTRA_FIELD_ROLE = 18 | 2 << 8,		  /* where lutra_role_counts(): its low bits */
	LUTRA_FIELD_FRESH = 20 | 1 << 8,	  /* LUTRA_OBJ_FRESH, of exec and mapx */
	LUTRA_FIELD_FAMILY = 21 | 8 << 8,	  /* AF_*, of connect, bind and send */
	LUTRA_FIELD_ADDR_CLASS = 29 | 2 << 8,	  /* enum lutra_addr_class, less one */
	LUTRA_FIELD_EXACT_PORT = 31 | 1 << 8,	  /* the detail is the port itself */
	LUTRA_FIELD_STARTER = 21 | 11 << 8,	  /* of exec, in place of the three above: path node
						     of the program that starts it; 0: any */
	LUTRA_FIELD_DETAIL = 32 | 16 << 8,	  /* path node, port, capability, syscall or hook;
						     of a port that is not exact: 1 if ephemeral */
	LUTRA_FIELD_HAS_ADDR_CLASS = 48 | 1 << 8, /* else the address class is LUTRA_ADDR_NONE */
	LUTRA_FIELD_HAS_PATH = 49 | 1 << 8,	  /* the detail is a path node */
	LUTRA_FIELD_SESSION = 50 | 1 << 8,	  /* the role is LUTRA_ROLE_SESSION */
	LUTRA_FIELD_SIBLING = 51 | 1 << 8,	  /* the node is a directory, and stands for a new
						     file in it of the kind below */
	LUTRA_FIELD_FILE_KIND = 52 | 8 << 8,	  /* of a sibling: lutra_component_kind() */
	LUTRA_FIELD_UPDATED = 60 | 1 << 8,	  /* LUTRA_OBJ_UPDATED, of exec and mapx */
	LUTRA_FIELD_VARIES = 61 | 1 << 8,	  /* the object only alerts; of a directory's node:
						     any new name in it */
	/* Of IP peers, in place of fields that only files have. */
	LUTRA_FIELD_ADDR_CLASS_HIGH = 6 | 2 << 8, /* the upper bits of the address class */
	LUTRA_FIELD_TRANSPORT = 8 | 3 << 8,	  /* enum lutra_transport; 0: any */
	LUTRA_FIELD_NETWORK_LOW = 11 | 7 << 8,	  /* lutra_network_number(); 0: any network */
	LUTRA_FIELD_NETWORK_HIGH = 52 | 9 << 8,
	LUTRA_FIELD_SOCKET_TYPE = 8 | 4 << 8, /* of socket; its detail is the protocol */
	LUTRA_FIELD_ALL = 0 | 62 << 8,
};

/* Returns a token with this field set to value and all others 0; or-ed together they make one. */
static __always_inline __u64 lutra_object_token_put(enum lutra_object_field field, __u64 value)
{
	return (value & ((1ull << (field >> 8)) - 1)) << (field & 0xff);
}

/* Returns one field of a token. */
static __always_inline __u32 lutra_object_token_get(__u64 token, enum lutra_object_field field)
{
	return (__u32)(token >> (field & 0xff) & ((1ull << (field >> 8)) - 1));
}

/* Returns true if a token has bits that belong to no field. */
static __always_inline int lutra_object_token_is_odd(__u64 token)
{
	return token >> (LUTRA_FIELD_ALL >> 8) != 0;
}

/* Returns the fields of a role. */
static __always_inline __u64 lutra_object_token_put_role(__u8 role)
{
	return lutra_object_token_put(LUTRA_FIELD_ROLE, role) |
	       lutra_object_token_put(LUTRA_FIELD_SESSION, role >> 2);
}

/* Returns the role of a token, enum lutra_role. */
static __always_inline __u8 lutra_object_token_role(__u64 token)
{
	return (__u8)(lutra_object_token_get(token, LUTRA_FIELD_ROLE) |
		      lutra_object_token_get(token, LUTRA_FIELD_SESSION) << 2);
}

/* Returns true for an operation on a socket's address or peer. */
static __always_inline __u32 lutra_is_peer_op(__u32 op)
{
	return (op >= LUTRA_OP_CONNECT && op <= LUTRA_OP_SEND) || op == LUTRA_OP_PEER;
}

/* Returns the bit of policy.port_exact: (connect, bind, send) x (IPv4, IPv6) x address class. */
static __always_inline __u32 lutra_port_bit(const struct lutra_object *o)
{
	return ((o->op - LUTRA_OP_CONNECT) & 3u) << 3 | (o->family == LUTRA_AF_INET6 ? 4u : 0u) |
	       ((lutra_addr_coarse(o->addr_class) - 1u) & 3u);
}

/*
 * Returns true if the role is part of this object's token: of an open under some directories only, and
 * of a capability if the policy says so. The role of exec sessions always is: what they did in training
 * is known to no other role. ops: of the policy.
 */
static __always_inline __u32 lutra_role_counts(const struct lutra_object *o, __u8 node_flags,
					       __u32 ops)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
	case LUTRA_OP_PEER:
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
	case LUTRA_OP_HOOK:
		return 1;
	case LUTRA_OP_CAPABLE:
		return ops >> LUTRA_OP_CAPABILITY_ROLES & 1;
	case LUTRA_OP_OPEN:
		return (node_flags & LUTRA_NODE_ROLE) != 0;
	default:
		return 0;
	}
}

/* Returns true if a chmod or mknod gives a permission to execute. */
static __always_inline __u32 lutra_is_executable(const struct lutra_object *o)
{
	return (o->op == LUTRA_OP_CHMOD || o->op == LUTRA_OP_MKNOD) && o->flags & LUTRA_OBJ_XBIT;
}

/* Returns true for an operation that reads a file or takes it away: LUTRA_OBJ_PRIVATE is known. */
static __always_inline __u32 lutra_is_taking_op(__u32 op)
{
	return op == LUTRA_OP_OPEN || op == LUTRA_OP_RENAME_FROM || op == LUTRA_OP_LINK_FROM;
}

/* Returns true if the file is another user's, who keeps it from others. */
static __always_inline __u32 lutra_is_private(const struct lutra_object *o)
{
	return lutra_is_taking_op(o->op) && o->flags & LUTRA_OBJ_PRIVATE;
}

/*
 * Returns true for an operation by which memory is writable and executable, at once or one after the
 * other.
 */
static __always_inline int lutra_is_wx(__u8 op)
{
	return op == LUTRA_OP_WX || op == LUTRA_OP_WX_LATER;
}

/* Returns the layer of an object, enum lutra_layer. */
static __always_inline __u32 lutra_object_layer(const struct lutra_object *o)
{
	return (o->flags & LUTRA_OBJ_LAYER) >> LUTRA_OBJ_LAYER_SHIFT;
}

/*
 * Returns true if the container itself put the file there that is executed or mapped. Where the
 * layer tells it, the times of the file do not count: chmod and hard links move them.
 */
static __always_inline __u32 lutra_is_fresh(const struct lutra_object *o)
{
	switch (lutra_object_layer(o)) {
	case LUTRA_LAYER_IMAGE:
	case LUTRA_LAYER_CHANGED:
		return 0;
	case LUTRA_LAYER_WRITTEN:
	case LUTRA_LAYER_DETACHED:
		return 1;
	default:
		/* A tmpfs may be a volume with programs that were there before. */
		return o->flags & LUTRA_OBJ_FRESH ? 1 : 0;
	}
}

/* Returns the token that the program or library would have if it was the image's own file. */
static __always_inline __u64 lutra_object_token_of_image(__u64 token)
{
	return token & ~(lutra_object_token_put(LUTRA_FIELD_FRESH, 1) |
			 lutra_object_token_put(LUTRA_FIELD_UPDATED, 1));
}

/* Returns the fields that turn a directory's token into one of a sibling. kind: lutra_component_kind(). */
static __always_inline __u64 lutra_sibling_fields(__u32 kind)
{
	return lutra_object_token_put(LUTRA_FIELD_SIBLING, 1) |
	       lutra_object_token_put(LUTRA_FIELD_FILE_KIND, kind);
}

/*
 * Returns the token that makes an unknown object only alert. token: the object's own token. If the
 * object is missing in a directory, the result stands for all new names in that directory that are
 * used in the same way.
 */
static __always_inline __u64 lutra_object_token_of_new_name(__u64 token)
{
	return token | lutra_object_token_put(LUTRA_FIELD_VARIES, 1);
}

/*
 * Returns the token that makes new files of a kind known in a directory, because a person accepted
 * them. token: that of a name which is missing there. kind: lutra_component_kind(). Training makes
 * no such token.
 */
static __always_inline __u64 lutra_object_token_accepted(__u64 token, __u32 kind)
{
	return lutra_object_token_of_new_name(token) | lutra_sibling_fields(kind);
}

_Static_assert(LUTRA_NODES <= 1 << (LUTRA_FIELD_STARTER >> 8), "a starter is any path node");

/*
 * Returns the token that makes a program known where a certain program starts it, because a person
 * accepted that. token: of the execution. starter: path node of the program that starts it, not 0.
 * Training makes no such token.
 */
static __always_inline __u64 lutra_object_token_started_by(__u64 token, __u32 starter)
{
	return token | lutra_object_token_put(LUTRA_FIELD_STARTER, starter);
}

/* Ports from here on count as one port, unless the policy knows exact ports of this kind. */
#define LUTRA_EPHEMERAL_PORT 32768

/* Returns the fields of a port: the port where it is exact, else 1 for ephemeral, 0 for other. */
static __always_inline __u64 lutra_port_fields(const struct lutra_policy *p,
					       const struct lutra_object *o)
{
	if (o->family != LUTRA_AF_INET && o->family != LUTRA_AF_INET6)
		return 0;
	if (p->port_exact >> lutra_port_bit(o) & 1)
		return lutra_object_token_put(LUTRA_FIELD_EXACT_PORT, 1) |
		       lutra_object_token_put(LUTRA_FIELD_DETAIL, o->port);
	return lutra_object_token_put(LUTRA_FIELD_DETAIL, o->port >= LUTRA_EPHEMERAL_PORT);
}

/* Returns the address class of a token, enum lutra_addr_class. */
static __always_inline __u32 lutra_object_token_addr_class(__u64 token)
{
	if (!lutra_object_token_get(token, LUTRA_FIELD_HAS_ADDR_CLASS))
		return LUTRA_ADDR_NONE;
	return (lutra_object_token_get(token, LUTRA_FIELD_ADDR_CLASS) |
		lutra_object_token_get(token, LUTRA_FIELD_ADDR_CLASS_HIGH) << 2) +
	       1;
}

/* Returns the fields of an address class. */
static __always_inline __u64 lutra_addr_class_fields(__u32 class)
{
	if (!class)
		return 0;
	return lutra_object_token_put(LUTRA_FIELD_HAS_ADDR_CLASS, 1) |
	       lutra_object_token_put(LUTRA_FIELD_ADDR_CLASS, class - 1u) |
	       lutra_object_token_put(LUTRA_FIELD_ADDR_CLASS_HIGH, (class - 1u) >> 2);
}

/* Returns the fields of a transport, as far as the policy tells transports apart. */
static __always_inline __u64 lutra_transport_fields(const struct lutra_policy *p,
						    const struct lutra_object *o)
{
	if ((o->family != LUTRA_AF_INET && o->family != LUTRA_AF_INET6) ||
	    !(p->ops >> LUTRA_OP_TRANSPORTS & 1))
		return 0;
	return lutra_object_token_put(LUTRA_FIELD_TRANSPORT, o->mode);
}

/* The fields of a network, all bits set. */
#define LUTRA_NETWORK_FIELDS                                                                       \
	(lutra_object_token_put(LUTRA_FIELD_NETWORK_LOW, ~0ull) |                                  \
	 lutra_object_token_put(LUTRA_FIELD_NETWORK_HIGH, ~0ull))

/* Returns the fields of a peer: family, class, network, transport and port. */
static __always_inline __u64 lutra_peer_fields(const struct lutra_policy *p,
					       const struct lutra_object *o)
{
	__u32 network = lutra_network_number(p, o);

	return lutra_object_token_put(LUTRA_FIELD_FAMILY, o->family) |
	       lutra_addr_class_fields(lutra_addr_class_in(p, o)) |
	       lutra_object_token_put(LUTRA_FIELD_NETWORK_LOW, network) |
	       lutra_object_token_put(LUTRA_FIELD_NETWORK_HIGH, network >> 7) |
	       lutra_transport_fields(p, o) | lutra_port_fields(p, o);
}

/*
 * Returns the token of an object. class: where its path leads in the tree. ext: its
 * lutra_code_counted(), or 0.
 */
LUTRA_FN __u64 lutra_object_token(const struct lutra_policy *p, const struct lutra_object *o,
				  const struct lutra_class *class, __u32 ext, __u8 role)
{
	__u64 t;

	if (!p || !o || !class)
		return 0;
	t = lutra_object_token_put(LUTRA_FIELD_OP, o->op);

	if (role == LUTRA_ROLE_SESSION || lutra_role_counts(o, class->flags, p->ops))
		t |= lutra_object_token_put_role(role == LUTRA_ROLE_ANY ? LUTRA_ROLE_STARTUP
									: role);
	t |= lutra_object_token_put(LUTRA_FIELD_WRITE, o->flags & LUTRA_OBJ_WRITE);
	t |= lutra_object_token_put(LUTRA_FIELD_EXTENSION, ext);
	if (o->flags & LUTRA_OBJ_PATH)
		t |= lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		     lutra_object_token_put(LUTRA_FIELD_DETAIL, class->node);
	switch (o->op) {
	case LUTRA_OP_OPEN:
		t |= lutra_object_token_put(LUTRA_FIELD_INODE_TYPE, o->mode >> 12);
		break;
	case LUTRA_OP_EXEC:
	case LUTRA_OP_MAPX:
		if (lutra_is_fresh(o))
			t |= lutra_object_token_put(LUTRA_FIELD_FRESH, 1);
		if (o->flags & LUTRA_OBJ_UPDATED)
			t |= lutra_object_token_put(LUTRA_FIELD_UPDATED, 1);
		break;
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
		t |= lutra_peer_fields(p, o);
		break;
	case LUTRA_OP_PEER:
		t |= lutra_object_token_put(LUTRA_FIELD_FAMILY, o->family);
		break;
	case LUTRA_OP_SOCKET:
		t |= lutra_object_token_put(LUTRA_FIELD_FAMILY, o->family) |
		     lutra_object_token_put(LUTRA_FIELD_SOCKET_TYPE, o->mode) |
		     lutra_object_token_put(LUTRA_FIELD_DETAIL, o->port);
		break;
	case LUTRA_OP_CAPABLE:
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
	case LUTRA_OP_HOOK:
		t |= lutra_object_token_put(LUTRA_FIELD_DETAIL, o->mode);
		break;
	case LUTRA_OP_CHMOD:
	case LUTRA_OP_MKNOD:
		if (o->flags & LUTRA_OBJ_XBIT)
			t |= lutra_object_token_put(LUTRA_FIELD_EXECUTABLE, 1);
		break;
	default:
		break;
	}
	return t;
}

/* Writes an object to a record: its arg and aux hold all of it but the path. */
static __always_inline void lutra_object_pack(const struct lutra_object *o, struct lutra_record *r)
{
	__u32 last = o->family == LUTRA_AF_INET6 ? 12 : 0;
	__u32 addr;

	__builtin_memcpy(&addr, o->addr + last, 4);
	r->arg = (__u64)o->op | (__u64)o->flags << 8 |
		 (__u64)(o->family ? o->port : o->mode) << 16 | (__u64)addr << 32;
	r->aux = (__u16)(o->family | o->addr_class << 8 | (o->family ? o->mode & 15 : 0) << 12);
}

/* Reads an object back from a record. */
static __always_inline void lutra_object_unpack(const struct lutra_record *r,
						struct lutra_object *ret)
{
	__u32 addr = (__u32)(r->arg >> 32);

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->op = (__u8)r->arg;
	ret->flags = (__u8)(r->arg >> 8);
	ret->family = (__u8)r->aux;
	ret->addr_class = (__u8)(r->aux >> 8 & 15);
	if (ret->family) {
		ret->port = (__u16)(r->arg >> 16);
		ret->mode = (__u16)(r->aux >> 12);
	} else {
		ret->mode = (__u16)(r->arg >> 16);
	}
	__builtin_memcpy(ret->addr + (ret->family == LUTRA_AF_INET6 ? 12 : 0), &addr, 4);
	/* An older recording has fewer classes, but all of an IPv4 address. */
	if (ret->family == LUTRA_AF_INET && ret->addr_class && addr)
		ret->addr_class = lutra_addr4_class(ret->addr);
}

#endif
