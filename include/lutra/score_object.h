/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of the scorer (score.h): judges an object. It looks the object's token up in the policy. If
 * the policy does not know the token, it names the rule that the object matches.
 */
#ifndef LUTRA_SCORE_OBJECT_H
#define LUTRA_SCORE_OBJECT_H

#include "lutra/abi.h"
#include "lutra/code_name.h"
#include "lutra/object_token.h"
#include "lutra/score_path.h"

#define LUTRA_S_IFDIR_TYPE 4 /* S_IFDIR >> 12 */
#define LUTRA_S_IFBLK_TYPE 6
#define LUTRA_S_IFREG_TYPE 8

/* Returns true if the operation may create or change a file at this name, so that code gets there. */
static __always_inline __u32 lutra_puts_file(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_OPEN:
		return o->flags & LUTRA_OBJ_WRITE;
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_TO:
	case LUTRA_OP_SYMLINK:
	case LUTRA_OP_MKNOD:
		return 1;
	default:
		return 0;
	}
}

/* Returns true if the operation reads a regular file, and does not write it. */
static __always_inline __u32 lutra_reads_file(const struct lutra_object *o)
{
	return o->op == LUTRA_OP_OPEN && !(o->flags & LUTRA_OBJ_WRITE) &&
	       o->mode >> 12 == LUTRA_S_IFREG_TYPE;
}

/*
 * Returns the lutra_code_index() of a path where the operation puts a file there, LUTRA_CODE_SECRET
 * where it reads a secret by its name, and 0 for anything else, and if the policy does not use this
 * index. Call it only if the tree does not hold the name itself: the name matched a wildcard, or is
 * not in the tree.
 */
static __always_inline __u32 lutra_code_counted(const struct lutra_policy *p,
						const struct lutra_object *o,
						const struct lutra_path *path)
{
	__u32 index = 0;

	if (lutra_puts_file(o))
		index = lutra_code_of_path(path);
	else if (lutra_reads_file(o) && lutra_path_is_secret(path))
		index = LUTRA_CODE_SECRET;
	return index <= p->code_last ? index : 0;
}

/*
 * Returns true if the operation puts a file at a name of code, or at a name that is too long to be
 * looked up.
 */
static __always_inline __u32 lutra_puts_code(const struct lutra_object *o,
					     const struct lutra_path *path)
{
	return lutra_puts_file(o) &&
	       (path->flags & LUTRA_PATH_LONG || lutra_code_of_path(path) != 0);
}

/* Returns true for an operation on a name: LUTRA_OP_UNLINK to LUTRA_OP_SETXATTR. */
static __always_inline int lutra_is_path_op(__u8 op)
{
	return op >= LUTRA_OP_UNLINK && op <= LUTRA_OP_SETXATTR;
}

/*
 * Returns the rule of an open, or of an operation on a name, for an object of this kind. writes: the
 * operation on a name is judged like opening the name for writing.
 */
static __always_inline __u8 lutra_path_rule(const struct lutra_object *o, __u8 kind, __u32 writes)
{
	/* Columns: an open for reading, an open for writing, an operation on a name. */
	static const __u8 rules[8][3] = {
		[LUTRA_KIND_PROTECTED] = {LUTRA_RULE_OPEN_READ_PROTECTED,
					  LUTRA_RULE_OPEN_WRITE_PROTECTED,
					  LUTRA_RULE_PATH_PROTECTED},
		[LUTRA_KIND_PROGRAM_DIR] = {LUTRA_RULE_OPEN_READ_PROGRAM_DIR,
					    LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR,
					    LUTRA_RULE_PATH_PROGRAM_DIR},
		[LUTRA_KIND_DATA_DIR] = {LUTRA_RULE_OPEN_READ_ELSEWHERE,
					 LUTRA_RULE_OPEN_WRITE_DATA_DIR, LUTRA_RULE_PATH_DATA_DIR},
		[LUTRA_KIND_ELSEWHERE] = {LUTRA_RULE_OPEN_READ_ELSEWHERE,
					  LUTRA_RULE_OPEN_WRITE_ELSEWHERE,
					  LUTRA_RULE_PATH_ELSEWHERE},
		[LUTRA_KIND_NEW_USE] = {LUTRA_RULE_OPEN_READ_NEW_USE, LUTRA_RULE_OPEN_WRITE_NEW_USE,
					LUTRA_RULE_PATH_NEW_USE},
		[LUTRA_KIND_NEW_ROLE] = {LUTRA_RULE_OPEN_READ_NEW_ROLE,
					 LUTRA_RULE_OPEN_WRITE_NEW_ROLE, LUTRA_RULE_PATH_NEW_USE},
		[LUTRA_KIND_SIBLING] = {LUTRA_RULE_OPEN_READ_SIBLING,
					LUTRA_RULE_OPEN_WRITE_PROTECTED, LUTRA_RULE_PATH_PROTECTED},
	};
	__u32 use = o->flags & LUTRA_OBJ_WRITE ? 1 : 0;
	__u8 rule;

	if (lutra_is_path_op(o->op))
		use = writes ? 1 : 2;
	rule = rules[kind & 7][use];
	if (rule == LUTRA_RULE_OPEN_READ_ELSEWHERE && o->mode >> 12 == LUTRA_S_IFDIR_TYPE)
		rule = LUTRA_RULE_OPEN_DIR;
	return rule;
}

