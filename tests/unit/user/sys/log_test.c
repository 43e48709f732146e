/* SPDX-License-Identifier: Apache-2.0 */
/* The log's lines, with and without a journal that reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/sys/log.h"

enum stream { NO_STREAM, OWN_STREAM, OTHER_STREAM };

/* In a child: writes a warning to a pipe as stderr, with a JOURNAL_STREAM that names this pipe or not. */
static void log_warning_to(int fd, enum stream stream)
{
	struct stat st;
	char name[64];

	dup2(fd, STDERR_FILENO);
	fstat(fd, &st);
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + (stream == OTHER_STREAM));
	unsetenv("JOURNAL_STREAM");
	if (stream != NO_STREAM)
		setenv("JOURNAL_STREAM", name, 1);
	log_open();
	log_warning("%d lines", 1);
	_exit(0);
}

/* A # of line stands for a digit. */
static void assert_line(enum stream stream, const char *line)
{
	char buf[80] = "";
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		log_warning_to(fds[1], stream);
	close(fds[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read(fds[0], buf, sizeof(buf) - 1) > 0);
	close(fds[0]);
	for (char *s = buf; *s && s[0] != 'Z'; s++)
		if (strchr(line, '#') && isdigit((unsigned char)*s))
			*s = '#';
	assert_string_equal(buf, line);
}

#define TIME "####-##-##T##:##:##.###Z"

static void log_has_the_time_and_names_the_program(void **state)
{
	(void)state;
	assert_line(NO_STREAM, TIME " log_test: 1 lines\n");
}

static void log_has_a_priority_in_the_journal(void **state)
{
	(void)state;
	assert_line(OWN_STREAM, "<4>1 lines\n");
}

static void log_has_no_priority_in_a_file_of_a_service(void **state)
{
	(void)state;
	assert_line(OTHER_STREAM, TIME " log_test: 1 lines\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_has_the_time_and_names_the_program),
		cmocka_unit_test(log_has_a_priority_in_the_journal),
		cmocka_unit_test(log_has_no_priority_in_a_file_of_a_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
