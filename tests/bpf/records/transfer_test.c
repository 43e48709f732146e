/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the record of a system call keeps beside its arguments: kinds of descriptors, sizes and
 * protocols. A worker makes one call a case, behind a call that says which case it is.
 */
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include "lib/abi/names.h"
#include "lutra/transfer.h"

#define FILE_ "/tmp/lutra-test-transfer"
#define OTHER "/tmp/lutra-test-transfer-2"
#define DISK "/tmp/lutra-test-transfer-disk"
#define CASE 0x10000000 /* no option of prctl(2): the record of the call keeps it */
#define SIZE 4096

static char buf[SIZE];

/* ---- a descriptor of each kind; -1: this host has none ---- */

static int open_file(void)
{
	return open(FILE_, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int open_other(void)
{
	return open(OTHER, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int open_dir(void)
{
	return open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_tty(void)
{
	return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static int open_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* A descriptor for its path only: no driver has to be there. */
static int open_disk(void)
{
	unlink(DISK);
	return mknod(DISK, S_IFBLK | 0600, makedev(7, 77)) < 0 ? -1
							       : open(DISK, O_PATH | O_CLOEXEC);
}

static int open_memory(void)
{
	return memfd_create("memory", MFD_CLOEXEC);
}

static int open_pipe(void)
{
	int fds[2];

	return pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0 ? -1 : fds[1];
}

static int open_full_pipe(void)
{
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0 || write(fds[1], buf, SIZE) != SIZE)
		return -1;
	return fds[0];
}

static int open_unix(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds) < 0 ? -1 : fds[0];
}

static int open_ipv4(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static int open_ipv6(void)
{
	return socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static int open_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
}

static int open_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_LOOP));
}

static int open_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static int open_eventfd(void)
{
	return eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
}

static int open_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static int open_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

static int open_signalfd(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int open_inotify(void)
{
	return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static int open_anon(void)
{
	return fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
}

static int open_queue(void)
{
	const struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 16};
	int fd = (int)syscall(SYS_mq_open, "lutra-test-transfer", O_RDWR | O_CREAT | O_NONBLOCK,
			      0600, &attr);

	syscall(SYS_mq_unlink, "lutra-test-transfer");
	return fd;
}

static int open_nothing(void)
{
	return 999;
}

/* ---- one call each. Whether it succeeds does not matter: it is recorded at its entry ---- */

static void do_read(int fd, int other)
{
	(void)other;
	(void)!read(fd, buf, SIZE);
}

static void do_read_none(int fd, int other)
{
	(void)other;
	(void)!read(fd, buf, 0);
}

static void do_write_one(int fd, int other)
{
	(void)other;
	(void)!write(fd, buf, 1);
}

static void do_write(int fd, int other)
{
	(void)other;
	(void)!write(fd, buf, SIZE - 1);
}

static void do_pread(int fd, int other)
{
	(void)other;
	(void)!pread(fd, buf, 3, 0);
}

static void do_pwrite(int fd, int other)
{
	(void)other;
	(void)!pwrite(fd, buf, 4, 0);
}

static void do_readv(int fd, int other)
{
	const struct iovec v[2] = {{buf, 1000}, {buf, 24}};

	(void)other;
	(void)!readv(fd, v, 2);
}

/* Of nine vectors the first eight count. */
static void do_writev_many(int fd, int other)
{
	struct iovec v[LUTRA_VECTORS + 1];

	(void)other;
	for (int i = 0; i < LUTRA_VECTORS + 1; i++)
		v[i] = (struct iovec){buf, i < LUTRA_VECTORS ? 1 : SIZE};
	(void)!writev(fd, v, LUTRA_VECTORS + 1);
}

static void do_writev_nowhere(int fd, int other)
{
	(void)other;
	syscall(SYS_writev, fd, 8, 2);
}

static void do_preadv(int fd, int other)
{
	const struct iovec v = {buf, 100};

	(void)other;
	(void)!preadv(fd, &v, 1, 0);
}

static void do_pwritev2(int fd, int other)
{
	const struct iovec v = {buf, 100};

	(void)other;
	(void)!pwritev2(fd, &v, 1, 0, 0);
}

static void do_sendto(int fd, int other)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};

	(void)other;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sendto(fd, buf, 5, 0, (struct sockaddr *)&a, sizeof(a));
}

static void do_recvfrom(int fd, int other)
{
	(void)other;
	recvfrom(fd, buf, SIZE, MSG_DONTWAIT, NULL, NULL);
}

static void do_sendmsg(int fd, int other)
{
	struct iovec v[3] = {{buf, 100}, {buf, 100}, {buf, 100}};
	const struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};

	(void)other;
	sendmsg(fd, &m, MSG_DONTWAIT);
}