/*
 * Returns true if an object whose path is not in the tree is a document of the image, in a directory
 * that the runs used. The caller has found that it is read. Code, configuration and secrets are no
 * documents. A directory that no run used does not count, because path traversal leads there.
 */
static __always_inline __u32 lutra_is_image_document(const struct lutra_object *o,
						     const struct lutra_path *path,
						     const struct lutra_class *c)
{
	if (o->mode >> 12 != LUTRA_S_IFREG_TYPE || lutra_object_layer(o) != LUTRA_LAYER_IMAGE ||
	    (c->flags | c->passed) & (LUTRA_NODE_ROLE | LUTRA_NODE_SECRET) || !c->last ||
	    path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		return 0;
	return lutra_ext_is_document(lutra_ext_bytes(
		(const struct lutra_name *)(const void *)path->name[0], path->len[0]));
}

/* Returns the rule of a program that the policy does not know. */
static __always_inline __u8 lutra_exec_rule(const struct lutra_object *o)
{
	return lutra_is_fresh(o) ? LUTRA_RULE_EXEC_FRESH : LUTRA_RULE_EXEC;
}

/*
 * Returns the rule that an object of this kind matches. The policy does not know the object. writes:
 * as for lutra_path_rule().
 */
static __always_inline __u8 lutra_object_rule(const struct lutra_object *o, __u8 kind, __u32 writes)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
		if (o->flags & LUTRA_OBJ_UPDATED)
			return LUTRA_RULE_UPDATED;
		return lutra_exec_rule(o);
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_PEER:
		return LUTRA_RULE_CONNECT;
	case LUTRA_OP_BIND:
		return LUTRA_RULE_BIND;
	case LUTRA_OP_SEND:
		return LUTRA_RULE_SEND;
	case LUTRA_OP_MAPX:
		return o->flags & LUTRA_OBJ_UPDATED ? LUTRA_RULE_UPDATED : LUTRA_RULE_MAPX;
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
		return LUTRA_RULE_WX;
	case LUTRA_OP_CAPABLE:
		return LUTRA_RULE_CAPABLE;
	case LUTRA_OP_HOOK:
	case LUTRA_OP_SOCKET:
		return LUTRA_RULE_NEW_HOOKABLE;
	default:
		return lutra_path_rule(o, kind, writes);
	}
}

/* What lutra_takes_secret() returns. */
#define LUTRA_SECRET_BY_NAME 1
#define LUTRA_SECRET_BY_OWNER 2

/*
 * Returns LUTRA_SECRET_* if an object that the policy does not know takes a secret: it reads the file, or
 * moves or links it to a name that may be known; else 0. A secret is a file with the name of one, or a
 * file that its owner keeps from others and that belongs to another user than the task's. What the
 * container itself wrote is none, in a directory where the service writes files: elsewhere, a file of the
 * image counts as written once its times or its owner are changed. flags: of the directory's node.
 */
