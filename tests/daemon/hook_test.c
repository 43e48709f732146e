/* SPDX-License-Identifier: Apache-2.0 */
/* lutra-hook with a lutrad of another version: what it takes for a yes, and how it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "tests/support/scratch.h"

#define HOOK "build/bin/lutra-hook"
#define STATE "{\"id\": \"0123456789abcdef\", \"pid\": 1, \"status\": \"created\"}"

struct fixture {
	char *dir, *config, *socket;
	int fd;
};

static int hook_setup(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct fixture *f = calloc(1, sizeof(*f));
	char text[512];

	f->dir = scratch_dir();
	f->config = scratch_path(f->dir, "config.json");
	f->socket = scratch_path(f->dir, "lutrad.sock");
	snprintf(text, sizeof(text), "{\"socket\": \"%s\"}", f->socket);
	scratch_write(f->config, text, strlen(text));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->fd, 8), 0);
	*state = f;
	return 0;
}

static int hook_teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	scratch_remove(f->dir);
	free(f->config);
	free(f->socket);
	free(f);
	return 0;
}

/* Runs the hook against a lutrad that gives this answer. Returns the exit code. */
static int run_hook(const struct fixture *f, const char *answer, bool fail_closed)
{
	char request[4096];
	int in[2], status, client;
	pid_t pid;

	assert_int_equal(pipe(in), 0);
	assert_true(write(in[1], STATE, strlen(STATE)) > 0);
	close(in[1]);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		if (fail_closed)
			execl(HOOK, HOOK, "--config", f->config, "--fail-closed", "createRuntime",
			      NULL);
		else
			execl(HOOK, HOOK, "--config", f->config, "createRuntime", NULL);
		_exit(99);
	}
	close(in[0]);
	client = accept(f->fd, NULL, NULL);
	assert_true(client >= 0);
	assert_true(recv(client, request, sizeof(request), 0) > 0);
	assert_true(send(client, answer, strlen(answer), MSG_NOSIGNAL) > 0);
	shutdown(client, SHUT_WR);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(client);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void hook_takes_an_answer_of_a_newer_lutrad_for_a_yes(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nX-New: 1\r\n\r\n{\"flavour\": [\"new\"]}";

	assert_int_equal(run_hook(*state, answer, true), 0);
}

/* Such a container starts without a guard, and the scan of cgroups enrols it. */
static void hook_fails_open_at_an_answer_of_an_older_lutrad(void **state)
{
	static const char answer[] = "{\"ok\":false,\"error\":\"not a request\"}\n";

	assert_int_equal(run_hook(*state, answer, false), 0);
	assert_int_equal(run_hook(*state, answer, true), 1);
}

static void hook_fails_open_where_lutrad_has_no_such_route(void **state)
{
	static const char answer[] = "HTTP/1.1 404 Not Found\r\n\r\n{\"error\": \"no such path\"}";

	assert_int_equal(run_hook(*state, answer, false), 0);
	assert_int_equal(run_hook(*state, answer, true), 1);
}

static void hook_asks_although_another_key_is_wrong(void **state)
{
	struct fixture *f = *state;
	char text[512];

	snprintf(text, sizeof(text), "{\"socket\": \"%s\", \"htpp\": 7}", f->socket);
	scratch_write(f->config, text, strlen(text));
	assert_int_equal(run_hook(f, "HTTP/1.1 200 OK\r\n\r\n{}", true), 0);
}

/* Puts the socket of the test in the default place, for this process and its children alone. */
static void serve_default_socket(const struct fixture *f)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/run/lutra", 0755), 0);
	assert_int_equal(symlink(f->socket, "/run/lutra/lutrad.sock"), 0);
}

static void hook_asks_the_default_socket_if_the_configuration_is_damaged(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0) {
		print_message("skipped: needs root, for a mount namespace\n");
		skip();
	}
	serve_default_socket(f);
	scratch_write(f->config, "{\"socket\": ", 11);
	assert_int_equal(run_hook(f, "HTTP/1.1 200 OK\r\n\r\n{}", true), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, hook_setup, hook_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hook_takes_an_answer_of_a_newer_lutrad_for_a_yes),
		T(hook_fails_open_at_an_answer_of_an_older_lutrad),
		T(hook_fails_open_where_lutrad_has_no_such_route),
		T(hook_asks_although_another_key_is_wrong),
		T(hook_asks_the_default_socket_if_the_configuration_is_damaged),
	};

	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