static void do_recvmsg(int fd, int other)
{
	struct iovec v = {buf, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	(void)other;
	(void)!recvmsg(fd, &m, MSG_DONTWAIT);
}

/* Of two messages the first counts. */
static void do_sendmmsg(int fd, int other)
{
	struct iovec v[2] = {{buf, 2}, {buf, SIZE}};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &v[0], .msg_iovlen = 1}},
			       {.msg_hdr = {.msg_iov = &v[1], .msg_iovlen = 1}}};

	(void)other;
	sendmmsg(fd, m, 2, MSG_DONTWAIT);
}

static void do_sendfile(int fd, int other)
{
	(void)!sendfile(other, fd, NULL, SIZE);
}

static void do_splice(int fd, int other)
{
	(void)!splice(fd, NULL, other, NULL, SIZE, SPLICE_F_NONBLOCK);
}

static void do_tee(int fd, int other)
{
	(void)!tee(fd, other, SIZE, SPLICE_F_NONBLOCK);
}

static void do_copy_file_range(int fd, int other)
{
	(void)!copy_file_range(fd, NULL, other, NULL, SIZE, 0);
}

static void do_mq_send(int fd, int other)
{
	(void)other;
	syscall(SYS_mq_timedsend, fd, buf, 16, 0, NULL);
}

static void do_msgsnd(int fd, int other)
{
	(void)fd, (void)other;
	msgsnd(-1, buf, 16, IPC_NOWAIT);
}

static void do_getppid(int fd, int other)
{
	(void)fd, (void)other;
	syscall(SYS_getppid);
}