LUTRA_FN __u32 lutra_takes_secret(const struct lutra_policy *p, const struct lutra_object *o,
				  const struct lutra_path *path, __u32 flags)
{
	if (!p || !o || !path || p->code_last < LUTRA_CODE_SECRET)
		return 0;
	if ((!lutra_reads_file(o) && o->op != LUTRA_OP_RENAME_FROM &&
	     o->op != LUTRA_OP_LINK_FROM) ||
	    (lutra_object_layer(o) == LUTRA_LAYER_WRITTEN && flags & LUTRA_NODE_WROTE))
		return 0;
	if (lutra_path_is_secret(path))
		return LUTRA_SECRET_BY_NAME;
	return o->flags & LUTRA_OBJ_PRIVATE ? LUTRA_SECRET_BY_OWNER : 0;
}

/*
 * Returns the kind of an object whose path is not in the tree. secret: lutra_takes_secret(); in a
 * directory where the service writes files, a move is none.
 */
static __always_inline __u8 lutra_miss_kind(const struct lutra_object *o,
					    const struct lutra_path *path,
					    const struct lutra_class *c, __u32 ext, __u32 secret)
{
	__u8 seen = c->flags;

	if (secret && (o->op == LUTRA_OP_OPEN || !(c->flags & LUTRA_NODE_WROTE)))
		seen |= LUTRA_NODE_PROTECTED;

	if (path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		seen |= c->passed;
	if (seen & LUTRA_NODE_PROTECTED)
		return LUTRA_KIND_PROTECTED;
	if (seen & LUTRA_NODE_USR)
		return LUTRA_KIND_PROGRAM_DIR;
	/*
	 * The miss need not be at the last component: a service with data makes new directories
	 * below its data directory, and files in them.
	 */
	if (!(path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG)) && !ext &&
	    (c->flags & LUTRA_NODE_WROTE) && o->op != LUTRA_OP_MKDIR && o->op != LUTRA_OP_RMDIR &&
	    (lutra_is_path_op(o->op) || (o->flags & LUTRA_OBJ_WRITE)))
		return LUTRA_KIND_DATA_DIR;
	return LUTRA_KIND_ELSEWHERE;
}

/* Turns the role spawned of a token to deeper, and deeper to spawned. */
#define LUTRA_SPAWNED_TO_DEEPER                                                                    \
	lutra_object_token_put(LUTRA_FIELD_ROLE, LUTRA_ROLE_SPAWNED ^ LUTRA_ROLE_DEEPER)

/* Returns true for the roles of what a steady service started. */
static __always_inline __u32 lutra_is_spawned(__u8 role)
{
	return role == LUTRA_ROLE_SPAWNED || role == LUTRA_ROLE_DEEPER;
}

/*
 * Returns true if the policy knows a token in this role. A token of an exec session always holds its
 * role. The roles session and any also know what startup, steady, spawned and deeper know. The roles
 * spawned and deeper know each other's tokens: a script uses the same programs and files, whether the
 * service or another script started it. exact: as for lutra_object_find().
 */
LUTRA_FN __u32 lutra_name_known(const struct lutra_policy *p, __u64 token, __u64 exact, __u8 role)
{
	__u32 known;

	if (!p)
		return 0;
	known = lutra_object_find(p, token, exact);
	token &= ~lutra_object_token_put(LUTRA_FIELD_SESSION, 1);
	for (__u64 r = 0; r < LUTRA_ROLE_SESSION && !known && role >= LUTRA_ROLE_SESSION; r++)
		known = lutra_object_find(p, token | lutra_object_token_put(LUTRA_FIELD_ROLE, r),
					  exact);
	if (!known && lutra_is_spawned(role) && lutra_object_token_role(token) == role)
		known = lutra_object_find(p, token ^ LUTRA_SPAWNED_TO_DEEPER, exact);
	return known;
}

/* Returns true if the policy knows a token in this role, where no names are to be told apart. */
static __always_inline __u32 lutra_object_known(const struct lutra_policy *p, __u64 token,
						__u8 role)
{
	return lutra_name_known(p, token, 0, role);
}

/*
 * Returns true if an object that is not in the tree is a sibling: a regular file that is read in a
 * directory in which the role reads files of the same kind (extension).
 */
