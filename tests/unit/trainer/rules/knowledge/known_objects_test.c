/* SPDX-License-Identifier: Apache-2.0 */
/* The base and packs in a policy: known where no run was, and nothing else is judged otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/path_text.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/train.h"

/* The kernel forms of policies of the same runs, with and without the base. */
struct fixture {
	struct corpus corpus;
	struct knowledge_set set;
	struct policy *with;
	struct lutra_policy *with_image, *without_image;
};

static struct policy *train_fixture(struct fixture *f, bool known, struct lutra_policy **ret)
{
	const struct train_options options = {.image = "made",
					      .seed = 1,
					      .threads = 1,
					      .knowledge = known ? &f->set : NULL,
					      .mode = TRAIN_MODE_DEFAULT};
	struct policy *p = NULL;
	struct err err = {""};

	*ret = calloc(1, sizeof(**ret));
	if (!*ret || train_policy(&f->corpus, &options, NULL, &p, &err) < 0 ||
	    policy_check(p, &err) < 0 || policy_to_kernel(p, 1, *ret, &err) < 0) {
		fail_msg("%s", err.msg);
		abort();
	}
	/* Every operation is judged. */
	(*ret)->ops = UINT32_MAX;
	return p;
}

static void train_both(struct fixture *f)
{
	policy_free(train_fixture(f, false, &f->without_image));
	f->with = train_fixture(f, true, &f->with_image);
}

static int known_objects_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;

	*state = f;
	return corpus_init(&f->corpus) < 0 ? -1 : knowledge_load("policies", &f->set, &err);
}

static int known_objects_teardown(void **state)
{
	struct fixture *f = *state;

	knowledge_set_done(&f->set);
	corpus_done(&f->corpus);
	policy_free(f->with);
	free(f->with_image);
	free(f->without_image);
	free(f);
	return 0;
}

static uint8_t rule_of(const struct lutra_policy *image, const struct lutra_object *o,
		       const char *path, uint8_t role)
{
	struct lutra_judgement j = {0};
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path ? path : "?", path ? strlen(path) : 1, &parsed);
	lutra_judge_object(image, o, &parsed, role, fold, &j);
	return j.rule;
}

static struct lutra_object file_object(uint8_t op, bool write, unsigned type)
{
	return (struct lutra_object){.op = op,
				     .flags = LUTRA_OBJ_PATH | (write ? LUTRA_OBJ_WRITE : 0),
				     .mode = (uint16_t)(type << 12)};
}

static void add_service_runs(struct fixture *f)
{
	made_run_service(&f->corpus, "a", 1, 50);
	made_run_service(&f->corpus, "b", 2, 50);
	made_run_service(&f->corpus, "c", 3, 50);
}

static void known_objects_are_known_in_their_roles(void **state)
{
	struct fixture *f = *state;
	struct lutra_object read = file_object(LUTRA_OP_OPEN, false, 8);
	struct lutra_object write = file_object(LUTRA_OP_OPEN, true, 8);
	struct lutra_object ask = {.op = LUTRA_OP_CONNECT,
				   .family = LUTRA_AF_INET,
				   .addr_class = LUTRA_ADDR_LOOPBACK,
				   .port = 53};

	add_service_runs(f);
	train_both(f);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		assert_int_equal(
			rule_of(f->with_image, &read, "/usr/share/zoneinfo/Asia/Tokyo", role),
			LUTRA_RULE_NONE);
		if (role != LUTRA_ROLE_STEADY && role != LUTRA_ROLE_SESSION) {
			assert_int_not_equal(rule_of(f->with_image, &write, "/tmp/loot", role),
					     LUTRA_RULE_NONE);
			continue;
		}
		assert_int_equal(rule_of(f->with_image, &read, "/etc/resolv.conf", role),
				 LUTRA_RULE_NONE);
		assert_int_equal(rule_of(f->with_image, &write, "/tmp/anything", role),
				 LUTRA_RULE_NONE);
		assert_int_equal(rule_of(f->with_image, &ask, NULL, role), LUTRA_RULE_NONE);
	}
	assert_int_not_equal(rule_of(f->with_image, &read, "/etc/passwd", LUTRA_ROLE_STEADY),
			     LUTRA_RULE_NONE);
	ask.port = 4444;
	assert_int_equal(rule_of(f->with_image, &ask, NULL, 1), LUTRA_RULE_CONNECT);
	ask.port = 53;
	ask.addr_class = LUTRA_ADDR_PUBLIC;
	assert_int_equal(rule_of(f->with_image, &ask, NULL, 1), LUTRA_RULE_CONNECT);
	assert_int_equal(f->with->n_known, 1);
	assert_string_equal(f->with->known[0].name, "base");
	assert_true(f->with->known[0].objects > 100);
	assert_int_equal(f->with->known[0].left_out, 0);
}

