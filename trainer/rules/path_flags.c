/* SPDX-License-Identifier: Apache-2.0 */
/* The paths that get flags of their own. */
#include "trainer/rules/path_flags.h"

#include <string.h>

#include "lutra/abi.h"
#include "trainer/rules/host_paths.h"

/*
 * Paths that get flags of their own: LUTRA_NODE_PROTECTED (never a wildcard; a file that is new
 * here is unusual), LUTRA_NODE_USR (programs; holds below it too) and LUTRA_NODE_ROLE (an open here
 * or below is judged by role).
 */

static const char *const protected_paths[] = {
	"/",	      "/etc",
	"/root",      "/home",
	"/run",	      "/run/secrets",
	"/var",	      "/var/run",
	"/proc",      "/proc/#",
	"/proc/self", "/proc/sys",
	"/sys",	      "/dev",
	"/bin",	      "/sbin",
	"/lib",	      "/usr",
	"/usr/bin",   "/usr/sbin",
	"/usr/local", "/usr/local/bin",
	"/boot",      "/opt",
	"/var/spool", "/var/spool/cron",
	"/var/lib",   "/mnt",
	"/media",
};
static const char *const usr_paths[] = {"/usr", "/bin", "/sbin", "/opt"};
static const char *const role_paths[] = {"/etc",     "/run",	   "/root", "/home",
					 "/var/run", "/var/spool", "/boot"};

static bool is_in_list(const char *path, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(path, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(path, list) is_in_list(path, list, sizeof(list) / sizeof((list)[0]))

uint8_t path_flags(const char *path, uint8_t parent_flags, bool lib_digits)
{
	uint8_t flags = parent_flags & (LUTRA_NODE_USR | LUTRA_NODE_ROLE);
	bool top = path[0] == '/' && !strchr(path + 1, '/');
	bool is_lib = lib_digits && strcmp(path, "/#") == 0;

	if (IS_ONE_OF(path, protected_paths) || is_lib)
		flags |= LUTRA_NODE_PROTECTED;
	if (IS_ONE_OF(path, usr_paths) || is_lib || (top && strncmp(path, "/lib", 4) == 0))
		flags |= LUTRA_NODE_USR;
	if (IS_ONE_OF(path, role_paths))
		flags |= LUTRA_NODE_ROLE;
	return flags | host_paths_flag(path, parent_flags);
}