static __always_inline __u32 lutra_is_sibling(const struct lutra_policy *p,
					      const struct lutra_object *o,
					      const struct lutra_path *path,
					      const struct lutra_class *c, __u8 role)
{
	if (o->op != LUTRA_OP_OPEN || o->flags & LUTRA_OBJ_WRITE || !c->last ||
	    o->mode >> 12 != LUTRA_S_IFREG_TYPE || c->flags & LUTRA_NODE_SECRET ||
	    path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		return 0;
	return lutra_object_known(
		p,
		lutra_object_token(p, o, c, 0, role) |
			lutra_sibling_fields(lutra_component_kind(path->name[0], path->len[0])),
		role);
}

/*
 * Returns true if a person accepted new files of this kind (extension) in this directory, used in
 * this way. token: of the name, which is not in the tree.
 */
static __always_inline __u32 lutra_is_accepted_kind(const struct lutra_policy *p,
						    const struct lutra_path *path,
						    const struct lutra_class *c, __u64 token,
						    __u8 role)
{
	if (!c->last || path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		return 0;
	return lutra_object_known(p,
				  lutra_object_token_accepted(
					  token, lutra_component_kind(path->name[0], path->len[0])),
				  role);
}

/*
 * Returns true if an object that is not in the tree is a library or a program of the image, the runs
 * mapped or executed others of its directory, and the role is startup or any. The configuration may
 * name another module now, and no attacker could put the file there. After start-up this does not
 * hold: an attacker may make a service that serves requests load a library.
 */
static __always_inline __u32 lutra_is_image_code(const struct lutra_policy *p,
						 const struct lutra_object *o,
						 const struct lutra_path *path,
						 const struct lutra_class *c, __u8 role)
{
	__u32 layer = lutra_object_layer(o);

	if ((o->op != LUTRA_OP_MAPX && o->op != LUTRA_OP_EXEC) || !c->last ||
	    (role != LUTRA_ROLE_STARTUP && role != LUTRA_ROLE_ANY) ||
	    path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG) ||
	    (layer != LUTRA_LAYER_IMAGE && layer != LUTRA_LAYER_CHANGED))
		return 0;
	return lutra_object_known(p, lutra_object_token(p, o, c, 0, role) | lutra_sibling_fields(0),
				  role);
}

/*
 * Returns true if the policy expects an unknown object, because the container is of a new release: it is
 * a file or directory that the layers of the image bring, and it is read or mapped as code. Secrets and
 * files that decide who may log in are not expected.
 */
static __always_inline __u32 lutra_is_brought(const struct lutra_policy *p,
					      const struct lutra_object *o,
					      const struct lutra_path *path,
					      const struct lutra_class *c)
{
	__u32 uses = ((o->op == LUTRA_OP_OPEN) & !(o->flags & LUTRA_OBJ_WRITE)) |
		     ((o->op == LUTRA_OP_MAPX) & !(o->flags & LUTRA_OBJ_UPDATED));

	/* Without branches, because the BPF verifier would walk each path. */
	uses &= (p->expects_image == 1) & (lutra_object_layer(o) == LUTRA_LAYER_IMAGE) &
		!((c->flags | c->passed) & LUTRA_NODE_SECRET);
	if (!uses || lutra_code_of_path(path) == LUTRA_CODE_LOGIN)
		return 0;
	return p->code_last < LUTRA_CODE_SECRET ||
	       (!lutra_path_is_secret(path) && !lutra_is_private(o));
}

/*
 * Returns true if an unknown object only alerts. On a miss: the replays met new names in this
 * directory with the same operation and access, and with the same index of code and role where these
 * count. On a hit: the base or a pack says so of opening a regular file. Other uses of a hit are not
 * looked up, because those of a directory have the tokens of new names in it. token: the object's. The
 * function has no branches, because the BPF verifier would walk each path.
 */
static __always_inline __u32 lutra_name_varies(const struct lutra_policy *p,
					       const struct lutra_object *o,
					       const struct lutra_class *c, __u64 token, __u8 role)
{
	__u32 known = lutra_object_known(p, lutra_object_token_of_new_name(token), role);
	__u32 file = (o->op == LUTRA_OP_OPEN) & (o->mode >> 12 == LUTRA_S_IFREG_TYPE);

	known &= (c->hit == 0) | file;
	known |= !c->hit & ((c->flags & LUTRA_NODE_VARIES) != 0);
	return known & c->last & (o->op != LUTRA_OP_EXEC) & (o->op != LUTRA_OP_MAPX);
}

/*
 * Returns true if a hit stands for other names than the object's: the policy knows the token, but not of
 * these names, which it tells apart.
 */
static __always_inline __u32 lutra_is_other_name(const struct lutra_policy *p,
						 const struct lutra_class *c, __u64 token,
						 __u8 role)
{
	return c->hit && c->exact && lutra_object_known(p, token, role) &&
	       !lutra_name_known(p, token, c->exact, role);
}

/* Makes a hit a miss at the last component. */
static __always_inline void lutra_class_miss(const struct lutra_policy *p, struct lutra_class *c)
{
	c->node = c->parent;
	c->flags = p->node[c->node & (LUTRA_NODES - 1)];
	c->hit = 0;
	c->last = 1;
}

/* The scorer's judgement of an object. */
struct lutra_judgement {
	__u64 token;
	struct lutra_class class;
	/* enum lutra_kind. KNOWN also if the recordings of the policy could not show the operation. */
	__u8 kind;
	__u8 rule; /* enum lutra_rule; LUTRA_RULE_NONE if the kind is KNOWN */
	/* 1: the object at most alerts; lutra_name_varies() or lutra_is_image_code() returned true. */
	__u8 varies;
	__u8 pad[5];
};

/*
 * Returns true if the policy knows that the role executes the image's own file at this path. If an
 * operator adds a tool at another path, the service may not run it.
 */
static __always_inline __u32 lutra_is_known_program(const struct lutra_policy *p,
						    const struct lutra_judgement *j, __u8 role)
{
	return j->class.hit &&
	       lutra_name_known(p, lutra_object_token_of_image(j->token), j->class.exact, role);
}

/* Returns true if the last component names a directory. */
static __always_inline __u32 lutra_leaf_dir(const struct lutra_object *o)
{
	return o->mode >> 12 == LUTRA_S_IFDIR_TYPE || o->op == LUTRA_OP_MKDIR ||
	       o->op == LUTRA_OP_RMDIR || o->op == LUTRA_OP_CHDIR;
}

/*
 * Returns true if the policy knows a message to any class of addresses but loopback. token: of the message,
 * without a class.
 */
LUTRA_FN __u32 lutra_answers_others(const struct lutra_policy *p, __u64 token, __u8 role)
{
	__u32 known = 0;

	if (!p)
		return 0;
	for (__u32 class = LUTRA_ADDR_PRIVATE; class < LUTRA_ADDR_COUNT && !known; class ++)
		known = class != LUTRA_ADDR_ANY &&
			lutra_object_known(p, token | lutra_addr_class_fields(class), role);
	return known;
}

/*
 * Returns true if the policy knows that the role opens the file at a node for writing. Of a directory:
 * that the service makes it. c: where the path led, a hit. token: the object's.
 */
static __always_inline __u32 lutra_may_write_name(const struct lutra_policy *p, __u32 is_dir,
						  const struct lutra_class *c, __u64 token,
						  __u8 role)
{
	__u64 t = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		  lutra_object_token_put(LUTRA_FIELD_DETAIL, c->node);

	if (role == LUTRA_ROLE_SESSION || (!is_dir && c->flags & LUTRA_NODE_ROLE))
		t |= lutra_object_token_put_role(role == LUTRA_ROLE_ANY ? LUTRA_ROLE_STARTUP
									: role);
	if (is_dir)
		t |= lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_MKDIR);
	else
		t |= lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_OPEN) |
		     lutra_object_token_put(LUTRA_FIELD_WRITE, 1) |
		     lutra_object_token_put(LUTRA_FIELD_INODE_TYPE, LUTRA_S_IFREG_TYPE) |
		     (token & lutra_object_token_put(LUTRA_FIELD_EXTENSION, ~0ull));
	return lutra_name_known(p, t, c->exact, role);
}