/* Attacks whose first step is near something that the base knows. */
static const char *const paths[] = {
	"/etc/passwd",
	"/etc/shadow",
	"/etc/ld.so.preload",
	"/etc/resolv.conf",
	"/etc/cron.d/x",
	"/proc/1/environ",
	"/proc/1/mem",
	"/proc/1/maps",
	"/proc/sys/kernel/x",
	"/proc/sys/vm/drop_caches",
	"/proc/sys/kernel/core_pattern",
	"/proc/sysrq-trigger",
	"/sys/fs/cgroup/release_agent",
	"/sys/fs/cgroup/x/y",
	"/sys/devices/system/cpu/cpu1/online",
	"/sys/kernel/uevent_helper",
	"/dev/sda",
	"/dev/mem",
	"/dev/shm/a/b",
	"/tmp/x.php",
	"/tmp/a/b/c",
	"/tmp/libx.so",
	"/usr/share/zoneinfo",
	"/usr/share/x",
	"/usr/lib/locale/x",
	"/usr/bin/sh",
	"/run/docker.sock",
	"/run/nscd/x",
	"/run/secrets/token",
	"/root/.ssh/id_rsa",
	"/var/tmp/.x.sh",
	"/home/u/.bashrc",
};
static const uint8_t ops[] = {
	LUTRA_OP_OPEN,	    LUTRA_OP_EXEC,    LUTRA_OP_MAPX,	 LUTRA_OP_UNLINK,
	LUTRA_OP_RENAME_TO, LUTRA_OP_LINK_TO, LUTRA_OP_SYMLINK,	 LUTRA_OP_CHMOD,
	LUTRA_OP_CHOWN,	    LUTRA_OP_MKNOD,   LUTRA_OP_SETXATTR,
};

/* The base changes the verdict on what it lists, and on scratch files that are no programs. */
static void check_verdict(struct fixture *f, const char *path, uint8_t op, bool write)
{
	struct lutra_object o = file_object(op, write, 8);
	uint8_t with = rule_of(f->with_image, &o, path, LUTRA_ROLE_STEADY);
	uint8_t without = rule_of(f->without_image, &o, path, LUTRA_ROLE_STEADY);
	bool listed = op == LUTRA_OP_OPEN && !write && strcmp(path, "/etc/resolv.conf") == 0;
	bool scratch = strncmp(path, "/tmp/", 5) == 0 || strncmp(path, "/var/tmp/", 9) == 0;

	if (listed || (scratch && with == LUTRA_RULE_NONE))
		assert_int_equal(with, LUTRA_RULE_NONE);
	else if (with != without)
		fail_msg("%s, operation %d: rule %d, without the base %d", path, op, with, without);
	if (scratch && (op == LUTRA_OP_EXEC || op == LUTRA_OP_MAPX))
		assert_int_not_equal(with, LUTRA_RULE_NONE);
}

/*
 * A file of /tmp that is read may be an intruder's. To read one alerts and is not refused; all else
 * there is judged as without the base.
 */
static void known_objects_that_alert_are_told_and_not_refused(void **state)
{
	static const char *const read[] = {"/tmp/x.php", "/tmp/a/b", "/var/tmp/x", "/dev/shm/x"};
	const struct lutra_object o = file_object(LUTRA_OP_OPEN, false, 8);
	struct fixture *f = *state;

	add_service_runs(f);
	train_both(f);
	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
		struct lutra_judgement steady = made_policy_judge(f->with, o, read[i], 1);
		struct lutra_judgement spawned = made_policy_judge(f->with, o, read[i], 2);

		assert_int_equal(steady.rule, LUTRA_RULE_OPEN_READ_PROTECTED);
		assert_true(steady.varies);
		assert_int_equal(spawned.rule, LUTRA_RULE_OPEN_READ_PROTECTED);
		assert_false(spawned.varies);
	}
	assert_false(made_policy_judge(f->with, file_object(LUTRA_OP_EXEC, false, 8), "/tmp/x", 1)
			     .varies);
}

static void known_objects_change_no_other_verdict(void **state)
{
	struct fixture *f = *state;

	add_service_runs(f);
	train_both(f);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (size_t op = 0; op < 2 * sizeof(ops); op++)
			check_verdict(f, paths[i], ops[op % sizeof(ops)], op >= sizeof(ops));
}

/* What the runs did in a directory counts: the base does not make it a wildcard. */
static void known_objects_leave_alone_what_the_runs_used(void **state)
{
	struct fixture *f = *state;
	struct lutra_object write = file_object(LUTRA_OP_OPEN, true, 8);

	for (int r = 0; r < 3; r++) {
		char file[2] = {(char)('a' + r), 0};
		struct made_run m = made_run_new(&f->corpus);

		made_run_syscall(&m, 1, SYS_accept);
		made_run_open(&m, 1, "/tmp/app.sock.lock", true);
		made_run_end(&m, file, false);
	}
	train_both(f);
	assert_int_equal(rule_of(f->with_image, &write, "/tmp/app.sock.lock", 1), LUTRA_RULE_NONE);
	assert_int_equal(rule_of(f->with_image, &write, "/tmp/other", 1),
			 rule_of(f->without_image, &write, "/tmp/other", 1));
	assert_int_equal(rule_of(f->with_image, &write, "/var/tmp/other", 1), LUTRA_RULE_NONE);
}

