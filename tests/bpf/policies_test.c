/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that change on disk under a daemon and a container: what is good is put in force and
 * loses no count, what is bad is said and changes nothing; modes that outlive policy and daemon.
 */
#include "tests/bpf/daemon.h"

#include "lib/policy/policy_format.h"

#define ROUNDS 3
#define CHUNK 5000 /* bytes that dd copies one at a time: two calls each */

/* ---- looking ---- */

/* A member of the only container's status; the caller's reference. */
static json_t *member(const struct fixture *f, const char *key)
{
	json_auto_t *j = status(f);
	json_t *c = json_array_get(json_object_get(j, "containers"), 0);

	return json_incref(json_object_get(c, key));
}

static bool has_text(const struct fixture *f, const char *key, const char *part)
{
	json_auto_t *v = member(f, key);

	return json_is_string(v) && strstr(json_string_value(v), part);
}

static bool is_refused(struct fixture *f)
{
	return has_text(f, "policy_error", "refused");
}

static bool is_good(struct fixture *f)
{
	json_auto_t *v = member(f, "policy_error");

	return json_is_null(v);
}

static json_int_t calls(const struct fixture *f)
{
	json_auto_t *counters = member(f, "counters");

	return json_integer_value(json_object_get(counters, "calls"));
}

/* What policy.json is, as the status names it. */
static void sum_of(const struct fixture *f, char ret[static POLICY_SHA256_TEXT])
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	memcpy(ret, p->json_sha256, POLICY_SHA256_TEXT);
}

static bool is_in_force(struct fixture *f)
{
	char sha256[POLICY_SHA256_TEXT];

	sum_of(f, sha256);
	return has_text(f, "policy_sha256", sha256) && is_good(f);
}

/* ---- changing ---- */

/* Another policy in its place, told from others by a threshold. */
static void change(const struct fixture *f, int32_t th_a, bool audit_only)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();

	p->mode = LUTRA_MODE_AUDIT;
	p->th_a = th_a;
	p->calibration.audit_only = audit_only;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
}

static void enroll_audited(struct fixture *f)
{
	json_auto_t *answer = NULL;

	change(f, 1, false);
	answer = enroll(f, "shop", NULL);
	assert_non_null(answer);
	assert_true(is_in_force(f));
}

static void restart(struct fixture *f)
{
	stop_daemon(f);
	write_config(f);
	f->daemon = spawn_daemon(f);
	assert_true(becomes(listens, f));
}

/* ---- good ---- */

static void policies_changed_is_put_in_force(void **state)
{
	struct fixture *f = *state;

	enroll_audited(f);
	for (int32_t th_a = 2; th_a < 5; th_a++) {
		change(f, th_a, false);
		assert_true(becomes(is_in_force, f));
	}
}

/* As an editor or cp does it: the files one after the other, in the old directory. */
static void policies_written_in_place_is_put_in_force_when_it_is_whole(void **state)
{
	static const char *const files[] = {POLICY_JSON_FILE, POLICY_TABLES_FILE};
	struct fixture *f = *state;
	_cleanup_free_ char *next = sample_path(f->dir, "next");
	char *policy = f->policy;

	enroll_audited(f);
	f->policy = next;
	change(f, 9, false);
	f->policy = policy;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *from = sample_path(next, files[i]);
		_cleanup_free_ char *to = sample_path(policy, files[i]), *data = NULL;
		size_t len;

		assert_int_equal(file_read(AT_FDCWD, from, 1 << 24, &data, &len, NULL), 0);
		sample_write(to, data, len);
	}
	assert_true(becomes(is_in_force, f));
}

