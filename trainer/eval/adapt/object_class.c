/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of objects: an operation and the place of its path, or an operation and a peer. */
#include "trainer/eval/adapt/object_class.h"

#include <stdio.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/socket_kind.h"
#include "lutra/score.h"
#include "trainer/data/run.h"

#define EPHEMERAL_PORT 32768
#define INODE_TYPE 0xf000
#define INODE_DIRECTORY 0x4000

/* Where a path is. */
enum object_place {
	OBJECT_PLACE_NONE, /* not a path, or in a detached tree */
	OBJECT_PLACE_LIB,  /* libraries, and the loader's cache */
	OBJECT_PLACE_USR,  /* /usr /bin /sbin /opt */
	OBJECT_PLACE_ETC,
	OBJECT_PLACE_SECRET, /* /etc/shadow*, /run/secrets */
	OBJECT_PLACE_PROC,   /* /proc and /sys */
	OBJECT_PLACE_DEV,
	OBJECT_PLACE_RUN,
	OBJECT_PLACE_TMP,
	OBJECT_PLACE_HOME,
	OBJECT_PLACE_OWN, /* all else: the service's own files */
};

/* Paths by how they begin. The first row that fits counts. */
static const struct {
	const char *prefix;
	enum object_place place;
} places[] = {
	{"/etc/ld.so.cache", OBJECT_PLACE_LIB},
	{"/usr/lib", OBJECT_PLACE_LIB},
	{"/lib", OBJECT_PLACE_LIB},
	{"/etc/shadow", OBJECT_PLACE_SECRET},
	{"/run/secrets", OBJECT_PLACE_SECRET},
	{"/usr/", OBJECT_PLACE_USR},
	{"/bin/", OBJECT_PLACE_USR},
	{"/sbin/", OBJECT_PLACE_USR},
	{"/opt/", OBJECT_PLACE_USR},
	{"/etc/", OBJECT_PLACE_ETC},
	{"/proc/", OBJECT_PLACE_PROC},
	{"/sys/", OBJECT_PLACE_PROC},
	{"/dev/", OBJECT_PLACE_DEV},
	{"/run/", OBJECT_PLACE_RUN},
	{"/var/run/", OBJECT_PLACE_RUN},
	{"/tmp/", OBJECT_PLACE_TMP},
	{"/var/tmp/", OBJECT_PLACE_TMP},
	{"/home/", OBJECT_PLACE_HOME},
	{"/root/", OBJECT_PLACE_HOME},
};

static const char *const place_names[] = {"",	  " lib", " usr", " etc",  " secret", " proc",
					  " dev", " run", " tmp", " home", " own"};

/* Directories that hold those of services. Own files are told apart by what comes after. */
static const char *const roots[] = {"/srv/", "/var/lib/", "/var/", "/"};

static bool begins_with(const char *s, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && memcmp(s, prefix, n) == 0;
}

static enum object_place place_of_path(const char *path, size_t len)
{
	if (!path || len < 2 || path[0] != '/' || path[1] == '/') /* "//x": in a detached tree */
		return OBJECT_PLACE_NONE;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (begins_with(path, len, places[i].prefix))
			return places[i].place;
	return OBJECT_PLACE_OWN;
}

static void append_class_text(char text[static OBJECT_CLASS_TEXT], const char *s, size_t len)
{
	size_t used = strlen(text);

	snprintf(text + used, OBJECT_CLASS_TEXT - used, "%.*s", (int)len, s);
}

/* Appends a path, folded. */
static void append_path(char text[static OBJECT_CLASS_TEXT], const char *path, size_t len)
{
	char folded[LUTRA_STRING_MAX];

	len = len < sizeof(folded) ? len : sizeof(folded);
	append_class_text(text, folded, run_fold_path(path, len, folded));
}

/*
 * Appends what tells one own file from another: the first component below the root, and whether more
 * come after it.
 */
static void append_own(char text[static OBJECT_CLASS_TEXT], const char *path, size_t len)
{
	const char *slash, *end = path + len;
	size_t i = 0;

	if (len > 4 && memcmp(end - 4, ".log", 4) == 0) {
		append_class_text(text, "/log", 4);
		return;
	}
	while (!begins_with(path, len, roots[i]))
		i++;
	path += strlen(roots[i]) - 1; /* to the slash */
	slash = memchr(path + 1, '/', (size_t)(end - path - 1));
	append_path(text, path, (size_t)((slash ? slash : end) - path));
	if (slash)
		append_class_text(text, "/", 1);
}

