/* SPDX-License-Identifier: Apache-2.0 */
/* Events: their words and JSON, the store, the JSON lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/file.h"
#include "tests/unit/sample.h"
#include "user/clock.h"
#include "user/container.h"
#include "user/events/event.h"
#include "user/events/output_json.h"
#include "user/events/store.h"

struct fixture {
	char *dir;
	char *db;
	struct lutra_evidence ev;
	struct event e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = sample_dir();
	f->db = sample_path(f->dir, "events.db");
	f->ev = (struct lutra_evidence){
		.calls = 3,
		.since_ns = 1500,
		.since_calls = 2,
		.policy_version = 4,
		.tid = 11,
		.tgid = 10,
		.ppid = 1,
		.a = 5000,
		.nr = SYS_execve,
		.group = LUTRA_G_EXEC,
		.kind = LUTRA_KIND_P,
		.verdict = LUTRA_VERDICT_DENY,
		.mode = LUTRA_MODE_DENY,
		.role = LUTRA_ROLE_STEADY,
		.refused = 1,
		.weight = {1, 2, 3},
		.object = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_FRESH},
		.comm = "py\033thon"};
	f->ev.past[LUTRA_HISTORY - 1] =
		(struct lutra_past){SYS_execve | LUTRA_HIST_NOVEL | 1 << 12, 240};
	f->e = (struct event){.ev = &f->ev,
			      .str = "/bin/sh\n\377",
			      .str_len = 9,
			      .realtime_ns = 1700000000123456789,
			      .name = "shop",
			      .id = "c0ffee",
			      .image = "example.org/shop:1",
			      .cgroup = "/sys/fs/cgroup/shop"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->db);
	sample_remove(f->dir);
	free(f);
	return 0;
}

static const char *member(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "(none)";
}

static void event_sentence_says_what_was_done(void **state)
{
	struct fixture *f = *state;
	char buf[EVENT_TEXT];

	event_sentence(&f->e, buf);
	assert_string_equal(buf,
			    "refused: Program never executed in training in shop: exec "
			    "/bin/sh\\x0a\\xff (fresh) in execve by py\\x1bthon[10] (rule exec, "
			    "role steady)");
}

static void event_object_has_words_for_every_operation(void **state)
{
	static const struct {
		struct lutra_object o;
		const char *str, *want;
	} cases[] = {
		{{.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE, .mode = 0100644},
		 "/etc/passwd",
		 "open w file /etc/passwd"},
		{{.op = LUTRA_OP_CONNECT, .family = AF_INET, .addr = {10, 1, 2, 3}, .port = 443},
		 "",
		 "connect 10.1.2.3:443"},
		{{.op = LUTRA_OP_BIND, .family = AF_INET6, .addr[15] = 1, .port = 80},
		 "",
		 "bind [::1]:80"},
		{{.op = LUTRA_OP_CONNECT, .family = AF_UNIX, .flags = LUTRA_OBJ_PATH},
		 "//@x",
		 "connect //@x"},
		{{.op = LUTRA_OP_CAPABLE, .mode = 21}, "", "capable sys_admin"},
		{{.op = LUTRA_OP_WX, .mode = SYS_mmap}, "", "wx mmap"},
		{{.op = LUTRA_OP_NONE}, "", ""},
	};
	struct fixture *f = *state;
	char buf[EVENT_TEXT];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->ev.object = cases[i].o;
		f->e.str = cases[i].str;
		f->e.str_len = strlen(cases[i].str);
		event_object(&f->e, buf);
		assert_string_equal(buf, cases[i].want);
	}
}

static void event_json_has_the_shape_of_falco_s_alerts(void **state)
{
	static const char *const keys[] = {"time",   "rule", "priority",      "source",
					   "output", "tags", "output_fields", "hostname"};
	struct fixture *f = *state;
	json_auto_t *j = event_json(&f->e);
	const json_t *o = json_object_get(j, "output_fields"), *h;

	assert_int_equal(json_object_size(j), 8);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(j, keys[i]));
	assert_string_equal(member(j, "time"), "2023-11-14T22:13:20.123456789Z");
	assert_string_equal(member(j, "priority"), "Critical");
	assert_string_equal(member(j, "source"), "syscall");
	assert_string_equal(member(o, "container.id"), "c0ffee");
	assert_string_equal(member(o, "container.image"), "example.org/shop:1");
	assert_string_equal(member(o, "evt.type"), "execve");
	assert_string_equal(member(o, "fd.name"), "/bin/sh\\x0a\\xff");
	assert_string_equal(member(o, "proc.name"), "py\\x1bthon");
	assert_string_equal(member(o, "lutra.verdict"), "deny");
	assert_string_equal(member(o, "lutra.group"), "exec");
	assert_int_equal(json_integer_value(json_object_get(o, "proc.pid")), 10);
	h = json_object_get(o, "lutra.history");
	assert_int_equal(json_array_size(h), 3);
	h = json_array_get(h, 2);
	assert_string_equal(member(h, "call"), "execve");
	assert_string_equal(member(h, "role"), "steady");
	assert_true(json_is_true(json_object_get(h, "novel")));
}

/* ---- store ---- */