static const struct transfer_case {
	const char *name;
	int (*open)(void);
	int (*open_to)(void);
	void (*run)(int fd, int other);
	unsigned nr, from, to, bits;
} cases[] = {
	{"file", open_file, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_FILE, 0, 13},
	{"dir", open_dir, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_DIR, 0, 13},
	{"memory", open_memory, NULL, do_write, SYS_write, 0, LUTRA_DESCRIPTOR_MEMORY, 12},
	{"tty", open_tty, NULL, do_write_one, SYS_write, 0, LUTRA_DESCRIPTOR_TTY, 1},
	{"null", open_null, NULL, do_write_one, SYS_write, 0, LUTRA_DESCRIPTOR_CHARDEV, 1},
	{"disk", open_disk, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_BLOCKDEV, 0, 13},
	{"pipe", open_pipe, NULL, do_write, SYS_write, 0, LUTRA_DESCRIPTOR_PIPE, 12},
	{"unix", open_unix, NULL, do_write_one, SYS_write, 0, LUTRA_DESCRIPTOR_UNIX, 1},
	{"ipv4", open_ipv4, NULL, do_sendto, SYS_sendto, 0, LUTRA_DESCRIPTOR_IPV4, 3},
	{"ipv6", open_ipv6, NULL, do_recvfrom, SYS_recvfrom, LUTRA_DESCRIPTOR_IPV6, 0, 13},
	{"netlink", open_netlink, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_NETLINK, 0, 13},
	{"packet", open_packet, NULL, do_recvmsg, SYS_recvmsg, LUTRA_DESCRIPTOR_PACKET, 0, 1},
	{"vsock", open_vsock, NULL, do_recvmsg, SYS_recvmsg, LUTRA_DESCRIPTOR_SOCKET, 0, 1},
	{"eventfd", open_eventfd, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_EVENTFD, 0, 13},
	{"epoll", open_epoll, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_EPOLL, 0, 13},
	{"timerfd", open_timerfd, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_TIMERFD, 0, 13},
	{"signalfd", open_signalfd, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_SIGNALFD, 0, 13},
	{"inotify", open_inotify, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_INOTIFY, 0, 13},
	{"fanotify", open_anon, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_ANON, 0, 13},
	{"closed", open_nothing, NULL, do_read, SYS_read, LUTRA_DESCRIPTOR_BAD, 0, 13},
	{"none", open_file, NULL, do_read_none, SYS_read, LUTRA_DESCRIPTOR_FILE, 0, 0},
	{"pread", open_file, NULL, do_pread, SYS_pread64, LUTRA_DESCRIPTOR_FILE, 0, 2},
	{"pwrite", open_file, NULL, do_pwrite, SYS_pwrite64, 0, LUTRA_DESCRIPTOR_FILE, 3},
	{"readv", open_file, NULL, do_readv, SYS_readv, LUTRA_DESCRIPTOR_FILE, 0, 11},
	{"many", open_null, NULL, do_writev_many, SYS_writev, 0, LUTRA_DESCRIPTOR_CHARDEV, 4},
	{"nowhere", open_null, NULL, do_writev_nowhere, SYS_writev, 0, LUTRA_DESCRIPTOR_CHARDEV,
	 LUTRA_BITS_UNKNOWN},
	{"preadv", open_file, NULL, do_preadv, SYS_preadv, LUTRA_DESCRIPTOR_FILE, 0, 7},
	{"pwritev2", open_file, NULL, do_pwritev2, SYS_pwritev2, 0, LUTRA_DESCRIPTOR_FILE, 7},
	{"sendmsg", open_unix, NULL, do_sendmsg, SYS_sendmsg, 0, LUTRA_DESCRIPTOR_UNIX, 9},
	{"recvmsg", open_unix, NULL, do_recvmsg, SYS_recvmsg, LUTRA_DESCRIPTOR_UNIX, 0, 1},
	{"sendmmsg", open_unix, NULL, do_sendmmsg, SYS_sendmmsg, 0, LUTRA_DESCRIPTOR_UNIX, 2},
	{"sendfile", open_file, open_unix, do_sendfile, SYS_sendfile, LUTRA_DESCRIPTOR_FILE,
	 LUTRA_DESCRIPTOR_UNIX, 13},
	{"splice", open_full_pipe, open_file, do_splice, SYS_splice, LUTRA_DESCRIPTOR_PIPE,
	 LUTRA_DESCRIPTOR_FILE, 13},
	{"tee", open_full_pipe, open_pipe, do_tee, SYS_tee, LUTRA_DESCRIPTOR_PIPE,
	 LUTRA_DESCRIPTOR_PIPE, 13},
	{"copy", open_file, open_other, do_copy_file_range, SYS_copy_file_range,
	 LUTRA_DESCRIPTOR_FILE, LUTRA_DESCRIPTOR_FILE, 13},
	{"mq", open_queue, NULL, do_mq_send, SYS_mq_timedsend, 0, LUTRA_DESCRIPTOR_QUEUE, 5},
	{"msgsnd", open_nothing, NULL, do_msgsnd, SYS_msgsnd, 0, LUTRA_DESCRIPTOR_QUEUE, 5},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static int work_transfers(void)
{
	for (size_t i = 0; i < CASES; i++) {
		int fd = cases[i].open(), other = cases[i].open_to ? cases[i].open_to() : -1;

		if (fd < 0)
			continue;
		syscall(SYS_prctl, CASE + i, 0, 0, 0, 0);
		cases[i].run(fd, other);
	}
	unlink(FILE_);
	unlink(OTHER);
	unlink(DISK);
	return 0;
}

static const struct socket_case {
	int family, type, protocol, recorded;
} sockets[] = {
	{AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP, IPPROTO_TCP},
	{AF_INET, SOCK_DGRAM, 0, 0},
	{AF_PACKET, SOCK_RAW, 0x0300, 0x0300}, /* ETH_P_ALL in network order */
	{AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, 0},
	{AF_INET, SOCK_STREAM, INT_MAX, LUTRA_PROTOCOL_MAX},
	{AF_INET, SOCK_STREAM, -1, LUTRA_PROTOCOL_MAX},
};
#define SOCKETS (sizeof(sockets) / sizeof(sockets[0]))

static int work_sockets(void)
{
	int fds[2];

	for (size_t i = 0; i < SOCKETS; i++)
		socket(sockets[i].family, sockets[i].type, sockets[i].protocol);
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static int work_other(void)
{
	do_getppid(-1, -1);
	return 0;
}

static const struct worker workers[] = {
	{"transfers", work_transfers}, {"sockets", work_sockets}, {"other", work_other}};

/* ---- tests ---- */

/* Returns the record of the case's call; NULL: the host has no such descriptor. */
static const struct seen_record *find_case(const struct box *b, size_t i)
{
	const struct seen_record *r = box_find_record(b, LUTRA_RECORD_SYSCALL, NULL);

	while (r && (r->rec.nr != SYS_prctl || (uint32_t)r->rec.arg != CASE + i))
		r = box_find_record(b, LUTRA_RECORD_SYSCALL, r);
	return r ? assert_record(box_find_record(b, LUTRA_RECORD_SYSCALL, r), cases[i].name) : NULL;
}

static void assert_case(const struct transfer_case *c, const struct seen_record *r)
{
	struct lutra_transfer t = {};

	if (r->rec.nr != c->nr || !lutra_transfer_unpack(&r->rec, &t))
		fail_msg("%s: system call %u, aux %#x", c->name, r->rec.nr, r->rec.aux);
	if (t.from != c->from || t.to != c->to || t.bits != c->bits)
		fail_msg("%s: from %s to %s, %u bits", c->name, descriptor_name(t.from),
			 descriptor_name(t.to), t.bits);
}

static void transfer_records_kinds_and_size(void **state)
{
	struct box *b = *state;
	size_t n = 0;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "transfers", NULL), 0);
	for (size_t i = 0; i < CASES; i++) {
		const struct seen_record *r = find_case(b, i);

		if (!r) {
			print_message("# this host has no %s\n", cases[i].name);
			continue;
		}
		assert_case(&cases[i], r);
		n++;
	}
	assert_true(n > CASES - 6);
}

