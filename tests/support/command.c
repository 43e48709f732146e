/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/policy/policy.h"
#include "lib/trace/trace.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

static void read_back(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	close(fd);
}

void command_run(char *const argv[], struct command_result *ret)
{
	int out = open("/tmp", O_TMPFILE | O_RDWR, 0600),
	    err = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	int status;
	pid_t pid;

	assert_true(out >= 0 && err >= 0);
	pid = fork();
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ret->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_back(out, ret->out, sizeof(ret->out));
	read_back(err, ret->err, sizeof(ret->err));
}

int command_setup(void **state)
{
	struct command_fixture *f = calloc(1, sizeof(*f));
	struct policy *p = sample_policy();
	struct trace_meta m = {.arch = p->arch};
	struct trace_writer *w;

	f->dir = scratch_dir();
	f->policy = scratch_path(f->dir, "shop");
	f->trace = scratch_path(f->dir, "run.ltr");
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	assert_int_equal(trace_writer_new(&w, f->trace, &m, NULL), 0);
	for (unsigned i = 0; i < 20; i++) {
		struct lutra_record rec = {
			.ts_ns = i, .tid = 7, .nr = i % 2 ? SYS_read : SYS_execve};

		assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	}
	assert_int_equal(trace_writer_close(w, 0, NULL), 0);
	policy_free(p);
	*state = f;
	return 0;
}

int command_teardown(void **state)
{
	struct command_fixture *f = *state;

	free(f->policy);
	free(f->trace);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

void command_expand(const struct command_fixture *f, const char *const args[],
		    char *argv[COMMAND_ARGS], const char *program)
{
	int n = 0;

	argv[n++] = strdup(program);
	for (int i = 0; args[i] && n < COMMAND_ARGS - 1; i++) {
		if (strcmp(args[i], "POLICY") == 0)
			argv[n++] = strdup(f->policy);
		else if (strcmp(args[i], "TRACE") == 0)
			argv[n++] = strdup(f->trace);
		else if (strncmp(args[i], "DIR/", 4) == 0)
			argv[n++] = scratch_path(f->dir, args[i] + 4);
		else
			argv[n++] = strdup(args[i]);
	}
	argv[n] = NULL;
}

void command_run_lutra(const struct command_fixture *f, const char *const args[],
		       struct command_result *ret)
{
	char *argv[COMMAND_ARGS];

	command_expand(f, args, argv, COMMAND_LUTRA);
	command_run(argv, ret);
	for (int i = 0; argv[i]; i++)
		free(argv[i]);
}

void command_print(const char *const args[])
{
	for (int i = 0; args[i]; i++)
		print_message("%s ", args[i]);
	print_message("\n");
}

void command_assert_one_line(const char *s)
{
	size_t n = strlen(s);

	assert_true(n > 1);
	assert_ptr_equal(strchr(s, '\n'), s + n - 1);
}
