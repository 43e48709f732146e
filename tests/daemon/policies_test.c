/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that change on disk under a daemon and a container: what is good is put in force and
 * loses no count, what is bad is said and changes nothing; modes that outlive policy and daemon.
 */
#include "tests/support/daemon/shop.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <signal.h>
#include "tests/support/old_policy.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "lib/base/file.h"
#include "lib/base/cleanup.h"
#include "lib/policy/files/policy_format.h"
#include "user/sys/process/child.h"

#define ROUNDS 3
#define CHUNK 5000 /* bytes that dd copies one at a time: two calls each */

/* ---- good ---- */

static void policies_changed_is_put_in_force(void **state)
{
	struct fixture *f = *state;

	shop_enroll_audited(f);
	for (int32_t threshold = 2; threshold < 5; threshold++) {
		shop_change_policy(f, threshold, false);
		assert_true(lutrad_becomes(shop_is_applied, f));
	}
}

static bool has_level_event(struct fixture *f)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return file_read(AT_FDCWD, f->jsonl, 1 << 24, &text, &len, NULL) == 0 &&
	       strstr(text, "lutra learn --image example.org/shop:1 --anew") != NULL;
}

/* Such a policy is in force, but for its level; the status and one event say so. */
static void policies_of_an_older_lutra_are_in_force_without_their_level(void **state)
{
	struct fixture *f = *state;
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	json_auto_t *on = NULL, *off = NULL, *gone = NULL;

	shop_enroll_audited(f);
	on = shop_member(f, "level_off");
	assert_true(json_is_false(on));
	p->mode = LUTRA_MODE_AUDIT;
	old_policy_save(p, f->policy);
	assert_true(lutrad_becomes(shop_is_applied, f));
	off = shop_member(f, "level_off");
	assert_true(json_is_true(off));
	assert_true(lutrad_becomes(has_level_event, f));
	shop_change_policy(f, 7, false);
	assert_true(lutrad_becomes(shop_is_applied, f));
	gone = shop_member(f, "level_off");
	assert_true(json_is_false(gone));
}

/* As an editor or cp does it: the files one after the other, in the old directory. */
static void policies_written_in_place_is_put_in_force_when_it_is_whole(void **state)
{
	static const char *const files[] = {POLICY_JSON_FILE, POLICY_TABLES_FILE};
	struct fixture *f = *state;
	_cleanup_free_ char *next = scratch_path(f->dir, "next");
	char *policy = f->policy;

	shop_enroll_audited(f);
	f->policy = next;
	shop_change_policy(f, 9, false);
	f->policy = policy;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *from = scratch_path(next, files[i]);
		_cleanup_free_ char *to = scratch_path(policy, files[i]), *data = NULL;
		size_t len;

		assert_int_equal(file_read(AT_FDCWD, from, 1 << 24, &data, &len, NULL), 0);
		scratch_write(to, data, len);
	}
	assert_true(lutrad_becomes(shop_is_applied, f));
}

/* The writing end of the pipe that dd copies. */
static int copy_pipe;

/* Returns true if dd has copied all that was written, and waits for more. */
static bool is_waiting_for_more(struct fixture *f)
{
	char path[64], call[8] = "";
	int left = 1, fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", f->child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)!read(fd, call, sizeof(call) - 1);
	close(fd);
	/* read of descriptor 0 */
	return ioctl(copy_pipe, FIONREAD, &left) == 0 && left == 0 && !strncmp(call, "0 0x0 ", 6);
}

/* Starts a dd that copies byte by byte. Its start is over when it waits. */
static void start_copy(struct fixture *f)
{
	_cleanup_free_ char *fifo = scratch_path(f->dir, "fifo"), *in = NULL;
	char dd[] = "/bin/dd", out[] = "of=/dev/null", bs[] = "bs=1", quiet[] = "status=none";
	char *argv[] = {dd, NULL, out, bs, quiet, NULL};
	sigset_t none;

	assert_true(asprintf(&in, "if=%s", fifo) > 0);
	argv[1] = in;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	copy_pipe = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_true(copy_pipe >= 0);
	unlink(fifo);
	assert_true(lutrad_becomes(is_waiting_for_more, f));
}

/* At the end of the pipe dd ends. */
static void end_copy(struct fixture *f)
{
	close(copy_pipe);
	assert_int_equal(lutrad_exit_code(f->child), 0);
	f->child = 0;
}

static void policies_put_in_force_lose_no_count(void **state)
{
	static const char zeros[CHUNK];
	struct fixture *f = *state;
	json_int_t before;

	shop_enroll_audited(f);
	start_copy(f);
	before = shop_calls(f);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(file_write_all(copy_pipe, zeros, sizeof(zeros)), 0);
		shop_change_policy(f, 100 + i, false);
		assert_true(lutrad_becomes(shop_is_applied, f));
	}
	assert_true(lutrad_becomes(is_waiting_for_more, f));
	assert_int_equal(shop_calls(f) - before, 2 * ROUNDS * CHUNK);
	end_copy(f);
}

/* ---- bad ---- */

static void truncate_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_TABLES_FILE);

	assert_int_equal(truncate(path, 1000), 0);
}

static void flip_in_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_TABLES_FILE), *data = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 24, &data, &len, NULL), 0);
	data[len / 2] ^= 1;
	scratch_write(path, data, len);
}

static void write_json(const struct fixture *f, const char *text)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_JSON_FILE);

	scratch_write(path, text, strlen(text));
}

static void write_garbage(const struct fixture *f)
{
	write_json(f, "{\"format\": 1, \x1b[2J\n\xff");
}

static void write_nothing(const struct fixture *f)
{
	write_json(f, "");
}

static void grow_json(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_JSON_FILE);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 1ll << 30), 0);
}

