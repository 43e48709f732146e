/* SPDX-License-Identifier: Apache-2.0 */
/* Things as text. */
#include "bench/alarms/thing.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lutra/object_token.h"

/* The older build that is judged beside this one tells neither transports nor kinds of sockets apart. */
#if LUTRA_ABI_VERSION >= 16
#include "lib/abi/socket_kind.h"
#endif

#define EPHEMERAL_PORTS 32768

/* A text under construction. It always fits. */
struct text {
	char *s;
	size_t len;
};

static void add_bytes(struct text *t, const char *s, size_t len)
{
	if (len > THING_TEXT - 1 - t->len)
		len = THING_TEXT - 1 - t->len;
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = 0;
}

static void add_word(struct text *t, const char *word)
{
	if (t->len)
		add_bytes(t, " ", 1);
	add_bytes(t, word, strlen(word));
}

/* Adds a component of a path as the scorer looks it up. */
static void add_component(struct text *t, const char *s, size_t len)
{
	char in[LUTRA_NAME] __attribute__((aligned(8))) = {0};
	char folded[LUTRA_NAME] __attribute__((aligned(8)));

	if (len >= LUTRA_NAME) {
		add_bytes(t, s, len);
		return;
	}
	memcpy(in, s, len);
	add_bytes(t, folded, lutra_fold_component(in, (__u32)len, folded));
}

static void add_path(struct text *t, const char *s, size_t len)
{
	size_t at = 0;

	add_bytes(t, " ", 1);
	while (at < len) {
		const char *slash = memchr(s + at, '/', len - at);
		size_t n = slash ? (size_t)(slash - s) - at : len - at;

		add_component(t, s + at, n);
		at += n;
		if (slash) {
			add_bytes(t, "/", 1);
			at++;
		}
	}
}

#if LUTRA_ABI_VERSION >= 16
static bool is_socket_kind(const struct lutra_object *o)
{
	return o->op == LUTRA_OP_SOCKET;
}

static void add_transport(struct text *t, const struct lutra_object *o)
{
	if (o->mode)
		add_word(t, transport_name(o->mode));
}

static void add_socket_kind(struct text *t, const struct lutra_object *o)
{
	char kind[SOCKET_KIND_TEXT];

	socket_kind_text(o->family, o->mode, o->port, kind);
	add_word(t, kind);
}
#else
static bool is_socket_kind(const struct lutra_object *o)
{
	(void)o;
	return false;
}

static void add_transport(struct text *t, const struct lutra_object *o)
{
	(void)t;
	(void)o;
}

static void add_socket_kind(struct text *t, const struct lutra_object *o)
{
	(void)t;
	(void)o;
}
#endif

static void add_socket(struct text *t, const struct lutra_object *o)
{
	char port[8];

	add_word(t, family_name(o->family));
	if (o->addr_class)
		add_word(t, addr_class_name(o->addr_class));
	add_transport(t, o);
	if (o->family != LUTRA_AF_INET && o->family != LUTRA_AF_INET6)
		return;
	snprintf(port, sizeof(port), "%u", o->port);
	add_word(t, o->port >= EPHEMERAL_PORTS ? "ephemeral" : port);
}

size_t thing_object_text(const struct lutra_object *o, const char *arch, const char *str,
			 size_t str_len, char ret[static THING_TEXT])
{
	struct text t = {ret, 0};
	char call[SYSCALL_NAME];

	add_word(&t, op_name(o->op));
	if (o->flags & LUTRA_OBJ_WRITE)
		add_word(&t, "write");
	if ((o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX) && lutra_is_fresh(o))
		add_word(&t, "fresh");
	if (o->flags & LUTRA_OBJ_UPDATED)
		add_word(&t, "updated");
	if ((o->op == LUTRA_OP_CHMOD || o->op == LUTRA_OP_MKNOD) && o->flags & LUTRA_OBJ_XBIT)
		add_word(&t, "executable");
	if (is_socket_kind(o))
		add_socket_kind(&t, o);
	else if (o->family)
		add_socket(&t, o);
	else if (o->op == LUTRA_OP_HOOK)
		add_word(&t, hook_name(o->mode));
	else if (o->op == LUTRA_OP_CAPABLE)
		add_word(&t, cap_name(o->mode));
	else if (!strncmp(op_name(o->op), "wx", 2))
		add_word(&t, syscall_name(arch, o->mode, call, sizeof(call)));
	if ((o->flags & LUTRA_OBJ_PATH) && str_len)
		add_path(&t, str, str_len);
	return t.len;
}

bool thing_is_of_level(unsigned rule)
{
	const char *name = rule_name(rule);

	return name && name[0] >= 'A' && name[0] <= 'Z' && !name[1] && name[0] != 'T';
}

size_t thing_syscall_text(unsigned rule, const char *arch, unsigned before, unsigned nr,
			  char ret[static THING_TEXT])
{
	bool is_level = thing_is_of_level(rule);
	struct text t = {ret, 0};
	char call[SYSCALL_NAME];

	add_word(&t, is_level ? "pair" : "call");
	if (is_level)
		add_word(&t, syscall_name(arch, before, call, sizeof(call)));
	add_word(&t, syscall_name(arch, nr, call, sizeof(call)));
	return t.len;
}