/* Calls that a copy of ROUNDS chunks is counted for, with other policies between them or not. */
static json_int_t counted_copy(struct fixture *f, bool swap, int32_t th_a)
{
	_cleanup_free_ char *fifo = sample_path(f->dir, "fifo"), *in = NULL, *count = NULL;
	char dd[] = "/bin/dd", out[] = "of=/dev/null", bs[] = "bs=1", quiet[] = "status=none";
	char *argv[] = {dd, NULL, out, bs, NULL, quiet, NULL};
	static const char zeros[CHUNK];
	_cleanup_close_ int fd = -1;
	json_int_t before = calls(f);
	sigset_t none;

	assert_true(asprintf(&in, "if=%s", fifo) > 0);
	assert_true(asprintf(&count, "count=%d", ROUNDS * CHUNK) > 0);
	argv[1] = in;
	argv[4] = count;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(file_write_all(fd, zeros, sizeof(zeros)), 0);
		if (!swap)
			continue;
		change(f, th_a + i, false);
		assert_true(becomes(is_in_force, f));
	}
	assert_int_equal(exit_code(f->child), 0);
	f->child = 0;
	unlink(fifo);
	return calls(f) - before;
}

static void policies_put_in_force_lose_no_count(void **state)
{
	struct fixture *f = *state;
	json_int_t quiet, swapped;

	enroll_audited(f);
	counted_copy(f, false, 0); /* the first is linked with cold caches */
	quiet = counted_copy(f, false, 0);
	swapped = counted_copy(f, true, 100);
	assert_true(quiet >= 2 * ROUNDS * CHUNK);
	assert_int_equal(swapped, quiet);
}

/* ---- bad ---- */

static void truncate_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_TABLES_FILE);

	assert_int_equal(truncate(path, 1000), 0);
}

static void flip_in_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_TABLES_FILE), *data = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 24, &data, &len, NULL), 0);
	data[len / 2] ^= 1;
	sample_write(path, data, len);
}

static void write_json(const struct fixture *f, const char *text)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_JSON_FILE);

	sample_write(path, text, strlen(text));
}

static void garbage(const struct fixture *f)
{
	write_json(f, "{\"format\": 1, \x1b[2J\n\xff");
}

static void empty(const struct fixture *f)
{
	write_json(f, "");
}

static void grow_json(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_JSON_FILE);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 1ll << 30), 0);
}

static void grow_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_TABLES_FILE);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 1ll << 30), 0);
}

static void fifo_as_json(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_JSON_FILE);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void remove_json(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->policy, POLICY_JSON_FILE);

	assert_int_equal(unlink(path), 0);
}

static void remove_all(const struct fixture *f)
{
	_cleanup_free_ char *away = sample_path(f->dir, ".away");

	assert_int_equal(rename(f->policy, away), 0);
	sample_remove(TAKE_PTR(away));
}

static void policies_that_are_bad_leave_the_old_in_force(void **state)
{
	static const struct {
		const char *name;
		void (*damage)(const struct fixture *f);
	} cases[] = {
		{"truncated tables", truncate_tables},
		{"another table", flip_in_tables},
		{"garbage", garbage},
		{"nothing", empty},
		{"a gigabyte of policy.json", grow_json},
		{"a gigabyte of tables", grow_tables},
		{"a fifo", fifo_as_json},
		{"no policy.json", remove_json},
		{"no directory", remove_all},
	};
	struct fixture *f = *state;
	char sha256[POLICY_SHA256_TEXT];

	enroll_audited(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		sum_of(f, sha256);
		cases[i].damage(f);
		assert_true(becomes(is_refused, f));
		assert_true(has_text(f, "policy_sha256", sha256));
		assert_false(has_text(f, "policy_error", "\n"));
		/* What is there now cannot be enrolled either. */
		assert_null(enroll(f, "other", NULL));
		change(f, 50 + (int32_t)i, false);
		assert_true(becomes(is_in_force, f));
	}
}

/* ---- signatures ---- */

/* A key pair in dir/NAME, and the configuration's member for it. */
static void make_key(const struct fixture *f, const char *name, char extra[static 128])
{
	_cleanup_free_ char *path = sample_path(f->dir, name);
	char public[POLICY_KEY_TEXT];

	assert_int_equal(policy_key_new(path, public, NULL), 0);
	snprintf(extra, 128, ", \"policy_keys\": [\"%s\"]", public);
}