static void grow_tables(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_TABLES_FILE);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 1ll << 30), 0);
}

static void fifo_as_json(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_JSON_FILE);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void remove_json(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_JSON_FILE);

	assert_int_equal(unlink(path), 0);
}

static void remove_all(const struct fixture *f)
{
	_cleanup_free_ char *away = scratch_path(f->dir, ".away");

	assert_int_equal(rename(f->policy, away), 0);
	scratch_remove(TAKE_PTR(away));
}

static void policies_that_are_bad_leave_the_old_in_force(void **state)
{
	static const struct {
		const char *name;
		void (*damage)(const struct fixture *f);
	} cases[] = {
		{"truncated tables", truncate_tables},
		{"another table", flip_in_tables},
		{"garbage", write_garbage},
		{"nothing", write_nothing},
		{"a gigabyte of policy.json", grow_json},
		{"a gigabyte of tables", grow_tables},
		{"a fifo", fifo_as_json},
		{"no policy.json", remove_json},
		{"no directory", remove_all},
	};
	struct fixture *f = *state;
	char sha256[POLICY_SHA256_TEXT];

	shop_enroll_audited(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		shop_policy_sha256(f, sha256);
		cases[i].damage(f);
		assert_true(lutrad_becomes(shop_is_refused, f));
		assert_true(shop_has_text(f, "policy_sha256", sha256));
		assert_false(shop_has_text(f, "policy_error", "\n"));
		/* What is there now cannot be enrolled either. */
		assert_null(lutrad_enroll(f, "other", NULL));
		shop_change_policy(f, 50 + (int32_t)i, false);
		assert_true(lutrad_becomes(shop_is_applied, f));
	}
}

/* ---- where the watch does not reach ---- */

static void policies_elsewhere_are_looked_at_on_sighup(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *elsewhere = scratch_path(f->dir, "else");
	json_auto_t *answer = NULL;

	assert_int_equal(mkdir(elsewhere, 0755), 0);
	free(f->policy);
	f->policy = scratch_path(elsewhere, "shop");
	shop_change_policy(f, 1, false);
	answer = lutrad_ask(f, "enroll",
			    json_pack("{s:s, s:s, s:s}", "cgroup", f->cgroup, "policy", f->policy,
				      "name", "shop"),
			    NULL);
	assert_non_null(answer);
	remove_all(f);
	assert_true(lutrad_becomes(shop_is_refused, f));
	shop_change_policy(f, 2, false);
	kill(f->daemon, SIGHUP);
	assert_true(lutrad_becomes(shop_is_applied, f));
}

/* As when a whole policies.d is replaced. */
static void policies_dir_that_comes_later_is_watched(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *dir = scratch_path(f->dir, "later");
	json_auto_t *answer = NULL;

	free(f->policy);
	f->policy = scratch_path(dir, "shop");
	f->policies_dir = dir;
	lutrad_restart(f);
	assert_int_equal(mkdir(dir, 0755), 0);
	shop_change_policy(f, 1, false);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
	remove_all(f);
	assert_true(lutrad_becomes(shop_is_refused, f));
	shop_change_policy(f, 2, false);
	assert_true(lutrad_becomes(shop_is_applied, f));
}

static void policies_changed_while_no_daemon_ran_are_put_in_force_by_the_next(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-policies-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	lutrad_restart(f);
	shop_enroll_audited(f);
	lutrad_stop(f);
	shop_change_policy(f, 2, false);
	lutrad_restart(f);
	assert_true(lutrad_becomes(shop_is_applied, f));
	lutrad_stop(f);
	shop_change_policy(f, 3, false);
	truncate_tables(f);
	lutrad_restart(f);
	assert_true(lutrad_becomes(shop_is_refused, f));
}

/* What a daemon left that kept less than this one. */
static void forget_policies(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "state/enrolled.json"), *text = NULL;
	json_auto_t *list = json_load_file(path, 0, NULL);
	json_t *c = json_array_get(list, 0);

	assert_int_equal(json_object_del(c, "policy_sha256"), 0);
	assert_int_equal(json_object_del(c, "policy_since_ns"), 0);
	assert_int_equal(json_object_del(c, "own_mode"), 0);
	text = json_dumps(list, 0);
	scratch_write(path, text, strlen(text));
}

static void policies_of_a_daemon_that_kept_no_sums_are_put_in_force(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-policies-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	lutrad_restart(f);
	shop_enroll_audited(f);
	lutrad_stop(f);
	forget_policies(f);
	lutrad_restart(f);
	assert_true(lutrad_becomes(shop_is_applied, f));
	assert_true(shop_is_audit(f));
}

/* The list of policies is bounded; how many there are is told beyond that. */
static void policies_are_counted_beyond_the_list(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	char name[32];

	for (int i = 0; i < 260; i++) {
		_cleanup_free_ char *path = NULL;

		snprintf(name, sizeof(name), "a%03d", i);
		path = scratch_path(f->policies_dir, name);
		assert_int_equal(symlink(f->policy, path), 0);
	}
	answer = lutrad_ask(f, "policies", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "policies")), 256);
	assert_int_equal(json_integer_value(json_object_get(answer, "total")), 261);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policies_changed_is_put_in_force),
		T(policies_of_an_older_lutra_are_in_force_without_their_level),
		T(policies_written_in_place_is_put_in_force_when_it_is_whole),
		T(policies_put_in_force_lose_no_count),
		T(policies_that_are_bad_leave_the_old_in_force),
		T(policies_elsewhere_are_looked_at_on_sighup),
		T(policies_are_counted_beyond_the_list),
		T(policies_dir_that_comes_later_is_watched),
		T(policies_changed_while_no_daemon_ran_are_put_in_force_by_the_next),
		T(policies_of_a_daemon_that_kept_no_sums_are_put_in_force),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