/*
 * Returns true if an unknown operation on a name is judged like opening the name for writing: it
 * truncates the file, or it gives the name other bytes, or the bytes another name. Then the name of a
 * file that the service only reads, and that of a directory that it did not make, are as safe from a
 * rename, a link or an exchange as from a write. A directory that is moved takes the names of the files
 * below with it, so it only counts where the policy knows the directory. A name that no run used is
 * read nowhere, so a symbolic link or a node there does not count.
 */
static __always_inline __u32 lutra_writes_name(const struct lutra_policy *p,
					       const struct lutra_object *o,
					       const struct lutra_class *c, __u64 token, __u8 role)
{
	__u32 is_dir = lutra_leaf_dir(o);

	switch (o->op) {
	case LUTRA_OP_TRUNCATE:
	case LUTRA_OP_RENAME_FROM:
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_FROM:
	case LUTRA_OP_LINK_TO:
		if (!c->hit)
			return !is_dir;
		break;
	case LUTRA_OP_SYMLINK:
	case LUTRA_OP_MKNOD:
		/* Of a file, the flag says that runs did not use the name. */
		if (!c->hit || c->flags & LUTRA_NODE_PROTECTED)
			return 0;
		break;
	default:
		return 0;
	}
	return !lutra_may_write_name(p, is_dir, c, token, role);
}