static void sign(const struct fixture *f, const char *name)
{
	_cleanup_free_ char *key = sample_path(f->dir, name);
	char public[POLICY_KEY_TEXT];

	assert_int_equal(policy_sign(f->policy, key, public, NULL), 0);
}

static void policies_are_taken_only_signed_where_there_is_a_key(void **state)
{
	struct fixture *f = *state;
	char extra[128], other[128];
	json_auto_t *answer = NULL;
	struct err err = {};

	make_key(f, "key", extra);
	make_key(f, "other", other);
	f->extra = extra;
	restart(f);
	change(f, 1, false);
	assert_null(enroll(f, "shop", &err));
	assert_non_null(strstr(err.msg, "not signed"));
	sign(f, "key");
	answer = enroll(f, "shop", NULL);
	assert_non_null(answer);
	change(f, 2, false);
	assert_true(becomes(is_refused, f));
	assert_true(has_text(f, "policy_error", "not signed"));
	sign(f, "other");
	assert_true(becomes(is_refused, f));
	assert_false(is_in_force(f));
	sign(f, "key");
	assert_true(becomes(is_in_force, f));
}

/* ---- modes ---- */

/* The answer, or NULL with the error in err. */
static json_t *set_mode(const struct fixture *f, const char *mode, bool force, struct err *err)
{
	return ask(f,
		   json_pack("{s:s, s:s, s:s, s:b}", "cmd", "policy-mode", "policy", "shop", "mode",
			     mode, "force", (int)force),
		   err);
}

static bool is_mode(const struct fixture *f, const char *mode)
{
	json_auto_t *v = member(f, "mode");

	return json_is_string(v) && strcmp(json_string_value(v), mode) == 0;
}

static bool is_audit(struct fixture *f)
{
	return is_mode(f, "audit");
}

static void policies_mode_switches_the_container_and_outlives_policy_and_daemon(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL, *again = NULL;

	enroll_audited(f);
	answer = set_mode(f, "kill", false, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer, "switched")), 1);
	assert_true(is_mode(f, "kill"));
	change(f, 2, false);
	assert_true(becomes(is_in_force, f));
	assert_true(is_mode(f, "kill"));
	restart(f);
	again = enroll(f, "shop", NULL);
	assert_non_null(again);
	assert_true(is_mode(f, "kill"));
}

static void policies_mode_does_not_end_a_signature(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL, *enrolled = NULL;
	char extra[128];

	make_key(f, "key", extra);
	f->extra = extra;
	restart(f);
	sign(f, "key");
	answer = set_mode(f, "audit", false, NULL);
	assert_non_null(answer);
	enrolled = enroll(f, "shop", NULL);
	assert_non_null(enrolled);
	assert_true(is_mode(f, "audit"));
}

static void policies_made_from_too_little_refuse_to_enforce_unless_forced(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	struct err err = {};

	enroll_audited(f);
	change(f, 2, true);
	assert_true(becomes(is_in_force, f));
	assert_null(set_mode(f, "kill", false, &err));
	assert_non_null(strstr(err.msg, "record four more runs"));
	assert_true(is_audit(f));
	answer = set_mode(f, "kill", true, NULL);
	assert_non_null(answer);
	assert_true(is_mode(f, "kill"));
}

/* The operator's word was of another policy. */
static void policies_made_from_too_little_fall_back_to_audit(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;

	enroll_audited(f);
	answer = set_mode(f, "kill", false, NULL);
	assert_non_null(answer);
	change(f, 2, true);
	assert_true(becomes(is_audit, f));
	assert_true(becomes(is_in_force, f));
}

static void policies_mode_of_what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../shop", "none", ".hidden"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {};

		assert_null(ask(f,
				json_pack("{s:s, s:s, s:s}", "cmd", "policy-mode", "policy", bad[i],
					  "mode", "audit"),
				&err));
		assert_int_not_equal(err.msg[0], '\0');
	}
}

