/* SPDX-License-Identifier: Apache-2.0 */
/* The paths that get flags of their own. */
#include "lib/policy/paths/path_flags.h"

#include <stdio.h>
#include <string.h>

#include "lutra/abi.h"
#include "lutra/score_path.h"
#include "lib/base/text.h"
#include "lib/policy/paths/host_paths.h"

/*
 * Paths that get flags of their own: LUTRA_NODE_PROTECTED (never a wildcard; a file that is new
 * here is unusual), LUTRA_NODE_USR (programs; holds below it too), LUTRA_NODE_ROLE (an open here
 * or below is judged by role) and LUTRA_NODE_SECRET (passwords and keys; holds below it too).
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

/*
 * Of people, engines and the system: home directories, secrets that Docker, Kubernetes and systemd
 * mount, private keys of TLS and SSH, what says who may do what, and crontabs.
 */
static const char *const secret_paths[] = {
	"/root",
	"/home",
	"/run/secrets",
	"/var/run/secrets",
	"/run/credentials",
	"/etc/ssl/private",
	"/etc/pki/tls/private",
	"/etc/letsencrypt",
	"/etc/ssh",
	"/etc/sudoers.d",
	"/etc/security",
	"/etc/wireguard",
	"/etc/kubernetes",
	"/var/spool/cron",
};

/* Files with secrets that are in none of these directories. */
static const char *const secret_files[] = {"/etc/shadow", "/etc/shadow-", "/etc/gshadow",
					   "/etc/gshadow-", "/etc/krb5.keytab"};

/* Extensions of private keys, key stores, password files and copies of such. */
static const char *const secret_extensions[] = {
	"key", "pem", "p12", "pfx",	 "jks",	   "keystore", "kdbx",	 "gpg",
	"pgp", "ppk", "age", "htpasswd", "passwd", "cred",     "secret", "env",
	"bak", "old", "der", "kdb",	 "keytab", "pgpass",   "netrc",	 "private"};

uint8_t path_flags(const char *path, uint8_t parent_flags, bool lib_digits)
{
	uint8_t flags = parent_flags & (LUTRA_NODE_USR | LUTRA_NODE_ROLE | LUTRA_NODE_SECRET);
	bool top = path[0] == '/' && !strchr(path + 1, '/');
	bool is_lib = lib_digits && strcmp(path, "/#") == 0;

	if (TEXT_IS_IN(path, protected_paths) || is_lib)
		flags |= LUTRA_NODE_PROTECTED;
	if (TEXT_IS_IN(path, usr_paths) || is_lib || (top && strncmp(path, "/lib", 4) == 0))
		flags |= LUTRA_NODE_USR;
	if (TEXT_IS_IN(path, role_paths))
		flags |= LUTRA_NODE_ROLE;
	if (TEXT_IS_IN(path, secret_paths))
		flags |= LUTRA_NODE_SECRET;
	return flags | host_paths_flag(path, parent_flags);
}

const char *path_flags_get_secret(size_t i)
{
	return i < sizeof(secret_paths) / sizeof(secret_paths[0]) ? secret_paths[i] : NULL;
}

bool path_flags_is_secret_file(const char *name, size_t len)
{
	_Alignas(8) char padded[LUTRA_NAME] = {0};
	uint64_t ext;
	char text[9] = {0};

	if (len >= sizeof(padded))
		return true;
	memcpy(padded, name, len);
	ext = lutra_ext_bytes((const struct lutra_name *)(const void *)padded, (uint32_t)len);
	memcpy(text, &ext, sizeof(ext));
	return text[0] && TEXT_IS_IN(text, secret_extensions);
}

const char *path_flags_get_secret_file(size_t i)
{
	return i < sizeof(secret_files) / sizeof(secret_files[0]) ? secret_files[i] : NULL;
}

bool path_flags_is_secret_path(const char *path)
{
	return TEXT_IS_IN(path, secret_files);
}

bool path_flags_is_secret_kind(uint32_t kind)
{
	for (size_t i = 0; i < sizeof(secret_extensions) / sizeof(secret_extensions[0]); i++) {
		_Alignas(8) char name[LUTRA_NAME] = {0};
		int n = snprintf(name, sizeof(name), "x.%s", secret_extensions[i]);

		if (lutra_component_kind(name, (uint32_t)n) == kind)
			return true;
	}
	return false;
}
