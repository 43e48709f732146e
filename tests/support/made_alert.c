/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/made_alert.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/scratch.h"

int made_alert_setup(void **state)
{
	static char id[] = "c0ffee", image[] = "example.org/shop:1";
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	f->db = scratch_path(f->dir, "events.db");
	f->ev = (struct lutra_evidence){
		.syscalls = 3,
		.since_ns = 1500,
		.since_syscalls = 2,
		.policy_version = 4,
		.tid = 11,
		.tgid = 10,
		.ppid = 1,
		.level = 5000,
		.nr = SYS_execve,
		.rule = LUTRA_RULE_EXEC,
		.kind = LUTRA_KIND_PROTECTED,
		.verdict = LUTRA_VERDICT_DENY,
		.mode = LUTRA_MODE_DENY,
		.role = LUTRA_ROLE_STEADY,
		.refused = 1,
		.weight = {1, 2, 3},
		.object = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_FRESH},
		.comm = "py\033thon"};
	f->ev.history[LUTRA_HISTORY - 1] =
		(struct lutra_history){SYS_execve | LUTRA_HISTORY_NOVEL | 1 << 12, 240};
	f->str = "/bin/sh\n\377";
	f->str_len = 9;
	f->time_ns = 1700000000123456789;
	f->identity = (struct identity){.id = id, .image = image};
	f->container = (struct alert_container){
		.name = "shop", .cgroup = "/sys/fs/cgroup/shop", .identity = &f->identity};
	*state = f;
	return 0;
}

int made_alert_teardown(void **state)
{
	struct fixture *f = *state;

	free(f->db);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

struct alert *made_alert_new(const struct fixture *f)
{
	struct alert *a = alert_new(&f->ev, f->str, f->str_len, &f->container);

	assert_non_null(a);
	a->time_ns = f->time_ns;
	return a;
}

void made_alert_fields(const struct fixture *f, struct alert_fields *ret)
{
	_cleanup_free_ struct alert *a = made_alert_new(f);

	alert_fields_set(ret, a, NULL);
}

json_t *made_alert_json(const struct fixture *f)
{
	struct alert_fields fields;

	made_alert_fields(f, &fields);
	return alert_fields_to_json(&fields);
}

void made_alert_put(struct fixture *f, struct outputs *o, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct alert_fields fields;
		struct alert_json *a;

		f->ev.tid = i;
		made_alert_fields(f, &fields);
		a = alert_json_new(&fields, 0);
		outputs_put_event(o, a);
		outputs_put_incident(o, f->container.cgroup, f->container.name, a);
		alert_json_unref(a);
	}
}

void made_alert_on_tmpfs(struct fixture *f, const char *at, const char *size,
			 void (*what)(struct fixture *f))
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", at, "tmpfs", 0, size) < 0)
			_exit(77);
		what(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	if (WEXITSTATUS(st) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(st), 0);
}

int64_t made_alert_query(const char *db, const char *sql)
{
	sqlite3_stmt *q;
	sqlite3 *handle;
	int64_t n;

	assert_int_equal(sqlite3_open(db, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(handle);
	return n;
}