/* ---- where the watch does not reach ---- */

static void policies_elsewhere_are_looked_at_on_sighup(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *elsewhere = sample_path(f->dir, "else");
	json_auto_t *answer = NULL;

	assert_int_equal(mkdir(elsewhere, 0755), 0);
	free(f->policy);
	f->policy = sample_path(elsewhere, "shop");
	change(f, 1, false);
	answer = ask(f,
		     json_pack("{s:s, s:s, s:s, s:s}", "cmd", "enroll", "cgroup", f->cgroup,
			       "policy", f->policy, "name", "shop"),
		     NULL);
	assert_non_null(answer);
	remove_all(f);
	assert_true(becomes(is_refused, f));
	change(f, 2, false);
	kill(f->daemon, SIGHUP);
	assert_true(becomes(is_in_force, f));
}

/* As when a whole policies.d is replaced. */
static void policies_dir_that_comes_later_is_watched(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *dir = sample_path(f->dir, "later");
	json_auto_t *answer = NULL;

	free(f->policy);
	f->policy = sample_path(dir, "shop");
	f->policies_dir = dir;
	restart(f);
	assert_int_equal(mkdir(dir, 0755), 0);
	change(f, 1, false);
	answer = enroll(f, "shop", NULL);
	assert_non_null(answer);
	remove_all(f);
	assert_true(becomes(is_refused, f));
	change(f, 2, false);
	assert_true(becomes(is_in_force, f));
}

static void policies_changed_while_no_daemon_ran_are_put_in_force_by_the_next(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-policies-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	restart(f);
	enroll_audited(f);
	stop_daemon(f);
	change(f, 2, false);
	restart(f);
	assert_true(becomes(is_in_force, f));
	stop_daemon(f);
	change(f, 3, false);
	truncate_tables(f);
	restart(f);
	assert_true(becomes(is_refused, f));
}

/* What a daemon left that kept less than this one. */
static void forget_policies(const struct fixture *f)
{
	_cleanup_free_ char *path = sample_path(f->dir, "state/enrolled.json"), *text = NULL;
	json_auto_t *list = json_load_file(path, 0, NULL);
	json_t *c = json_array_get(list, 0);

	assert_int_equal(json_object_del(c, "policy_sha256"), 0);
	assert_int_equal(json_object_del(c, "policy_since_ns"), 0);
	assert_int_equal(json_object_del(c, "own_mode"), 0);
	text = json_dumps(list, 0);
	sample_write(path, text, strlen(text));
}

static void policies_of_a_daemon_that_kept_no_sums_are_put_in_force(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-policies-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	restart(f);
	enroll_audited(f);
	stop_daemon(f);
	forget_policies(f);
	restart(f);
	assert_true(becomes(is_in_force, f));
	assert_true(is_audit(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policies_changed_is_put_in_force),
		T(policies_written_in_place_is_put_in_force_when_it_is_whole),
		T(policies_put_in_force_lose_no_count),
		T(policies_that_are_bad_leave_the_old_in_force),
		T(policies_are_taken_only_signed_where_there_is_a_key),
		T(policies_mode_switches_the_container_and_outlives_policy_and_daemon),
		T(policies_mode_does_not_end_a_signature),
		T(policies_made_from_too_little_refuse_to_enforce_unless_forced),
		T(policies_made_from_too_little_fall_back_to_audit),
		T(policies_mode_of_what_is_no_name_is_refused),
		T(policies_elsewhere_are_looked_at_on_sighup),
		T(policies_dir_that_comes_later_is_watched),
		T(policies_changed_while_no_daemon_ran_are_put_in_force_by_the_next),
		T(policies_of_a_daemon_that_kept_no_sums_are_put_in_force),
	};
	int r = cannot_run();

	return r ? r : cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
