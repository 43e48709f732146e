/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths the base and the packs may know: no secrets, no programs, no changes of what is fixed. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/base/text.h"
#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"
#include "trainer/rules/knowledge/knowledge.h"

/* Where anybody may write: what is put there is not executed or mapped without a match. */
static const char *const scratch_dirs[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};

/* Users and their passwords, which a path traversal asks for. */
static const char *const login_files[] = {"/etc/passwd",  "/etc/passwd-", "/etc/shadow",
					  "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"};

/* Files of /proc/PID and of its threads: arguments, secrets and memory of a process, and its files. */
static const char *const process_files[] = {"environ", "cmdline", "maps", "mem", "fd", "root"};

/* Returns true if one of the names of a path below /proc is in process_files, or stands for them. */
static bool is_process_secret(const char *path)
{
	char name[LUTRA_NAME];

	if (strncmp(path, "/proc/", 6) != 0 || strncmp(path, "/proc/sys/", 10) == 0)
		return false;
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		snprintf(name, sizeof(name), "%.*s", (int)len, path + 1);
		if (TEXT_IS_IN(name, process_files) || strcmp(name, "*") == 0)
			return true;
		path += 1 + len;
	}
	return false;
}

/* Returns true if the path is below a directory where anybody may write. */
static bool is_scratch(const char *path)
{
	for (size_t i = 0; i < sizeof(scratch_dirs) / sizeof(scratch_dirs[0]); i++)
		if (strncmp(path, scratch_dirs[i], strlen(scratch_dirs[i])) == 0)
			return true;
	return false;
}

static bool changes_files(const struct lutra_object *o)
{
	return o->flags & LUTRA_OBJ_WRITE || lutra_is_path_op(o->op);
}

bool knowledge_is_folded(const char *name, size_t len)
{
	_Alignas(8) char padded[LUTRA_NAME] = {0}, fold[LUTRA_NAME] = {0};

	if (len >= sizeof(padded))
		return false;
	for (size_t i = 0; i + 1 < len; i++)
		if ((name[i] == '#' && isalnum((unsigned char)name[i + 1])) ||
		    (name[i + 1] == '#' && isalnum((unsigned char)name[i])))
			return false;
	memcpy(padded, name, len);
	return lutra_fold_component(padded, (__u32)len, fold) == len &&
	       memcmp(padded, fold, len) == 0;
}

/* Checks one directory of a path. dir: its path; next: the name of what is in it, LUTRA_NAME bytes. */
static int check_step(const struct lutra_object *o, const char *dir, const char *next,
		      uint8_t flags, struct err *err)
{
	const struct lutra_name *name = (const struct lutra_name *)(const void *)next;
	_Alignas(8) const struct lutra_name none = {""};
	bool any = strcmp(next, "*") == 0;

	if (strchr(next, '*') && !any)
		return err_set(err, -EINVAL, "\"*\" stands for a whole name: write \"/tmp/*\"");
	if (flags & LUTRA_NODE_SECRET)
		return err_set(err, -EINVAL, "%.100s holds secrets: leave it to the runs", dir);
	if (changes_files(o) && lutra_code_index(name, (__u32)strlen(next), &none, 0))
		return err_set(err, -EINVAL, "%.60s is code: nothing may change it", next);
	if (any && flags & LUTRA_NODE_PROTECTED)
		return err_set(err, -EINVAL, "%.100s is protected: name each file in it", dir);
	if (changes_files(o) && flags & LUTRA_NODE_USR)
		return err_set(err, -EINVAL, "%.100s holds programs: nothing may change it", dir);
	return 0;
}

/* Returns true if nothing may be changed at a path: it is protected, and no device. */
static bool is_fixed(const struct lutra_object *o, const char *path, uint8_t dir_flags, bool base)
{
	if (!changes_files(o) || is_scratch(path))
		return false;
	if (o->op == LUTRA_OP_OPEN && o->mode >> 12 == 2 && strncmp(path, "/dev/", 5) == 0)
		return false;
	return base || dir_flags & LUTRA_NODE_PROTECTED;
}

int knowledge_check_path(const struct lutra_object *o, const char *path, bool base, struct err *err)
{
	char dir[LUTRA_STRING_MAX] = "/";
	const char *at = path;
	uint8_t flags = path_flags("/", 0, false);
	struct lutra_path parsed;
	int r;

	if (path[0] != '/' || strlen(path) >= sizeof(dir) || strstr(path, "//") ||
	    strstr(path, "/./") || path[strlen(path) - 1] == '/')
		return err_set(err, -EINVAL, "paths: %.100s: write it as /DIRECTORY/NAME", path);
	path_text_parse(path, strlen(path), &parsed);
	if (parsed.flags)
		return err_set(err, -EINVAL, "paths: %.100s: too deep, too long, or with ..", path);
	if (TEXT_IS_IN(path, login_files) || is_process_secret(path))
		return err_set(err, -EINVAL, "paths: %.100s is secret: leave it to the runs", path);
	for (uint32_t i = parsed.n; i-- > 0;) {
		char name[LUTRA_NAME] = {0};
		size_t len = parsed.len[i];

		memcpy(name, parsed.name[i], len);
		if (!knowledge_is_folded(name, len))
			return err_set(err, -EINVAL,
				       "paths: %.100s: write # for a whole word with a digit",
				       path);
		r = check_step(o, dir, name, flags, err);
		if (r < 0)
			return r;
		at += 1 + len;
		if (i == 0 && is_fixed(o, path, flags, base))
			return err_set(err, -EINVAL, "paths: %.100s: may only be read", path);
		snprintf(dir, sizeof(dir), "%.*s", (int)(at - path), path);
		flags = path_flags(dir, flags, false);
		if (i == 0 && (flags & LUTRA_NODE_SECRET || path_flags_is_secret_file(name, len)))
			return err_set(err, -EINVAL,
				       "paths: %.100s is secret: leave it to the runs", path);
	}
	return 0;
}
