/* SPDX-License-Identifier: Apache-2.0 */
/* Ways around guards that look at names: other names for what is not known, known names for what is
 * not that. */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define DEEP 28
#define ATTRIBUTE "trusted.escape"
#define ACCESS_LIST "system.posix_acl_access"
#define CREATED "/usr/bin/escape"

/* Something of the technique's own, written and read back. */
static int flag_keep(int fd)
{
	if (fd < 0 || write(fd, FLAG, strlen(FLAG)) < 0)
		return errno;
	return flag_read(fd);
}

/* Deeper than a walk goes, and than a buffer holds; its end is a name that the service writes. */
static int deep_path(int victim)
{
	static const char *const tail[] = {"var", "lib", "app", "spool", "work"};
	char name[48];
	int r;

	(void)victim;
	r = FAILED(chdir(SPOOL));
	for (int i = 0; i < DEEP && r == 0; i++) {
		snprintf(name, sizeof(name), "escape-%035d", i);
		if (i >= DEEP - 5)
			snprintf(name, sizeof(name), "%s", tail[i - (DEEP - 5)]);
		r = FAILED(mkdir(name, 0755));
		r = r && r != EEXIST ? r : FAILED(chdir(name));
	}
	return r ? r : flag_keep(open("note", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

/* Seen from the root of its mount this is a known name. */
#define BELOW_MOUNT SPOOL "/batch"

static int mount_boundary(int victim)
{
	(void)victim;
	return flag_keep(open(VOLUME BELOW_MOUNT "/note", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

static int below_mount(struct host *h)
{
	char path[] = HOST_DIR VOLUME BELOW_MOUNT;

	(void)h;
	for (char *at = strchr(path + strlen(HOST_DIR VOLUME) + 1, '/'); at;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	mkdir(path, 0755);
	return 0;
}

/* Where any name is known, one that is cut. */
static int long_name(int victim)
{
	char path[256] = "";
	int r;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	snprintf(path, sizeof(path), SPOOL "/batch/%0*d", 120, 0);
	r = flag_keep(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	unlink(path);
	return r;
}

/* A file system of its own over a directory whose files are known. */
static int own_mount(int victim)
{
	(void)victim;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	text_write("/proc/self/setgroups", "deny");
	text_write("/proc/self/uid_map", "0 0 1");
	text_write("/proc/self/gid_map", "0 0 1");
	if (mount("escape", "/etc", "tmpfs", 0, NULL) < 0)
		return errno;
	return flag_keep(open("/etc/passwd", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

/* The credential by a name that the service writes. */
static int own_bind(int victim)
{
	int fd;

	(void)victim;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	mkdir(SPOOL "/batch", 0755);
	fd = open(KNOWN, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || mount(SECRET, KNOWN, NULL, MS_BIND, NULL) < 0)
		return errno;
	return flag_open(KNOWN);
}

static int own_overlay(int victim)
{
	(void)victim;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	if (mount("overlay", "/srv", "overlay", 0, "lowerdir=/run/secrets:/srv") < 0)
		return errno;
	return flag_open("/srv/token");
}

static int change_root(int victim)
{
	(void)victim;
	if (chroot("/run/secrets") < 0)
		return errno;
	return flag_open("/token");
}

static int self_root(int victim)
{
	(void)victim;
	return flag_open("/proc/self/root" SECRET);
}

static int hard_link(int victim)
{
	int r;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	unlink(KNOWN);
	r = FAILED(link(SECRET, KNOWN));
	r = r ? r : flag_open(KNOWN);
	unlink(KNOWN);
	return r;
}

static int symbolic_link(int victim)
{
	int r;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	unlink(KNOWN);
	r = FAILED(symlink(SECRET, KNOWN));
	r = r ? r : flag_open(KNOWN);
	unlink(KNOWN);
	return r;
}

/* A program that was written where the service may write, in the place of one that it executes. */
static int rename_over(int victim)
{
	int r = FAILED(rename(VOLUME "/program", HELPER));

	(void)victim;
	return r ? r : payload_run(HELPER, -1);
}

/* Put into the volume as if by another container. */
static int program_prepare(struct host *h)
{
	(void)h;
	return payload_drop(HOST_DIR VOLUME "/program") ? -1 : 0;
}

/* The program that the service executes, by its name, but written after the container's start. */
static int written_later(int victim)
{
	(void)victim;
	return payload_run(HELPER, -1);
}

static int helper_replaced(struct host *h)
{
	if (program_prepare(h) < 0)
		return -1;
	return rename(HOST_DIR VOLUME "/program", HOST_DIR HELPER) < 0 ? -1 : 0;
}

/* A program under a name that the service writes, executed when it has none any more. */
static int unlinked_program(int victim)
{
	char path[64];
	int fd, r;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	r = payload_drop(KNOWN);
	if (r)
		return r;
	fd = open(KNOWN, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || chmod(KNOWN, 0755) < 0 || unlink(KNOWN) < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return payload_run(path, -1);
}

/* A program whose name differs from a known one by a digit. */
static int other_digit(int victim)
{
	(void)victim;
	return payload_run(OTHER_HELPER, -1);
}

static int memory_file_reopened(int victim)
{
	int fd = (int)syscall(SYS_memfd_create, "note", 0);
	char path[64];

	(void)victim;
	if (fd < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return flag_keep(open(path, O_RDWR | O_CLOEXEC));
}

/* Of a file of the container, on the host. Returns path. */
static const char *path_of(const struct host *h, const char *name, char path[96])
{
	snprintf(path, 96, "%s%s", h->root, name);
	return path;
}

static int make_other_secret(struct host *h)
{
	char path[96];
	int fd;

	path_of(h, OTHER_SECRET, path);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return text_write(path, FLAG) || setxattr(path, ATTRIBUTE, "x", 1, 0) < 0 ? -1 : 0;
}

/* A truncation after an open that truncates too and is refused. */
static int truncate_again(int victim)
{
	int fd = open(OTHER_SECRET, O_WRONLY | O_TRUNC | O_CLOEXEC);

	(void)victim;
	if (fd >= 0)
		close(fd);
	return FAILED(truncate(OTHER_SECRET, 0));
}

static bool is_truncated(struct host *h)
{
	struct stat st;
	char path[96];

	return stat(path_of(h, OTHER_SECRET, path), &st) == 0 && st.st_size == 0;
}

static int remove_attribute(int victim)
{
	(void)victim;
	return FAILED(removexattr(OTHER_SECRET, ATTRIBUTE));
}

static bool is_attribute_removed(struct host *h)
{
	char path[96], value[8];

	return getxattr(path_of(h, OTHER_SECRET, path), ATTRIBUTE, value, sizeof(value)) < 0;
}

/* One more user may read the file. */
static int set_access_list(int victim)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entry[5];
	} list = {2,
		  {{1, 6, (uint32_t)-1},
		   {2, 4, 65534},
		   {4, 0, (uint32_t)-1},
		   {16, 4, (uint32_t)-1},
		   {32, 0, (uint32_t)-1}}};

	(void)victim;
	return FAILED(setxattr(OTHER_SECRET, ACCESS_LIST, &list, sizeof(list), 0));
}

static bool has_access_list(struct host *h)
{
	char path[96], value[128];

	return getxattr(path_of(h, OTHER_SECRET, path), ACCESS_LIST, value, sizeof(value)) > 0;
}

/* An open that makes a file and is refused leaves the file behind. */
static int refused_creation(int victim)
{
	int fd = open(CREATED, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)victim;
	if (fd >= 0)
		close(fd);
	return FAILED(access(CREATED, F_OK));
}

static int mknod_setuid(int victim)
{
	(void)victim;
	return FAILED(mknod(CREATED, S_IFREG | 04755, 0));
}

static int remove_created(struct host *h)
{
	char path[96];

	unlink(path_of(h, CREATED, path));
	return 0;
}

static bool is_created(struct host *h)
{
	char path[96];

	return access(path_of(h, CREATED, path), F_OK) == 0;
}

const struct technique name_evasions[] = {
	{"deep_path", "T1564",
	 "writes at a path too deep and too long for the guard, with a known end",
	 .seen = "open w file .*escape-", .stopped = "escape-", .run = deep_path},
	{"long_name", "T1564", "writes a name longer than the buffer where every name is known",
	 .seen = "open w file .*0000000", .run = long_name},
	{"mount_boundary", "T1564",
	 "writes a name that is known if one forgets where it is mounted",
	 .seen = "open w file " VOLUME BELOW_MOUNT "/note", .run = mount_boundary,
	 .prepare = below_mount},
	{"own_mount", "T1564", "mounts a file system of its own over known names",
	 .seen = "^unshare ", .also = "open w file .*/etc/passwd", .stopped = "^unshare |^mount ",
	 .hook = "userns_create", .run = own_mount},
	{"own_bind", "T1564", "binds a credential to a known name in a namespace of its own",
	 .seen = "^mount ", .also = "^unshare ", .stopped = "^unshare |^mount ", .hook = "capable",
	 .run = own_bind},
	{"own_overlay", "T1564", "lays a credential's directory over a known one, in its namespace",
	 .seen = "^mount ", .also = "open r file .*/srv/token", .stopped = "^unshare |^mount ",
	 .hook = "capable", .run = own_overlay},
	{"chroot", "T1564", "changes its root before it opens a credential",
	 .seen = "open r file " SECRET, .also = "^chroot ", .stopped = "^chroot ",
	 .hook = "capable", .run = change_root},
	{"self_root", "T1564", "opens a credential through /proc/self/root",
	 .seen = "open r file " SECRET, .run = self_root},
	{"hard_link", "T1564", "links a credential to a known name", .seen = "link-from " SECRET,
	 .run = hard_link},
	{"symlink", "T1564", "opens a credential through a symbolic link of a known name",
	 .seen = "open r file " SECRET, .stopped = "symlink|" SECRET, .run = symbolic_link},
	{"rename_over", "T1036.005",
	 "renames a program of its own over one that the service executes",
	 .seen = "rename-to " HELPER, .also = "exec " HELPER " .fresh", .stopped = "rename|exec",
	 .run = rename_over, .prepare = program_prepare, .probe = program_ran},
	{"written_later", "T1036.005",
	 "executes a program of a known name, written after the start",
	 .seen = "exec " HELPER " .fresh", .run = written_later, .prepare = helper_replaced,
	 .probe = program_ran},
	{"unlinked_program", "T1070.004", "executes a file that has lost its name",
	 .seen = "exec .*note.* .fresh", .run = unlinked_program, .probe = program_ran},
	{"other_digit", "T1036.005",
	 "executes a program whose name has another digit than a known one",
	 .seen = "exec " OTHER_HELPER, .run = other_digit, .probe = program_ran},
	{"memfd_reopened", "T1620", "opens a file that lies in memory alone",
	 .seen = "open w file .*memfd", .stopped = "^memfd_create |memfd",
	 .hook = "file_alloc_security", .run = memory_file_reopened},
	{"truncate_again", "T1485", "truncates a file after an open that would, and is refused",
	 .seen = "open w file " OTHER_SECRET, .also = "truncate " OTHER_SECRET,
	 .stopped = "truncate " OTHER_SECRET, .run = truncate_again, .prepare = make_other_secret,
	 .probe = is_truncated},
	{"remove_attribute", "T1222.002", "removes an attribute of a credential",
	 .seen = "setxattr .*" OTHER_SECRET, .run = remove_attribute, .prepare = make_other_secret,
	 .probe = is_attribute_removed},
	{"access_list", "T1222.002", "lets another user read a credential, by an access list",
	 .seen = "setxattr .*" OTHER_SECRET, .run = set_access_list, .prepare = make_other_secret,
	 .probe = has_access_list},
	{"refused_creation", "T1036.005", "makes a file by an open that is refused",
	 .seen = "open w file " CREATED, .run = refused_creation, .prepare = remove_created,
	 .probe = is_created},
	{"mknod_setuid", "T1548.001", "makes a setuid program's file by mknod",
	 .seen = "mknod .*" CREATED, .also = "open w file " CREATED,
	 .stopped = "mknod .*" CREATED "|open w file " CREATED, .run = mknod_setuid,
	 .prepare = remove_created, .probe = is_created},
	{0},
};