static void add(struct fixture *f, struct store *s, int n)
{
	for (int i = 0; i < n; i++) {
		json_auto_t *alert = NULL;
		unsigned lost;

		f->ev.tid = (uint32_t)i;
		alert = event_json(&f->e);
		assert_int_equal(store_add(s, &f->e, alert, &lost, NULL), 0);
	}
	assert_int_equal(store_commit(s, NULL, NULL), 0);
}

struct collected {
	int n;
	json_int_t tid[16];
};

static int collect(void *ctx, const char *text)
{
	json_auto_t *j = json_loads(text, 0, NULL);
	struct collected *c = ctx;

	c->tid[c->n++] = json_integer_value(
		json_object_get(json_object_get(j, "output_fields"), "thread.tid"));
	return c->n == 16;
}

static void store_last_gives_the_newest_oldest_first(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct collected c = {};

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add(f, s, 5);
	assert_int_equal(store_last(s, 3, collect, &c, NULL), 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.tid[0], 2);
	assert_int_equal(c.tid[2], 4);
}

static void store_new_opens_what_was_there(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL, *again = NULL;
	struct collected c = {};

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add(f, s, 2);
	store_free(TAKE_PTR(s));
	assert_int_equal(store_new(&again, f->db, NULL), 0);
	assert_int_equal(store_last(again, 10, collect, &c, NULL), 0);
	assert_int_equal(c.n, 2);
}

static void store_has_columns_and_the_history(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	sqlite3 *db;
	sqlite3_stmt *q;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add(f, s, 1);
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT container, call, path, weight2, verdict, "
					    "json_array_length(history) FROM events",
					    -1, &q, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(q, 0), "shop");
	assert_string_equal((const char *)sqlite3_column_text(q, 1), "execve");
	assert_string_equal((const char *)sqlite3_column_text(q, 2), "/bin/sh\\x0a\\xff");
	assert_int_equal(sqlite3_column_int(q, 3), 3);
	assert_string_equal((const char *)sqlite3_column_text(q, 4), "deny");
	assert_int_equal(sqlite3_column_int(q, 5), 3);
	sqlite3_finalize(q);
	sqlite3_close(db);
}

static void store_new_refuses_what_is_no_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *missing = sample_path(f->dir, "no/such/dir.db");
	char junk[8192];
	struct store *s = NULL;
	struct err err;
	sqlite3 *db;

	assert_int_equal(store_new(&s, missing, &err), -EIO);
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(file_create(AT_FDCWD, f->db, 0600, junk, sizeof(junk)), 0);
	assert_int_equal(store_new(&s, f->db, &err), -EBADMSG);
	unlink(f->db);
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(store_new(&s, f->db, &err), -ENOEXEC);
}