static void transfer_is_not_reported_of_other_calls(void **state)
{
	struct box *b = *state;
	const struct seen_record *r = NULL;
	struct lutra_transfer t;
	bool seen = false;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "other", NULL), 0);
	while ((r = box_find_record(b, LUTRA_RECORD_SYSCALL, r))) {
		seen |= r->rec.nr == SYS_getppid;
		if (r->rec.nr == SYS_getppid || r->rec.nr == SYS_openat)
			assert_int_equal(r->rec.aux, 0);
		if (!r->rec.aux)
			assert_false(lutra_transfer_unpack(&r->rec, &t));
	}
	assert_true(seen);
}

static void transfer_socket_records_protocol_beside_family_and_type(void **state)
{
	struct box *b = *state;
	const struct seen_record *r = NULL;
	size_t i = 0;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "sockets", NULL), 0);
	while ((r = box_find_record(b, LUTRA_RECORD_SYSCALL, r))) {
		if (r->rec.nr == SYS_socketpair)
			assert_int_equal(lutra_protocol_unpack(&r->rec), 0);
		if (r->rec.nr != SYS_socket)
			continue;
		assert_true(i < SOCKETS);
		assert_int_equal((uint32_t)r->rec.arg, sockets[i].family);
		assert_int_equal(r->rec.arg >> 32, sockets[i].type);
		assert_int_equal(lutra_protocol_unpack(&r->rec), sockets[i].recorded);
		i++;
	}
	assert_int_equal(i, SOCKETS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(transfer_records_kinds_and_size),
		TEST(transfer_is_not_reported_of_other_calls),
		TEST(transfer_socket_records_protocol_beside_family_and_type),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
