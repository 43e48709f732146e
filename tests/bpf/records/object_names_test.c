/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of objects in records: files, addresses and programs. With each source of objects that
 * this kernel has.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- workers ---- */

static int work_open(void)
{
	int fd = open("/proc/self/../self/comm", O_RDONLY);

	close(fd);
	if (chdir("/tmp") < 0)
		return 1;
	fd = open("lutra-test-file", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	close(fd);
	fd = open("../tmp/./lutra-test-file", O_RDONLY);
	close(fd);
	unlink("lutra-test-file");
	fd = memfd_create("sample", 0);
	if (fchdir(open("/", O_PATH)) < 0)
		return 1;
	return fd < 0;
}

static int connect_to(const void *address, socklen_t len)
{
	const struct sockaddr *a = address;
	int fd = socket(a->sa_family, SOCK_DGRAM, 0);
	int r = connect(fd, a, len);

	close(fd);
	return r;
}

static int work_connect(void)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4711)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect_to(&v4, sizeof(v4));
	v6.sin6_addr = in6addr_loopback;
	connect_to(&v6, sizeof(v6));
	memcpy(un.sun_path, "\0name", 5);
	connect_to(&un, offsetof(struct sockaddr_un, sun_path) + 5);
	strcpy(un.sun_path, "/run/./no//such.sock");
	connect_to(&un, sizeof(un));
	if (chdir("/usr/lib") < 0)
		return 1;
	strcpy(un.sun_path, "local.sock");
	connect_to(&un, sizeof(un));
	strcpy(un.sun_path, "../up.sock");
	connect_to(&un, sizeof(un));
	return 0;
}

/* A datagram, and a message that connects. */
static int work_transports(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4712)};
	int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sendto(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "x", 1, 0, (struct sockaddr *)&a,
	       sizeof(a));
	sendto(stream, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a));
	return 0;
}

static int work_script(void)
{
	execl("/tmp/lutra-test-script", "script", NULL);
	return 1;
}

static const struct worker workers[] = {{"open", work_open},
					{"connect", work_connect},
					{"transports", work_transports},
					{"script", work_script}};

/* ---- tests ---- */

static void record_open_names_file_and_access(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;
	struct lutra_object o;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "open", NULL), 0);
	r = box_find_object(b, LUTRA_OP_OPEN, "/tmp/lutra-test-file");
	assert_non_null(r);
	lutra_object_unpack(&r->rec, &o);
	assert_int_equal(o.flags & ~LUTRA_OBJ_LAYER, LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE);
	assert_int_equal(o.mode & S_IFMT, S_IFREG);
	assert_int_equal(r->rec.nr, SYS_openat);
	r = box_find_record(b, LUTRA_RECORD_OBJECT, r);
	assert_non_null(r);
	assert_string_equal(r->str, "/tmp/lutra-test-file");
	lutra_object_unpack(&r->rec, &o);
	assert_int_equal(o.flags & ~LUTRA_OBJ_LAYER, LUTRA_OBJ_PATH);
	/* A descriptor for a path only opens nothing. */
	assert_null(box_find_object(b, LUTRA_OP_OPEN, "/"));
}

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && close(fd) == 0;
}

static void record_connect_names_address(void **state)
{
	static const char *const names[] = {"//@name", "/run/no/such.sock", "/usr/lib/local.sock",
					    "?/usr/lib/../up.sock"};
	struct box *b = *state;
	const struct seen_record *r;
	struct lutra_object o;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "connect", NULL), 0);
	r = box_find_object(b, LUTRA_OP_CONNECT, NULL);
	assert_non_null(r);
	lutra_object_unpack(&r->rec, &o);
	assert_int_equal(o.family, AF_INET);
	assert_int_equal(o.port, 4711);
	assert_int_equal(o.addr_class, LUTRA_ADDR_LOOPBACK);
	assert_memory_equal(o.addr, "\x7f\0\0\1", 4);
	if (has_ipv6()) {
		do { /* hooks also see the socket made */
			r = box_find_record(b, LUTRA_RECORD_OBJECT, r);
			assert_non_null(r);
			lutra_object_unpack(&r->rec, &o);
		} while (o.op != LUTRA_OP_CONNECT);
		assert_int_equal(o.family, AF_INET6);
		assert_int_equal(o.port, 53);
		assert_int_equal(o.addr_class, LUTRA_ADDR_LOOPBACK);
	} else {
		print_message("# this host has no IPv6\n");
	}
	for (size_t i = 0; i < 4; i++) {
		r = assert_record(box_find_object(b, LUTRA_OP_CONNECT, names[i]), names[i]);
		lutra_object_unpack(&r->rec, &o);
		assert_int_equal(o.family, AF_UNIX);
		assert_int_equal(o.flags, LUTRA_OBJ_PATH);
	}
}

static void record_peer_has_its_transport(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;
	struct lutra_object o;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "transports", NULL), 0);
	r = assert_record(box_find_object(b, LUTRA_OP_SEND, NULL), "the datagram");
	lutra_object_unpack(&r->rec, &o);
	assert_int_equal(o.mode, LUTRA_TRANSPORT_UDP);
	r = assert_record(box_find_object(b, LUTRA_OP_CONNECT, NULL), "the fast open");
	lutra_object_unpack(&r->rec, &o);
	assert_int_equal(o.mode, LUTRA_TRANSPORT_TCP);
	assert_int_equal(r->rec.nr, SYS_sendto);
}

static void record_script_is_two_executions(void **state)
{
	struct box *b = *state;
	const struct seen_record *script, *shell;
	char path[PATH_MAX];
	int fd = open("/tmp/lutra-test-script", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "#!/bin/sh\n:\n", 12), 12);
	close(fd);
	assert_non_null(realpath("/bin/sh", path));
	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	assert_exited(box_run(b, "script", NULL), 0);
	unlink("/tmp/lutra-test-script");
	script = box_find_object(b, LUTRA_OP_EXEC, "/tmp/lutra-test-script");
	shell = box_find_object(b, LUTRA_OP_EXEC, path);
	assert_non_null(script);
	assert_non_null(shell);
	assert_true(script < shell);
	assert_true(shell < box_find_record(b, LUTRA_RECORD_EXEC, NULL));
}

static int setup_standin_brief(void **state)
{
	return box_setup_flags(state, GUARD_NO_LSM | GUARD_BRIEF);
}

#define TEST_BRIEF(f)                                                                              \
	{                                                                                          \
#f "_standin_brief", f, setup_standin_brief, box_teardown, NULL                    \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(record_open_names_file_and_access),
		BOX_TEST(record_connect_names_address),
		BOX_TEST(record_peer_has_its_transport),
		BOX_TEST(record_script_is_two_executions),
		BOX_TEST_STANDIN(record_open_names_file_and_access),
		BOX_TEST_STANDIN(record_connect_names_address),
		BOX_TEST_STANDIN(record_peer_has_its_transport),
		BOX_TEST_STANDIN(record_script_is_two_executions),
		TEST_BRIEF(record_open_names_file_and_access),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
