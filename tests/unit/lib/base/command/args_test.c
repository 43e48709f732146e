/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of options. What a mistake prints, and the exit code, is in tests/unit/user/cli. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/command/args.h"

struct values {
	bool json;
	const char *output;
	uint64_t number;
	char first;
	struct args_list list;
};

static error_t take_first(struct argp_state *state, const char *arg, void *member)
{
	if (arg[0] == '-')
		return args_usage(state, "no dash");
	assert_ptr_equal(member, &((struct values *)args_struct(state))->first);
	*(char *)member = arg[0];
	return 0;
}

static error_t need_output(struct argp_state *state, void *ret)
{
	return ((struct values *)ret)->output ? 0 : args_usage(state, "no output");
}

static const struct args_option options[] = {
	ARGS_FLAG("json", 'j', "Print JSON", struct values, json),
	ARGS_STRING("output", 'o', "FILE", "File to write", struct values, output),
	ARGS_NUMBER("number", 256, "N", "A number", 2, 9, struct values, number),
	ARGS_CALL("first", 'f', "X", "A character", take_first, struct values, first),
	{},
};

static const struct args_command command = {
	.options = options,
	.max = 2,
	.list = offsetof(struct values, list),
	.check = need_output,
};

#define LINE_BYTES 80

/* Reads a command line of words. buf, of LINE_BYTES, keeps the words, to which ret points. */
static void read_words(const struct args_command *c, const char *line, char *buf,
		       struct values *ret)
{
	char *argv[16] = {0};
	int argc = 0;

	snprintf(buf, LINE_BYTES, "%s", line);
	for (char *word = strtok(buf, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	args_read(c, argc, argv, ret);
}

static void args_fill_each_type(void **state)
{
	struct values v = {.number = 5};
	char buf[LINE_BYTES];

	(void)state;
	read_words(&command, "x one -j -o f --number=9 --first abc two", buf, &v);
	assert_true(v.json);
	assert_string_equal(v.output, "f");
	assert_int_equal(v.number, 9);
	assert_int_equal(v.first, 'a');
	assert_int_equal(v.list.n, 2);
	assert_string_equal(v.list.arg[0], "one");
	assert_string_equal(v.list.arg[1], "two");
}

static void args_keep_what_is_not_given(void **state)
{
	struct values v = {.number = 5};
	char buf[LINE_BYTES];

	(void)state;
	read_words(&command, "x -of", buf, &v);
	assert_false(v.json);
	assert_int_equal(v.number, 5);
	assert_int_equal(v.list.n, 0);
}

static void args_in_order_leave_the_rest_alone(void **state)
{
	const struct args_command in_order = {.options = options,
					      .in_order = true,
					      .max = INT_MAX,
					      .list = offsetof(struct values, list)};
	struct values v = {};
	char buf[LINE_BYTES];

	(void)state;
	read_words(&in_order, "x -j run -o f", buf, &v);
	assert_true(v.json);
	assert_null(v.output);
	assert_int_equal(v.list.n, 3);
	assert_string_equal(v.list.arg[0], "run");
	assert_string_equal(v.list.arg[2], "f");
}

static void args_refuse_mistakes(void **state)
{
	static const char *const mistakes[] = {
		"x",
		"x -of --number=1",
		"x -of --number=10",
		"x -of --number=3x",
		"x -of --number=",
		"x -of --number=99999999999999999999",
		"x -of -f-",
		"x -of --nothing",
		"x -o",
		"x -of 1 2 3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			struct values v = {};
			char buf[LINE_BYTES];

			stderr = fopen("/dev/null", "we");
			read_words(&command, mistakes[i], buf, &v);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EXIT_USAGE);
	}
}

static void args_print_the_version(void **state)
{
	static const struct args_option none[] = {{}};
	const struct args_command versioned = {.options = none, .version = "1.2.3"};
	char buf[LINE_BYTES], name[] = "x", option[] = "--version", *argv[] = {name, option, NULL};
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		args_read(&versioned, 2, argv, NULL);
		_exit(9);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[1]);
	n = read(fds[0], buf, sizeof(buf) - 1);
	close(fds[0]);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, "x 1.2.3\n");
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(args_fill_each_type),
		cmocka_unit_test(args_keep_what_is_not_given),
		cmocka_unit_test(args_in_order_leave_the_rest_alone),
		cmocka_unit_test(args_refuse_mistakes),
		cmocka_unit_test(args_print_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
