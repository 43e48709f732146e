/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of messages, mappings and names, one by one; see hook_case.h. */
#include "tests/support/bpf/hook_case.h"

#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

static int try_send(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4713)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return outcome_of(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&a,
				 sizeof(a)));
}

static int bound_socket(int type, struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, type, 0);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = DIR "/other"};
	return bind(fd, (struct sockaddr *)a, sizeof(*a)) < 0 ? -1 : fd;
}

static int try_peer(void)
{
	struct sockaddr_un a;

	if (listen(bound_socket(SOCK_STREAM, &a), 1) < 0)
		return ELSE;
	return outcome_of(
		connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)));
}

static int try_peer_message(void)
{
	struct sockaddr_un a;

	if (bound_socket(SOCK_DGRAM, &a) < 0)
		return ELSE;
	return outcome_of(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&a,
				 sizeof(a)));
}

static int try_netlink_socket(void)
{
	return outcome_of(socket(AF_NETLINK, SOCK_RAW, 4));
}

/* A message that connects. */
static int try_fast_open(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4713)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return outcome_of(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN,
				 (struct sockaddr *)&a, sizeof(a)));
}

static int outcome_of_map(void *p)
{
	return outcome_of(p == MAP_FAILED ? -1 : 0);
}

/* A file that was changed after the container's start. */
static int fresh_file(void)
{
	chmod(DIR "/file", 0755);
	return open(DIR "/file", O_RDONLY | O_CLOEXEC);
}

static int try_mapx(void)
{
	return outcome_of_map(
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fresh_file(), 0));
}

static int try_mapx_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fresh_file(), 0);

	return outcome_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_wx(void)
{
	return outcome_of_map(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_wx_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome_of(mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}

/* Memory that is written first, and executable afterwards. */
static int try_executable_after_write(int fd)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		return ELSE;
	*p = 'x';
	return outcome_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_heap(void)
{
	return try_executable_after_write(-1);
}

static int try_patched_file(void)
{
	return try_executable_after_write(open(DIR "/file", O_RDONLY | O_CLOEXEC));
}

static int try_executable_memory(void)
{
	return outcome_of_map(
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_unlink(void)
{
	return outcome_of(unlink(DIR "/file"));
}

static int try_rename(void)
{
	return outcome_of(rename(DIR "/file", DIR "/other"));
}

static int try_link(void)
{
	return outcome_of(link(DIR "/file", DIR "/other"));
}

static int try_symlink(void)
{
	return outcome_of(symlink("file", DIR "/other"));
}

static int try_mkdir(void)
{
	return outcome_of(mkdir(DIR "/other", 0755));
}

static int try_rmdir(void)
{
	return outcome_of(rmdir(DIR "/dir"));
}

static int try_chmod(void)
{
	return outcome_of(chmod(DIR "/file", 0700));
}

static int try_chown(void)
{
	return outcome_of(chown(DIR "/file", 0, 0));
}

static int try_truncate(void)
{
	return outcome_of(truncate(DIR "/file", 1));
}

static int try_ftruncate(void)
{
	return outcome_of(ftruncate(open(DIR "/file", O_WRONLY | O_CLOEXEC), 1));
}

static int try_mknod(void)
{
	return outcome_of(mknod(DIR "/other", S_IFCHR | 0600, 1 << 8 | 3));
}

static int try_setxattr(void)
{
	return outcome_of(setxattr(DIR "/file", "trusted.lutra", "x", 1, 0));
}

static int try_removexattr(void)
{
	return outcome_of(removexattr(DIR "/file", "trusted.lutra"));
}

/* An access list without an entry. Before 6.2 access lists are attributes to the hooks. */
static int try_set_acl(void)
{
	const uint32_t version = 2;

	return outcome_of(
		setxattr(DIR "/file", "system.posix_acl_access", &version, sizeof(version), 0));
}

static int try_remove_acl(void)
{
	return outcome_of(removexattr(DIR "/file", "system.posix_acl_access"));
}

#define OBJECT(name, run, op, group)                                                               \
	{                                                                                          \
		name, run, LUTRA_OP_##op, 0, LUTRA_RULE_##group, 0, 0                              \
	}

static const struct hook_case all[] = {
	OBJECT("socket_sendmsg", try_send, SEND, SEND),
	OBJECT("socket_create", try_netlink_socket, SOCKET, NEW_HOOKABLE),
	OBJECT("socket_sendmsg", try_fast_open, CONNECT, CONNECT),
	OBJECT("unix_stream_connect", try_peer, PEER, CONNECT),
	OBJECT("unix_may_send", try_peer_message, PEER, CONNECT),
	OBJECT("mmap_file", try_mapx, MAPX, MAPX),
	OBJECT("file_mprotect", try_mapx_later, MAPX, MAPX),
	OBJECT("mmap_file", try_wx, WX, WX),
	OBJECT("file_mprotect", try_wx_later, WX, WX),
	OBJECT("mmap_file", try_executable_memory, WX_LATER, WX),
	OBJECT("file_mprotect", try_heap, WX_LATER, WX),
	OBJECT("file_mprotect", try_patched_file, WX_LATER, WX),
	OBJECT("path_unlink", try_unlink, UNLINK, PATH_ELSEWHERE),
	OBJECT("path_rename", try_rename, RENAME_FROM, OPEN_WRITE_ELSEWHERE),
	OBJECT("path_rename", try_rename, RENAME_TO, OPEN_WRITE_ELSEWHERE),
	OBJECT("path_link", try_link, LINK_FROM, OPEN_WRITE_ELSEWHERE),
	OBJECT("path_link", try_link, LINK_TO, OPEN_WRITE_ELSEWHERE),
	OBJECT("path_symlink", try_symlink, SYMLINK, PATH_ELSEWHERE),
	OBJECT("path_mkdir", try_mkdir, MKDIR, PATH_ELSEWHERE),
	OBJECT("path_rmdir", try_rmdir, RMDIR, PATH_ELSEWHERE),
	OBJECT("path_chmod", try_chmod, CHMOD, PATH_ELSEWHERE),
	OBJECT("path_chown", try_chown, CHOWN, PATH_ELSEWHERE),
	OBJECT("path_truncate", try_truncate, TRUNCATE, OPEN_WRITE_ELSEWHERE),
	OBJECT("file_truncate", try_ftruncate, TRUNCATE, OPEN_WRITE_ELSEWHERE),
	OBJECT("path_mknod", try_mknod, MKNOD, PATH_ELSEWHERE),
	OBJECT("inode_setxattr", try_setxattr, SETXATTR, PATH_ELSEWHERE),
	OBJECT("inode_removexattr", try_removexattr, SETXATTR, PATH_ELSEWHERE),
	OBJECT("inode_set_acl", try_set_acl, SETXATTR, PATH_ELSEWHERE),
	OBJECT("inode_remove_acl", try_remove_acl, SETXATTR, PATH_ELSEWHERE),
};

int main(int argc, char **argv)
{
	return hook_case_main(argc, argv, all, sizeof(all) / sizeof(all[0]));
}