/* A container begins with a program that no run executes: the record of its first task has the path. */
static bool has_pack(struct fixture *f, const char *program)
{
	const struct lutra_record arm = {
		.type = LUTRA_RECORD_ARM, .tid = 1, .tgid = 1, .nr = LUTRA_NR_NONE};
	struct made_run m = made_run_new(&f->corpus);

	assert_int_equal(made_run_record(&m, arm, program), 0);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, program, false);
	policy_free(f->with);
	free(f->with_image);
	f->with = train_fixture(f, true, &f->with_image);
	for (size_t i = 0; i < f->with->n_known; i++)
		if (strcmp(f->with->known[i].name, "redis") == 0)
			return true;
	return false;
}

static void known_objects_of_the_first_program(void **state)
{
	struct fixture *f = *state;

	assert_false(has_pack(f, "/usr/bin/redis-serve"));
	assert_false(has_pack(f, "/usr/bin/redis-server2"));
	assert_false(has_pack(f, "redis-server"));
	assert_true(has_pack(f, "/usr/bin/redis-server"));
}

/*
 * Adds three runs of a program, each of which writes a file. Each "?" of the path is another letter in
 * each run: the directory that it is in becomes a wildcard.
 */
static void add_runs_of(struct fixture *f, const char *program, const char *path)
{
	const struct lutra_record arm = {
		.type = LUTRA_RECORD_ARM, .tid = 1, .tgid = 1, .nr = LUTRA_NR_NONE};

	for (int r = 0; r < 3; r++) {
		char file[2] = {(char)('a' + r), 0}, of_run[128];
		struct made_run m = made_run_new(&f->corpus);

		snprintf(of_run, sizeof(of_run), "%s", path);
		for (char *s = of_run; (s = strchr(s, '?')) != NULL; s++)
			*s = file[0];
		assert_int_equal(made_run_record(&m, arm, program), 0);
		made_run_syscall(&m, 1, SYS_accept);
		made_run_open(&m, 1, of_run, true);
		made_run_end(&m, file, false);
	}
}

/* What a pack says of the inside of a directory holds for all that a wildcard of the runs merged. */
static void known_objects_of_packs_go_through_wildcards(void **state)
{
	struct fixture *f = *state;
	struct lutra_object write = file_object(LUTRA_OP_OPEN, true, 8);

	add_runs_of(f, "/usr/sbin/nginx", "/var/lib/nginx/?/data");
	train_both(f);
	assert_int_equal(rule_of(f->with_image, &write, "/var/lib/nginx/z/data", 1),
			 LUTRA_RULE_NONE);
	assert_int_not_equal(rule_of(f->without_image, &write, "/var/lib/nginx/body/0012", 1),
			     LUTRA_RULE_NONE);
	assert_int_equal(rule_of(f->with_image, &write, "/var/lib/nginx/body/0012", 1),
			 LUTRA_RULE_NONE);
	assert_int_equal(rule_of(f->with_image, &write, "/var/lib/nginx/body/loot", 1),
			 rule_of(f->without_image, &write, "/var/lib/nginx/body/loot", 1));
	assert_int_equal(rule_of(f->with_image, &write, "/var/lib/nginx/loot", 1),
			 rule_of(f->without_image, &write, "/var/lib/nginx/loot", 1));
}

/* Temporary files of parallel queries are in a directory of their own, below two wildcards. */
static void known_objects_of_packs_name_directories_in_a_wildcard(void **state)
{
	static const char fileset[] =
		"/var/lib/postgresql/15/main/base/pgsql_tmp/pgsql_tmp7.0.fileset";
	const struct lutra_object write = file_object(LUTRA_OP_OPEN, true, 8);
	const struct lutra_object make = file_object(LUTRA_OP_MKDIR, false, 0);
	struct fixture *f = *state;
	char path[128];

	add_runs_of(f, "/usr/lib/postgresql/15/bin/postgres",
		    "/var/lib/postgresql/15/main/?/?/?.dat");
	train_both(f);
	assert_int_not_equal(rule_of(f->without_image, &make, fileset, 1), LUTRA_RULE_NONE);
	assert_int_equal(rule_of(f->with_image, &make, fileset, 1), LUTRA_RULE_NONE);
	snprintf(path, sizeof(path), "%s/0.3.0", fileset);
	assert_int_not_equal(rule_of(f->without_image, &write, path, 1), LUTRA_RULE_NONE);
	assert_int_equal(rule_of(f->with_image, &write, path, 1), LUTRA_RULE_NONE);
	snprintf(path, sizeof(path), "%s/loot", fileset);
	assert_int_not_equal(rule_of(f->with_image, &write, path, 1), LUTRA_RULE_NONE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, known_objects_setup, known_objects_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(known_objects_are_known_in_their_roles),
		T(known_objects_change_no_other_verdict),
		T(known_objects_that_alert_are_told_and_not_refused),
		T(known_objects_leave_alone_what_the_runs_used),
		T(known_objects_of_the_first_program),
		T(known_objects_of_packs_go_through_wildcards),
		T(known_objects_of_packs_name_directories_in_a_wildcard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
