/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and path nodes of a policy in words. */
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/socket_kind.h"
#include "lib/abi/syscalls.h"
#include "lib/policy/policy.h"
#include "lib/base/text.h"
#include "lutra/score.h"

struct words {
	char *buf;
	size_t size;
	size_t len;
};

static void add_word(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One more word; what does not fit is cut. */
static void add_word(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->len && w->len + 1 < w->size)
		w->buf[w->len++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	w->len += (size_t)n < w->size - w->len ? (size_t)n : w->size - w->len - 1;
}

int policy_node_path(const struct policy *p, uint32_t node, char *buf, size_t size)
{
	uint16_t chain[LUTRA_COMPONENTS + 1];
	char path[(LUTRA_COMPONENTS + 1) * (LUTRA_NAME + 1)] = "";
	size_t n = 0, len = 0;

	if (size == 0 || node >= p->n_nodes)
		return -EINVAL;
	for (; node && n < LUTRA_COMPONENTS + 1; node = p->nodes[node].parent)
		chain[n++] = (uint16_t)node;
	if (n == 0)
		len = (size_t)snprintf(path, sizeof(path), "/");
	while (n) {
		const struct policy_node *c = &p->nodes[chain[--n]];
		size_t name_len = strnlen(c->name, LUTRA_NAME);
		bool root = c->parent == 0 && strcmp(c->name, "/") == 0;

		/* Two slashes stand for the directory of what is in no mount. */
		if (len == 0 || path[len - 1] != '/')
			path[len++] = '/';
		if (len + name_len >= sizeof(path))
			break;
		memcpy(path + len, root ? "/" : c->name, name_len);
		len += name_len;
	}
	text_clean(path, len, buf, size);
	return 0;
}

/*
 * Adds what makes a new file a sibling: the extension that it shares with files of its directory,
 * as ".conf". Policies before format 3 list their objects with a number in its place.
 */
static void put_kind(struct words *w, const struct policy *p, uint64_t token)
{
	uint32_t kind = lutra_object_token_get(token, LUTRA_FIELD_FILE_KIND);
	uint32_t dir = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);

	if (lutra_object_token_get(token, LUTRA_FIELD_VARIES)) {
		add_word(w, "accepted, of kind %u, in", kind);
		return;
	}
	if (p->format > 2 && !kind) {
		add_word(w, "new, in");
		return;
	}
	for (size_t i = 1; p->format > 2 && i < p->n_nodes; i++) {
		const struct policy_node *n = &p->nodes[i];
		const char *dot = strrchr(n->name, '.');
		char text[4 * LUTRA_NAME];

		if (n->parent != dir || n->dir || !dot ||
		    lutra_component_kind(n->name, (uint32_t)strlen(n->name)) != kind)
			continue;
		text_clean(dot, strlen(dot), text, sizeof(text));
		add_word(w, "new, of kind %s, in", text);
		return;
	}
	add_word(w, "new, of kind %u, in", kind);
}

bool policy_key_has_token(const struct policy_key *k)
{
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		if (k->token[role] >= LUTRA_TOKEN0)
			return true;
	return false;
}

const struct policy_key *policy_key_by_number(const struct policy *p, unsigned number)
{
	unsigned n = LUTRA_KEY_FIRST;

	for (size_t i = 0; i < p->n_keys; i++) {
		if (!policy_key_has_token(&p->keys[i]))
			continue;
		if (n++ == number)
			return &p->keys[i];
	}
	return NULL;
}

const char *policy_token_name(const struct policy *p, uint8_t token, uint8_t *ret_role, char *buf,
			      size_t size)
{
	for (uint8_t role = 0; role < LUTRA_ROLES && token >= LUTRA_TOKEN0; role++) {
		*ret_role = role;
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			if (p->token[role][nr] == token)
				return syscall_name(p->arch, nr, buf, size);
		for (size_t i = 0; i < p->n_keys; i++)
			if (p->keys[i].token[role] == token)
				return p->keys[i].name;
	}
	*ret_role = 0;
	return "?";
}

