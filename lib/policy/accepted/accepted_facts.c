/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the words of an alert back into the object or system call that they describe. */
#include "lib/policy/accepted/accepted_facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/socket_kind.h"
#include "lib/abi/syscalls.h"
#include "lutra/verdict.h"

#define WORD_MAX 64
#define CAPABILITIES 64

/* Copies the next word of a text and moves *at behind it. Returns false: it is too long. */
static bool next_word(const char **at, char ret[static WORD_MAX])
{
	size_t len = strcspn(*at, " ");

	if (len == 0 || len >= WORD_MAX)
		return false;
	memcpy(ret, *at, len);
	ret[len] = '\0';
	*at += len;
	*at += **at == ' ';
	return true;
}

/* Reads "ipv4 address:port" or "[ipv6 address]:port". */
static bool facts_read_inet(const char *text, struct lutra_object *o)
{
	char ip[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (!colon || len < 2 || len >= sizeof(ip))
		return false;
	memcpy(ip, text, len);
	ip[len] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (!colon[1] || *end || port > UINT16_MAX)
		return false;
	o->port = (__u16)port;
	if (ip[0] == '[' && ip[len - 1] == ']') {
		ip[len - 1] = '\0';
		o->family = LUTRA_AF_INET6;
		if (inet_pton(AF_INET6, ip + 1, o->addr) != 1)
			return false;
		o->addr_class = lutra_addr6_class(o->addr);
		return true;
	}
	o->family = LUTRA_AF_INET;
	if (inet_pton(AF_INET, ip, o->addr) != 1)
		return false;
	o->addr_class = lutra_addr4_class(o->addr);
	return true;
}

static bool facts_read_family(const char *text, struct lutra_object *o)
{
	unsigned long n;
	char *end;

	if (facts_read_inet(text, o))
		return true;
	for (unsigned i = 0; i < 256; i++) {
		if (strcmp(family_name(i), "?") != 0 && strcmp(family_name(i), text) == 0) {
			o->family = (__u8)i;
			return true;
		}
	}
	if (strncmp(text, "family ", 7) != 0)
		return false;
	n = strtoul(text + 7, &end, 10);
	o->family = (__u8)n;
	return text[7] && !*end && n < 256;
}

static bool find_capability(const char *text, unsigned *ret)
{
	for (unsigned n = 0; n < CAPABILITIES; n++) {
		if (strcmp(cap_name(n), text) == 0) {
			*ret = n;
			return true;
		}
	}
	return false;
}

/* Reads the name of a capability, a hook or a system call. */
static bool facts_read_name(const char *text, struct lutra_object *o)
{
	unsigned n;

	switch (o->op) {
	case LUTRA_OP_SOCKET:
		return socket_kind_parse(text, o) == 0;
	case LUTRA_OP_CAPABLE:
		if (!find_capability(text, &n))
			return false;
		break;
	case LUTRA_OP_HOOK:
		if (hook_parse(text, &n) < 0)
			return false;
		break;
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
		if (syscall_parse(NULL, text, &n) < 0)
			return false;
		break;
	default:
		return false;
	}
	o->mode = (__u16)n;
	return true;
}

static bool facts_read_open(const char **at, struct lutra_object *o)
{
	char access[WORD_MAX], type[WORD_MAX];

	if (!next_word(at, access) || !next_word(at, type))
		return false;
	if (strcmp(access, "w") == 0)
		o->flags |= LUTRA_OBJ_WRITE;
	else if (strcmp(access, "r") != 0)
		return false;
	for (unsigned i = 1; i < 16; i++) {
		if (strcmp(inode_type_name(i), type) == 0) {
			o->mode = (__u16)(i << 12);
			return true;
		}
	}
	return false;
}

/* Reads what follows the path: who wrote a program, that a file gets executable, or whose it is. */
static bool facts_read_suffix(const char *text, struct lutra_object *o)
{
	if (strcmp(text, " (fresh)") == 0)
		o->flags |= LUTRA_OBJ_FRESH;
	else if (strcmp(text, " (updated)") == 0)
		o->flags |= LUTRA_OBJ_UPDATED | LUTRA_OBJ_FRESH;
	else if (strcmp(text, " (executable)") == 0)
		o->flags |= LUTRA_OBJ_XBIT;
	else if (strcmp(text, " (private)") != 0) /* counts for what is not accepted alone */
		return *text == '\0';
	return true;
}

static bool facts_read_path(const char *at, const char *path, struct accepted_scope *s)
{
	size_t len = strlen(path);

	if (strncmp(at, path, len) != 0 || !facts_read_suffix(at + len, &s->object))
		return false;
	if (len >= sizeof(s->path))
		return false;
	memcpy(s->path, path, len + 1);
	s->object.flags |= LUTRA_OBJ_PATH;
	if (accepted_has_address(&s->object))
		s->object.family = LUTRA_AF_UNIX;
	/* The words do not say what a name that is changed belongs to. */
	s->any_type = lutra_is_path_op(s->object.op) && s->object.op != LUTRA_OP_MKDIR &&
		      s->object.op != LUTRA_OP_RMDIR;
	return true;
}

/* Reads the object of an alert. */
static int facts_read_object(const struct accepted_facts *f, struct accepted_scope *s,
			     struct err *err)
{
	static const char unclear[] = "the words of its alert do not tell what happened: ";
	const char *at = f->object;
	char word[WORD_MAX];
	unsigned op;
	bool ok;

	if (!next_word(&at, word) || op_parse(word, &op) < 0 || op == LUTRA_OP_NONE)
		return err_set(err, -EINVAL, "%s%.200s", unclear, f->object);
	s->kind = ACCEPTED_OBJECT;
	s->object.op = (__u8)op;
	ok = op != LUTRA_OP_OPEN || facts_read_open(&at, &s->object);
	if (ok && f->path && f->path[0] == '/')
		ok = facts_read_path(at, f->path, s);
	else if (ok && accepted_has_address(&s->object))
		ok = facts_read_family(at, &s->object);
	else if (ok)
		ok = facts_read_name(at, &s->object);
	if (!ok)
		return err_set(err, -EINVAL, "%s%.200s", unclear, f->object);
	if (strchr(s->path, '\\'))
		return err_set(err, -EINVAL,
			       "its path has a backslash, a control character or bytes that are "
			       "not UTF-8; set its directory with `lutra policy set --varies`");
	return 0;
}

static uint8_t role_of(const struct accepted_facts *f)
{
	if (f->role == LUTRA_ROLE_SESSION || f->exec_session)
		return LUTRA_ROLE_SESSION;
	/* The history of a task that ran already is unknown. Learning counts the task as steady. */
	return f->role >= LUTRA_ROLE_ANY ? LUTRA_ROLE_STEADY : (uint8_t)f->role;
}

int accepted_scope_of_facts(const struct accepted_facts *f, struct accepted_scope *ret,
			    struct err *err)
{
	struct accepted_scope s = {.nr = LUTRA_NR_NONE, .role = role_of(f)};
	bool has_object = f->object && *f->object;
	int r = 0;

	if (f->rule >= LUTRA_RULE_COUNT)
		return err_set(err, -EINVAL, "rule %s is in no policy: it cannot be accepted",
			       rule_name(f->rule));
	if (lutra_is_level_rule(f->rule)) {
		s.kind = ACCEPTED_LEVEL;
		s.level_rule = (uint8_t)f->rule;
		s.threshold = f->level;
		*ret = s;
		return 0;
	}
	if (has_object)
		r = facts_read_object(f, &s, err);
	if (r < 0)
		return r;
	if (!has_object)
		s.kind = ACCEPTED_SYSCALL;
	if ((!has_object || s.object.op == LUTRA_OP_HOOK) && f->call &&
	    syscall_parse(NULL, f->call, &s.nr) < 0 && !has_object)
		return err_set(err, -EINVAL, "%.60s: no system call that a policy knows", f->call);
	if (!has_object && s.nr == LUTRA_NR_NONE)
		return err_set(err, -EINVAL, "its alert names neither an object nor a system call");
	*ret = s;
	return 0;
}