/*
 * Returns true if a name that is not in the tree is that of a directory which is, and which the service
 * did not make: a symbolic link in its place leads to other files of the same names. fold: 64 bytes of
 * scratch.
 */
static __always_inline __u32 lutra_takes_directory(const struct lutra_policy *p,
						   const struct lutra_object *o,
						   const struct lutra_path *path,
						   const struct lutra_class *c, __u8 role,
						   char *fold)
{
	__u32 session = role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0, child;
	__u64 token;

	if (!lutra_is_path_op(o->op) || !lutra_puts_file(o) || !c->last ||
	    path->flags & (LUTRA_PATH_UNRESOLVED | LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		return 0;
	child = lutra_node_child(p, path, (struct lutra_name *)(void *)fold, c->node,
				 LUTRA_CHILD_DIR | session);
	if (!child)
		return 0;
	token = lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_MKDIR) |
		lutra_object_token_put(LUTRA_FIELD_DETAIL, child) |
		(session ? lutra_object_token_put_role(role) : 0);
	return !lutra_object_known(p, token, role);
}

/*
 * Returns true if an unknown object is an answer to a client on the loopback interface: a message to an
 * ephemeral port. The policy knows that the role sends the same to such a port of a private or public
 * address. The service answers all who ask it, so it may answer a health check in its own container.
 */
static __always_inline __u32 lutra_is_loopback_answer(const struct lutra_policy *p,
						      const struct lutra_object *o, __u8 role)
{
	__u64 t;

	if (o->op != LUTRA_OP_SEND || o->addr_class != LUTRA_ADDR_LOOPBACK ||
	    o->port < LUTRA_EPHEMERAL_PORT)
		return 0;
	/* The token of a wider address, without an object of it: the kernel's stack has no room. */
	t = lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_SEND) |
	    lutra_object_token_put_role(role == LUTRA_ROLE_ANY ? LUTRA_ROLE_STARTUP : role) |
	    lutra_object_token_put(LUTRA_FIELD_FAMILY, o->family) | lutra_transport_fields(p, o) |
	    lutra_object_token_put(LUTRA_FIELD_DETAIL, 1);
	return lutra_answers_others(p, t, role);
}

/*
 * Returns true if the policy is of recordings in which all names outside of the root's file system were
 * one for attributes, and the policy knows this name: "/" in no directory.
 */
LUTRA_FN __u32 lutra_attribute_known(const struct lutra_policy *p, const struct lutra_object *o,
				     struct lutra_name *name, __u8 role)
{
	__u32 layer, dir;
	__u32 node;
	__u64 t;

	if (!p || !o || !name || o->op != LUTRA_OP_SETXATTR)
		return 0;
	layer = lutra_object_layer(o);
	if (layer != LUTRA_LAYER_VOLUME && layer != LUTRA_LAYER_TMPFS)
		return 0;
	name->s[0] = '/';
	dir = lutra_leaf_dir(o);
	node = lutra_edge_find(p, 0, lutra_component_key(name->s, 1, p->hash_key, 1));
	if (node)
		node = lutra_edge_find(p, node, lutra_component_key(name->s, 1, p->hash_key, dir));
	t = lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_SETXATTR) |
	    lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
	    lutra_object_token_put(LUTRA_FIELD_DETAIL, node);
	if (role == LUTRA_ROLE_SESSION)
		t |= lutra_object_token_put_role(role);
	return node && lutra_object_known(p, t, role);
}