static void store_add_on_a_full_disk_counts_and_recovers(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	json_auto_t *alert = event_json(&f->e);
	struct rlimit old, limit;
	unsigned lost = 0, n = 0;
	struct collected c = {};
	struct err err = {};
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){65536, old.rlim_max};
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (n = 0; n < 2000 && r == 0; n++) {
		r = store_add(s, &f->e, alert, &lost, &err);
		if (r == 0)
			r = store_commit(s, &lost, &err);
	}
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(r, -EIO);
	assert_int_equal(lost, 1);
	assert_int_not_equal(err.msg[0], '\0');
	assert_int_equal(store_add(s, &f->e, alert, &lost, NULL), 0);
	assert_int_equal(store_commit(s, &lost, NULL), 0);
	assert_int_equal(store_last(s, 1, collect, &c, NULL), 0);
	assert_int_equal(c.n, 1);
}

/* ---- JSON lines ---- */

static void output_json_writes_a_line_an_alert(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = sample_path(f->dir, "events.jsonl"), *text = NULL;
	_cleanup_(output_json_freep) struct output_json *o = NULL;
	json_auto_t *alert = event_json(&f->e), *back = NULL;
	size_t len;

	assert_int_equal(output_json_new(&o, path, NULL), 0);
	assert_int_equal(output_json_write(o, alert), 0);
	assert_int_equal(output_json_write(o, alert), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, &len, NULL), 0);
	assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n'), text + len - 1);
	*strchr(text, '\n') = '\0';
	back = json_loads(text, 0, NULL);
	assert_true(json_equal(back, alert));
}

static void output_json_fails_as_the_file_does(void **state)
{
	struct fixture *f = *state;
	_cleanup_(output_json_freep) struct output_json *full = NULL;
	struct output_json *none = NULL;
	json_auto_t *alert = event_json(&f->e);
	struct err err;

	assert_int_equal(output_json_new(&none, f->dir, &err), -EISDIR);
	assert_int_equal(output_json_new(&full, "/dev/full", NULL), 0);
	assert_int_equal(output_json_write(full, alert), -ENOSPC);
}

#define ID "c0ffee00112233445566778899aabbccddeeff00112233445566778899aabbcc"

static void container_id_is_cut_out_of_the_cgroup_s_name(void **state)
{
	static const struct {
		const char *cgroup, *want;
	} cases[] = {
		{"/sys/fs/cgroup/shop", "shop"},
		{"/sys/fs/cgroup/system.slice/docker-" ID ".scope", ID},
		{"/sys/fs/cgroup/machine.slice/libpod-" ID ".scope/container", ID},
		{"/sys/fs/cgroup/kubepods.slice/cri-containerd-" ID ".scope", ID},
		{"/sys/fs/cgroup/system.slice/nginx.scope", "nginx"},
		{"/", ""},
	};
	char buf[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		container_id(cases[i].cgroup, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].want);
	}
}

static void container_cgroup_refuses_what_is_no_id(void **state)
{
	static const char *const bad[] = {"", "../../etc", "a/b", ".", "a b", "a\n"};
	struct err err;
	char *path = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(container_cgroup(bad[i], &path, &err), -EINVAL);
	assert_null(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(event_sentence_says_what_was_done),
		T(event_object_has_words_for_every_operation),
		T(event_json_has_the_shape_of_falco_s_alerts),
		T(store_last_gives_the_newest_oldest_first),
		T(store_new_opens_what_was_there),
		T(store_has_columns_and_the_history),
		T(store_new_refuses_what_is_no_store),
		T(store_add_on_a_full_disk_counts_and_recovers),
		T(output_json_writes_a_line_an_alert),
		T(output_json_fails_as_the_file_does),
		cmocka_unit_test(container_id_is_cut_out_of_the_cgroup_s_name),
		cmocka_unit_test(container_cgroup_refuses_what_is_no_id),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
