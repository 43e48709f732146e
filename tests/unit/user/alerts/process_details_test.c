/* SPDX-License-Identifier: Apache-2.0 */
/* What an alert says of its process: of one that runs, and of none that is not the container's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/alerts/process_details.h"
#include "user/sys/process/cgroup.h"

/* A process with odd arguments in a directory of its own. */
struct started {
	pid_t pid;
	uint64_t cgroup_id;
};

static void start_process(struct started *s)
{
	_cleanup_free_ char *cgroup = NULL;
	int up[2], in[2];
	char byte;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(in), 0);
	s->pid = fork();
	if (s->pid == 0) {
		char sleep[] = "sleep", odd[] = "300\n", path[] = "/bin/sh", c[] = "-c";
		char script[] = "echo; exec 1>&-; read x";
		char *const argv[] = {sleep, c, script, odd, NULL};

		/* It has the other end too, so that it waits until it is killed. */
		dup2(in[0], 0);
		dup2(up[1], 1);
		(void)!chdir("/usr");
		execv(path, argv);
		_exit(1);
	}
	close(up[1]);
	close(in[0]);
	close(in[1]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	close(up[0]);
	assert_int_equal(cgroup_of_pid(s->pid, &cgroup, NULL), 0);
	assert_int_equal(cgroup_id(cgroup, &s->cgroup_id, NULL), 0);
}

static struct alert_fields *read_details(const struct started *s, unsigned verdict)
{
	const struct lutra_evidence ev = {.tgid = (uint32_t)s->pid,
					  .ppid = (uint32_t)getpid(),
					  .cgroup_id = s->cgroup_id,
					  .verdict = (uint8_t)verdict};
	struct alert_fields *f = calloc(1, sizeof(*f));
	struct throttle limit = {};

	assert_non_null(f);
	process_details_put(&limit, &ev, f);
	return f;
}

static void end_process(const struct started *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static void process_details_are_those_of_a_running_process_cleaned(void **state)
{
	_cleanup_free_ struct alert_fields *f = NULL;
	struct started s;
	char uid[24];

	(void)state;
	start_process(&s);
	f = read_details(&s, LUTRA_VERDICT_ALERT);
	end_process(&s);
	snprintf(uid, sizeof(uid), "0");
	assert_string_equal(alert_fields_text(f, ALERT_CMDLINE),
			    "sleep -c echo; exec 1>&-; read x 300\\x0a");
	assert_string_equal(alert_fields_text(f, ALERT_CWD), "/usr");
	assert_non_null(strstr(alert_fields_text(f, ALERT_EXEPATH), "/bin/"));
	assert_string_equal(alert_fields_text(f, ALERT_USER_UID), uid);
	assert_string_equal(alert_fields_text(f, ALERT_USER_NAME), "root");
	assert_non_null(strstr(alert_fields_text(f, ALERT_PARENT_EXEPATH), "process_details_test"));
	assert_false(alert_fields_is_unknown(f, ALERT_PARENT_CMDLINE));
}

static void process_details_of_what_is_only_noted_are_not_read(void **state)
{
	_cleanup_free_ struct alert_fields *f = NULL;
	struct started s;

	(void)state;
	start_process(&s);
	f = read_details(&s, LUTRA_VERDICT_ALLOW);
	end_process(&s);
	assert_true(alert_fields_is_unknown(f, ALERT_CMDLINE));
}

static void process_details_of_a_process_elsewhere_or_gone_are_not_read(void **state)
{
	_cleanup_free_ struct alert_fields *elsewhere = NULL, *gone = NULL;
	struct started s, other;

	(void)state;
	start_process(&s);
	other = s;
	other.cgroup_id = s.cgroup_id + 1000000;
	elsewhere = read_details(&other, LUTRA_VERDICT_ALERT);
	end_process(&s);
	gone = read_details(&s, LUTRA_VERDICT_KILL);
	assert_true(alert_fields_is_unknown(elsewhere, ALERT_CMDLINE));
	assert_true(alert_fields_is_unknown(elsewhere, ALERT_USER_UID));
	assert_true(alert_fields_is_unknown(gone, ALERT_CMDLINE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_details_are_those_of_a_running_process_cleaned),
		cmocka_unit_test(process_details_of_what_is_only_noted_are_not_read),
		cmocka_unit_test(process_details_of_a_process_elsewhere_or_gone_are_not_read),
	};

	if (geteuid() != 0) {
		print_message("skipped: needs root, to open the roots of processes\n");
		return 77;
	}
	return cmocka_run_group_tests_name("process_details", tests, NULL, NULL);
}
