/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket: where it can listen, what it refuses, and what it removes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "user/api/local_socket.h"

struct fixture {
	char top[32];  /* exists */
	char dir[64];  /* of the socket; made by it */
	char path[96]; /* of the socket */
	struct local_socket s;
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->top, sizeof(f->top), "/tmp/lutra.XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->dir, sizeof(f->dir), "%s/run", f->top);
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	f->s.watch.fd = -1;
	*state = f;
	return 0;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;

	local_socket_close(&f->s);
	unlink(f->path);
	rmdir(f->dir);
	assert_int_equal(rmdir(f->top), 0);
	free(f);
	return 0;
}

static bool can_connect(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static void local_socket_listens_for_its_owner_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	assert_true(can_connect(f->path));
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void local_socket_close_removes_what_it_made(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	local_socket_close(&f->s);
	f->s = (struct local_socket){.watch.fd = -1};
	assert_int_equal(access(f->dir, F_OK), -1);
}

static void local_socket_close_keeps_a_directory_that_was_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->dir, 0755), 0);
	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	local_socket_close(&f->s);
	f->s = (struct local_socket){.watch.fd = -1};
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(access(f->dir, F_OK), 0);
}

static void local_socket_refuses_a_path_in_use(void **state)
{
	struct fixture *f = *state;
	struct local_socket other = {.watch.fd = -1};
	struct err err;

	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	assert_int_equal(local_socket_open(&other, f->path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "another lutrad listens there"));
	local_socket_close(&other);
	assert_true(can_connect(f->path));
}

static void local_socket_takes_over_one_that_nobody_listens_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	close(TAKE_FD(f->s.watch.fd));
	assert_false(can_connect(f->path));
	free(TAKE_PTR(f->s.path));
	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	assert_true(can_connect(f->path));
}

static void local_socket_refuses_a_file_that_is_no_socket(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->dir, 0755), 0);
	close(open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(local_socket_open(&f->s, f->path, NULL), -EEXIST);
	assert_int_equal(access(f->path, F_OK), 0);
}

static void local_socket_refuses_a_path_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(local_socket_open(&f->s, path, NULL), -ENAMETOOLONG);
}

static void local_socket_remove_takes_only_what_was_left(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(local_socket_open(&f->s, f->path, NULL), 0);
	assert_int_equal(local_socket_remove(f->path, NULL), -EADDRINUSE);
	assert_true(can_connect(f->path));
	close(TAKE_FD(f->s.watch.fd));
	assert_int_equal(local_socket_remove(f->path, NULL), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	close(open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(local_socket_remove(f->path, NULL), 0);
	assert_int_equal(access(f->path, F_OK), 0);
}

#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(local_socket_listens_for_its_owner_alone),
		SOCKET_TEST(local_socket_close_removes_what_it_made),
		SOCKET_TEST(local_socket_close_keeps_a_directory_that_was_there),
		SOCKET_TEST(local_socket_refuses_a_path_in_use),
		SOCKET_TEST(local_socket_takes_over_one_that_nobody_listens_on),
		SOCKET_TEST(local_socket_refuses_a_file_that_is_no_socket),
		SOCKET_TEST(local_socket_refuses_a_path_that_is_too_long),
		SOCKET_TEST(local_socket_remove_takes_only_what_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