/* Returns the name of an operation. Operations of one name are one class. */
static const char *action_of(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_OPEN:
		if ((o->mode & INODE_TYPE) == INODE_DIRECTORY)
			return "list";
		return o->flags & LUTRA_OBJ_WRITE ? "write" : "read";
	case LUTRA_OP_RMDIR:
		return op_name(LUTRA_OP_UNLINK);
	case LUTRA_OP_RENAME_TO:
		return op_name(LUTRA_OP_RENAME_FROM);
	case LUTRA_OP_LINK_TO:
	case LUTRA_OP_SYMLINK:
		return op_name(LUTRA_OP_LINK_FROM);
	case LUTRA_OP_CHOWN:
		return op_name(LUTRA_OP_CHMOD);
	default:
		return op_name(o->op);
	}
}

static uint8_t find_uses(const struct lutra_object *o, enum object_place place)
{
	bool is_data =
		place == OBJECT_PLACE_OWN || place == OBJECT_PLACE_TMP || place == OBJECT_PLACE_ETC;
	bool is_value = is_data || place == OBJECT_PLACE_SECRET || place == OBJECT_PLACE_HOME ||
			place == OBJECT_PLACE_RUN;

	switch (o->op) {
	case LUTRA_OP_OPEN:
		if ((o->mode & INODE_TYPE) == INODE_DIRECTORY)
			return 0;
		if (o->flags & LUTRA_OBJ_WRITE)
			return OBJECT_USE_WRITE | OBJECT_USE_CHANGE;
		return (uint8_t)((is_value ? OBJECT_USE_VALUE : 0) |
				 (is_data ? OBJECT_USE_DATA : 0));
	case LUTRA_OP_UNLINK:
	case LUTRA_OP_RMDIR:
	case LUTRA_OP_RENAME_FROM:
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_TRUNCATE:
		return OBJECT_USE_CHANGE;
	default:
		return 0;
	}
}

static void describe_peer(const struct lutra_object *o, char ret[static OBJECT_CLASS_TEXT])
{
	bool is_inet = o->family == LUTRA_AF_INET || o->family == LUTRA_AF_INET6;
	unsigned port = o->port < EPHEMERAL_PORT ? o->port : EPHEMERAL_PORT;

	if (is_inet)
		snprintf(ret, OBJECT_CLASS_TEXT, "%s inet %u", op_name(o->op), port);
	else
		snprintf(ret, OBJECT_CLASS_TEXT, "%s %s", op_name(o->op), family_name(o->family));
}

bool object_class_find(const struct lutra_object *o, const char *path, size_t len,
		       struct object_class *ret)
{
	enum object_place place = place_of_path(path, len);
	char kind[SOCKET_KIND_TEXT];

	if (o->op == LUTRA_OP_NONE || o->op >= LUTRA_OP_COUNT || o->op == LUTRA_OP_CHDIR)
		return false;
	ret->uses = find_uses(o, place);
	switch (o->op) {
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
	case LUTRA_OP_PEER:
		describe_peer(o, ret->text);
		break;
	case LUTRA_OP_SOCKET:
		socket_kind_text(o->family, o->mode, o->port, kind);
		snprintf(ret->text, OBJECT_CLASS_TEXT, "%s %s", op_name(o->op), kind);
		break;
	case LUTRA_OP_CAPABLE:
	case LUTRA_OP_WX:
	case LUTRA_OP_WX_LATER:
	case LUTRA_OP_HOOK:
		snprintf(ret->text, OBJECT_CLASS_TEXT, "%s %u", op_name(o->op), o->mode);
		break;
	default:
		snprintf(ret->text, OBJECT_CLASS_TEXT, "%s", action_of(o));
	}
	if (place == OBJECT_PLACE_NONE)
		return true;
	append_class_text(ret->text, place_names[place], strlen(place_names[place]));
	if (o->op == LUTRA_OP_EXEC && place == OBJECT_PLACE_USR)
		append_path(ret->text, path, len);
	else if (place == OBJECT_PLACE_OWN)
		append_own(ret->text, path, len);
	return true;
}