bool policy_node_varies(const struct policy *p, uint32_t node)
{
	if (p->nodes[node].flags & LUTRA_NODE_VARIES)
		return true;
	for (size_t i = 0; p->nodes[node].dir && i < p->n_objects; i++)
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_VARIES) &&
		    !lutra_object_token_get(p->objects[i], LUTRA_FIELD_SIBLING) &&
		    lutra_object_token_get(p->objects[i], LUTRA_FIELD_DETAIL) == node)
			return true;
	return false;
}

static void put_path(struct words *w, const struct policy *p, uint64_t token)
{
	char path[1200];

	if (lutra_object_token_get(token, LUTRA_FIELD_HAS_PATH) &&
	    policy_node_path(p, lutra_object_token_get(token, LUTRA_FIELD_DETAIL), path,
			     sizeof(path)) == 0)
		add_word(w, "%s", path);
}

/* Adds the program that starts the program of a token, if it is accepted from that one alone. */
static void put_starter(struct words *w, const struct policy *p, uint64_t token)
{
	uint32_t node = lutra_object_token_get(token, LUTRA_FIELD_STARTER);
	char path[1200];

	if (node && policy_node_path(p, node, path, sizeof(path)) == 0)
		add_word(w, "started by %s", path);
}

static void put_socket(struct words *w, uint64_t token)
{
	unsigned family = lutra_object_token_get(token, LUTRA_FIELD_FAMILY);
	unsigned port = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);
	const char *name = family_name(family);

	if (strcmp(name, "?") == 0)
		add_word(w, "family %u", family);
	else
		add_word(w, "%s", name);
	if (lutra_object_token_get(token, LUTRA_FIELD_HAS_ADDR_CLASS))
		add_word(w, "%s", addr_class_name(lutra_object_token_addr_class(token)));
	if (lutra_object_token_get(token, LUTRA_FIELD_HAS_PATH))
		return;
	if (token & LUTRA_NETWORK_FIELDS)
		add_word(w, "network %04x",
			 lutra_object_token_get(token, LUTRA_FIELD_NETWORK_LOW) |
				 lutra_object_token_get(token, LUTRA_FIELD_NETWORK_HIGH) << 7);
	if (lutra_object_token_get(token, LUTRA_FIELD_TRANSPORT))
		add_word(w, "%s",
			 transport_name(lutra_object_token_get(token, LUTRA_FIELD_TRANSPORT)));
	if (lutra_object_token_get(token, LUTRA_FIELD_EXACT_PORT))
		add_word(w, "port %u", port);
	else if (family == LUTRA_AF_INET || family == LUTRA_AF_INET6)
		add_word(w, "%s", port ? "port ephemeral" : "port other");
}

static void put_socket_kind(struct words *w, uint64_t token)
{
	char kind[SOCKET_KIND_TEXT];

	socket_kind_text(lutra_object_token_get(token, LUTRA_FIELD_FAMILY),
			 lutra_object_token_get(token, LUTRA_FIELD_SOCKET_TYPE),
			 lutra_object_token_get(token, LUTRA_FIELD_DETAIL), kind);
	add_word(w, "%s", kind);
}

/* Adds a peer or the kind of a socket. Returns false if the token is of neither. */
static bool put_network_object(struct words *w, const struct policy *p, uint64_t token)
{
	unsigned op = lutra_object_token_get(token, LUTRA_FIELD_OP);

	if (op == LUTRA_OP_SOCKET) {
		put_socket_kind(w, token);
		return true;
	}
	if (!lutra_is_peer_op(op))
		return false;
	put_socket(w, token);
	put_path(w, p, token);
	return true;
}

/* Is the role part of this token? As lutra_object_token(). */
static bool has_role(const struct policy *p, uint64_t token)
{
	struct lutra_object o = {.op = (uint8_t)lutra_object_token_get(token, LUTRA_FIELD_OP)};
	uint32_t node = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);
	uint8_t flags = 0;

	if (lutra_object_token_get(token, LUTRA_FIELD_HAS_PATH) && node < p->n_nodes)
		flags = p->nodes[node].flags;
	return lutra_object_token_role(token) == LUTRA_ROLE_SESSION ||
	       lutra_role_counts(&o, flags, p->ops);
}

