/* SPDX-License-Identifier: Apache-2.0 */
/* What the techniques share. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define PAYLOAD "build/tests/e2e/escapes/techniques/payload"

const struct technique *const all_techniques[N_ARRAYS] = {
	mount_techniques,  process_techniques, kernel_techniques, file_techniques,
	memory_techniques, outside_techniques, secret_techniques, name_evasions,
	task_evasions,	   socket_evasions,    move_evasions,
};

static char own_loot[64];
char *loot = own_loot;

const struct technique *technique_find(const char *name)
{
	for (size_t i = 0; i < N_ARRAYS; i++)
		for (const struct technique *t = all_techniques[i]; t->name; t++)
			if (strcmp(t->name, name) == 0)
				return t;
	return NULL;
}

void prove_gain(void)
{
	memcpy(loot, FLAG, sizeof(FLAG));
}

int flag_read(int fd)
{
	char buf[sizeof(FLAG)] = "";
	ssize_t n;

	if (fd < 0)
		return errno;
	n = pread(fd, buf, sizeof(FLAG) - 1, 0);
	if (n < 0)
		return errno;
	close(fd);
	if (strcmp(buf, FLAG) != 0)
		return ENOENT;
	memcpy(loot, buf, sizeof(buf));
	return 0;
}

int flag_open(const char *path)
{
	return flag_read(open(path, O_RDONLY | O_CLOEXEC));
}

int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int r = FAILED(n);

	if (fd >= 0)
		close(fd);
	return r;
}

int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path, path, strlen(path) + 1);
	return a;
}

static int close_failed(int fd)
{
	int r = errno;

	close(fd);
	errno = r;
	return -1;
}

int connect_inet(const char *address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return -1;
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : close_failed(fd);
}

int connect_loopback(int port)
{
	return connect_inet("127.0.0.1", port);
}

int connect_unix(const char *path, int type)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : close_failed(fd);
}

int send_unix(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	return sendto(fd, "hello", 5, 0, (struct sockaddr *)&a, sizeof(a)) == 5 ? fd
										: close_failed(fd);
}

__asm__(".section .rodata\n"
	"payload:\n"
	".incbin \"" PAYLOAD "\"\n"
	"payload_end:\n"
	".previous\n");
extern const char payload[], payload_end[];

int payload_write(int fd)
{
	size_t len = (size_t)(payload_end - payload);
	ssize_t n = write(fd, payload, len);

	return n < 0 ? errno : (size_t)n == len ? 0 : EIO;
}

int payload_drop(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755), r;

	if (fd < 0)
		return errno;
	r = payload_write(fd);
	close(fd);
	return r;
}

int payload_run(const char *path, int fd)
{
	char name[] = "program";
	char *const argv[] = {name, NULL}, *const envp[] = {NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (path)
			execve(path, argv, envp);
		else
			syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status_of(status);
}

bool program_ran(struct host *h)
{
	(void)h;
	return access(HOST_DIR RAN, F_OK) == 0;
}

bool host_begins(const char *path, const char *text)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf) - 1, 0);

	if (fd >= 0)
		close(fd);
	return n >= 0 && strncmp(buf, text, strlen(text)) == 0;
}

bool host_ran(struct host *h)
{
	(void)h;
	return access(HOST_RAN, F_OK) == 0;
}

int host_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	struct stat st;
	bool good;

	unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	good = in >= 0 && out >= 0 && fstat(in, &st) == 0 &&
	       sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return good ? 0 : -1;
}