/*
 * Returns true if the policy knows the peer, or the peer without its network, its transport or both: what
 * a person accepted, and what the base knows, is of any network and transport.
 */
LUTRA_FN __u32 lutra_peer_known(const struct lutra_policy *p, __u64 token, __u8 role)
{
	__u64 transport = lutra_object_token_put(LUTRA_FIELD_TRANSPORT, ~0ull);
	__u64 network = LUTRA_NETWORK_FIELDS;

	if (!p)
		return 0;
	return lutra_object_known(p, token, role) ||
	       (token & network && lutra_object_known(p, token & ~network, role)) ||
	       (token & transport && lutra_object_known(p, token & ~transport, role)) ||
	       (token & network && token & transport &&
		lutra_object_known(p, token & ~(network | transport), role));
}

/* Returns true if the policy knows the token of an object without a path. */
static __always_inline __u32 lutra_pathless_known(const struct lutra_policy *p,
						  const struct lutra_object *o, __u64 token,
						  __u8 role)
{
	if (lutra_is_peer_op(o->op))
		return lutra_peer_known(p, token, role);
	return lutra_object_known(p, token, role);
}

/* Returns true if the policy judges objects of this kind: if its recordings could see them. */
static __always_inline __u32 lutra_is_op_judged(const struct lutra_policy *p,
						const struct lutra_object *o)
{
	__u32 needed = 1u << (o->op & 31);

	if (o->op == LUTRA_OP_HOOK && o->mode >= LUTRA_HOOK_OUTSIDE)
		needed |= 1u << LUTRA_OP_OUTSIDE;
	return (p->ops & needed) == needed;
}

/* Judges an object that has no path. */
static __always_inline int lutra_judge_pathless(const struct lutra_policy *p,
						const struct lutra_object *o, __u8 role,
						struct lutra_judgement *ret)
{
	if (!p || !o || !ret)
		return 0;
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->rule = LUTRA_RULE_NONE;
	ret->token = lutra_object_token(p, o, &ret->class, 0, role);
	if (!lutra_is_op_judged(p, o) || lutra_pathless_known(p, o, ret->token, role) ||
	    lutra_is_loopback_answer(p, o, role))
		return 0;
	ret->kind = LUTRA_KIND_ELSEWHERE;
	ret->rule = lutra_object_rule(o, ret->kind, 0);
	return 0;
}

/* Returns LUTRA_CHILD_EXACT for a program or a library, else 0. */
static __always_inline __u32 lutra_exact_child(const struct lutra_object *o)
{
	return o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX ? LUTRA_CHILD_EXACT : 0;
}

/*
 * Sets the place of an object in the tree, and its token. The arguments are those of
 * lutra_judge_object(). Returns its lutra_code_counted().
 */
static __always_inline __u32 lutra_judge_place(const struct lutra_policy *p,
					       const struct lutra_object *o,
					       const struct lutra_path *path, __u8 role, char *fold,
					       struct lutra_judgement *ret)
{
	__u32 ext = 0;

	lutra_classify_path(p, path, lutra_leaf_dir(o),
			    (role == LUTRA_ROLE_SESSION ? LUTRA_CHILD_SESSION : 0) |
				    lutra_exact_child(o),
			    fold, &ret->class);
	if (ret->class.wildcard || !ret->class.hit)
		ext = lutra_code_counted(p, o, path);
	ret->token = lutra_object_token(p, o, &ret->class, ext, role);
	if (lutra_is_other_name(p, &ret->class, ret->token, role)) {
		lutra_class_miss(p, &ret->class);
		ext = lutra_code_counted(p, o, path);
		ret->token = lutra_object_token(p, o, &ret->class, ext, role);
	}
	return ext;
}

/*
 * Judges an object. path: only read if o->flags has LUTRA_OBJ_PATH. fold: 64 bytes of scratch.
 * Opening a directory for reading, or entering it, is known if the directory is in the tree.
 */
static __always_inline int lutra_judge_object(const struct lutra_policy *p,
					      const struct lutra_object *o,
					      const struct lutra_path *path, __u8 role, char *fold,
					      struct lutra_judgement *ret)
{
	__u32 ext, secret, writes = 0;