/* Returns the first text of a table that has this lutra_code_index(), or NULL. */
static const char *code_text(const struct lutra_code_name *table, size_t n, unsigned index)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].index == index)
			return table[i].s;
	return NULL;
}

/*
 * Adds what makes a name one of code or access. Of names with the same index it is the first one.
 */
static void put_code(struct words *w, unsigned index)
{
	const char *ext = code_text(lutra_code_exts, LUTRA_CODE_COUNT(lutra_code_exts), index);
	const char *versioned =
		code_text(lutra_code_versioned, LUTRA_CODE_COUNT(lutra_code_versioned), index);
	const char *file = code_text(lutra_code_files, LUTRA_CODE_COUNT(lutra_code_files), index);

	if (file)
		add_word(w, "a name like %s", file);
	else if (versioned)
		add_word(w, "extension %s with a version", versioned);
	else
		add_word(w, "extension %s", ext ? ext : "?");
}

/* Returns true if the token stands for new names in a directory. */
static bool is_of_new_names(const struct policy *p, uint64_t token)
{
	uint32_t node = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);

	return lutra_object_token_get(token, LUTRA_FIELD_VARIES) &&
	       !lutra_object_token_get(token, LUTRA_FIELD_SIBLING) && node < p->n_nodes &&
	       p->nodes[node].dir;
}

int policy_object_name(const struct policy *p, uint64_t token, char *buf, size_t size)
{
	struct words w = {.buf = buf, .size = size};
	unsigned op = lutra_object_token_get(token, LUTRA_FIELD_OP);
	unsigned detail = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);
	unsigned extension = lutra_object_token_get(token, LUTRA_FIELD_EXTENSION);
	char call[32];

	if (size == 0)
		return -EINVAL;
	buf[0] = '\0';
	add_word(&w, "%s", op_name(op));
	if (has_role(p, token))
		add_word(&w, "%s", role_name(lutra_object_token_role(token)));
	if (put_network_object(&w, p, token))
		return 0;
	switch (op) {
	case LUTRA_OP_OPEN:
		add_word(&w, "%s %s", lutra_object_token_get(token, LUTRA_FIELD_WRITE) ? "w" : "r",
			 inode_type_name(lutra_object_token_get(token, LUTRA_FIELD_INODE_TYPE)));
		break;
	case LUTRA_OP_CAPABLE:
		if (strcmp(cap_name(detail), "?") == 0)
			add_word(&w, "%u", detail);
		else
			add_word(&w, "%s", cap_name(detail));
		break;
	case LUTRA_OP_HOOK:
		add_word(&w, "%s", hook_name(detail));
		break;
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
		add_word(&w, "%s", syscall_name(p->arch, detail, call, sizeof(call)));
		break;
	default:
		break;
	}
	if (lutra_object_token_get(token, LUTRA_FIELD_SIBLING))
		put_kind(&w, p, token);
	if (is_of_new_names(p, token))
		add_word(&w, "any new name in");
	put_path(&w, p, token);
	if (lutra_object_token_get(token, LUTRA_FIELD_FRESH))
		add_word(&w, "fresh");
	if (lutra_object_token_get(token, LUTRA_FIELD_UPDATED))
		add_word(&w, "updated");
	if (lutra_object_token_get(token, LUTRA_FIELD_EXECUTABLE))
		add_word(&w, "executable");
	if (extension)
		put_code(&w, extension);
	if (lutra_object_token_get(token, LUTRA_FIELD_VARIES) &&
	    !lutra_object_token_get(token, LUTRA_FIELD_SIBLING) && !is_of_new_names(p, token))
		add_word(&w, "(alerts)");
	if (op == LUTRA_OP_EXEC)
		put_starter(&w, p, token);
	return 0;
}