	if (!p || !o || !path || !fold || !ret)
		return 0;
	if (!(o->flags & LUTRA_OBJ_PATH))
		return lutra_judge_pathless(p, o, role, ret);
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->rule = LUTRA_RULE_NONE;
	ext = lutra_judge_place(p, o, path, role, fold, ret);
	if (!(p->ops >> (o->op & 31) & 1))
		return 0;
	if (!ret->class.hit) {
		if (lutra_is_accepted_kind(p, path, &ret->class, ret->token, role))
			return 0;
		secret = lutra_takes_secret(p, o, path, ret->class.flags);
		ret->kind = lutra_miss_kind(o, path, &ret->class, ext, secret);
		ret->varies = (__u8)lutra_is_image_code(p, o, path, &ret->class, role);
		if (ret->kind == LUTRA_KIND_PROTECTED && secret != LUTRA_SECRET_BY_NAME &&
		    lutra_is_sibling(p, o, path, &ret->class, role))
			ret->kind = LUTRA_KIND_SIBLING;
		writes = ret->kind != LUTRA_KIND_PROTECTED &&
			 lutra_takes_directory(p, o, path, &ret->class, role, fold);
		if (writes)
			ret->kind = LUTRA_KIND_NEW_USE;
	} else if (!lutra_name_known(p, ret->token, ret->class.exact, role)) {
		if (o->op == LUTRA_OP_CHDIR ||
		    (o->op == LUTRA_OP_OPEN && !(o->flags & LUTRA_OBJ_WRITE) &&
		     o->mode >> 12 == LUTRA_S_IFDIR_TYPE))
			ret->kind = LUTRA_KIND_KNOWN;
		else if ((ret->class.flags & LUTRA_NODE_PROTECTED && !lutra_leaf_dir(o)) ||
			 (ret->class.wildcard && lutra_reads_file(o) &&
			  lutra_takes_secret(p, o, path, ret->class.flags) == LUTRA_SECRET_BY_NAME))
			ret->kind = LUTRA_KIND_PROTECTED;
		else
			ret->kind = o->op == LUTRA_OP_OPEN && (ret->class.flags & LUTRA_NODE_ROLE)
					    ? LUTRA_KIND_NEW_ROLE
					    : LUTRA_KIND_NEW_USE;
	}
	if (ret->kind == LUTRA_KIND_KNOWN)
		return 0;
	if (lutra_attribute_known(p, o, (struct lutra_name *)(void *)fold, role)) {
		ret->kind = LUTRA_KIND_KNOWN;
		ret->varies = 0;
		return 0;
	}
	ret->varies |= (__u8)lutra_name_varies(p, o, &ret->class, ret->token, role);
	writes |= lutra_writes_name(p, o, &ret->class, ret->token, role);
	ret->rule = lutra_object_rule(o, ret->kind, writes | lutra_puts_code(o, path));
	if (ret->rule == LUTRA_RULE_UPDATED && o->op == LUTRA_OP_EXEC &&
	    !lutra_is_known_program(p, ret, role))
		ret->rule = lutra_exec_rule(o);
	if (ret->rule == LUTRA_RULE_OPEN_READ_ELSEWHERE &&
	    lutra_is_image_document(o, path, &ret->class))
		ret->rule = LUTRA_RULE_OPEN_READ_IMAGE;
	if (lutra_is_brought(p, o, path, &ret->class))
		ret->rule = LUTRA_RULE_OPEN_READ_IMAGE;
	return 0;
}

/*
 * Makes an execution known if a person accepted it where a certain program starts it, and that
 * program does. starter: path node of the program that the task runs; 0: the policy does not know it.
 * j: what lutra_judge_object() returned.
 */
static __always_inline int lutra_judge_starter(const struct lutra_policy *p,
					       const struct lutra_object *o, __u32 starter,
					       __u8 role, struct lutra_judgement *j)
{
	if (!p || !o || !j || o->op != LUTRA_OP_EXEC || j->kind == LUTRA_KIND_KNOWN ||
	    !j->class.hit || !starter ||
	    !lutra_name_known(p, lutra_object_token_started_by(j->token, starter), j->class.exact,
			      role))
		return 0;
	j->kind = LUTRA_KIND_KNOWN;
	j->rule = LUTRA_RULE_NONE;
	j->varies = 0;
	return 0;
}

#endif
