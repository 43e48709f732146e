/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs and libraries that an exec session wrote. A service lives in an overlay of this host's
 * root, and sessions join it, as a runtime's exec does. Either does what the test tells it: a list
 * of operations, a letter and paths each, with ";" between them. What an audited session runs of the
 * image is tested here too, since it takes the same overlay.
 *
 * The recorded flag is compared with what replays find from the records alone.
 */
#include "tests/support/bpf/test_program.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "lib/base/cleanup.h"
#include "lib/replay/replay.h"
#include "lutra/object_token.h"
#include "tests/support/bpf/file_operations.h"
#include "tests/support/bpf/kernel_policy.h"

#define BASE "/tmp/lutra-test-written"
#define IMAGE BASE "/image"
#define ROOT BASE "/root"
#define TREE "/lutra-written" /* in the root: the files of the test */
#define PROGRAM TREE "/true"

static const char *worker_arg;

/* ---- workers ---- */

static const char *const image_files[] = {"replaced", "rewritten", "edited", "held",
					  "mapped",   "moded",	   "fixed"};

static bool make_image(void)
{
	char path[PATH_MAX];

	if (mkdir(IMAGE, 0755) < 0 || mkdir(BASE "/upper", 0755) < 0 ||
	    mkdir(BASE "/work", 0755) < 0 || mkdir(ROOT, 0755) < 0 || mkdir(IMAGE TREE, 0755) < 0 ||
	    mkdir(IMAGE TREE "/tmpfs", 0755) < 0 ||
	    !write_program("/bin/true", IMAGE PROGRAM, O_CREAT))
		return false;
	for (size_t i = 0; i < sizeof(image_files) / sizeof(image_files[0]); i++) {
		snprintf(path, sizeof(path), IMAGE TREE "/%s", image_files[i]);
		if (!write_program("/bin/true", path, O_CREAT))
			return false;
	}
	return true;
}

static bool mount_root(void)
{
	return mount("overlay", ROOT, "overlay", 0,
		     "lowerdir=" IMAGE ":/,upperdir=" BASE "/upper,workdir=" BASE "/work") == 0 &&
	       mount("tmpfs", ROOT TREE "/tmpfs", "tmpfs", 0, NULL) == 0 &&
	       mount("sysfs", ROOT "/sys", "sysfs", MS_RDONLY, NULL) == 0 &&
	       mount("proc", ROOT "/proc", "proc", 0, NULL) == 0;
}

static int work_enter(void)
{
	mkdir(BASE, 0755);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0)
		return 2;
	if (!make_image() || !mount_root())
		return 3;
	if (chroot(ROOT) < 0 || chdir("/") < 0)
		return 4;
	execl("/proc/self/exe", "worker", "--worker", "service", worker_arg, NULL);
	return 5;
}

/* Answers each list of operations with a byte: how many went wrong. */
static int work_service(void)
{
	char list[OPERATIONS + 1], wrong = 0;
	int in, out;
	ssize_t n;

	if (!worker_arg || sscanf(worker_arg, "%d %d", &in, &out) != 2 ||
	    write(out, &wrong, 1) != 1)
		return 1;
	while ((n = read(in, list, OPERATIONS)) > 0) {
		list[n] = '\0';
		wrong = (char)do_operations(PROGRAM, list);
		if (write(out, &wrong, 1) != 1)
			return 1;
	}
	return 0;
}

/* Joins the service's mounts and root as a runtime does, and executes itself there. */
static int work_join(void)
{
	char path[64];
	int pid, ns, root;

	if (!worker_arg || sscanf(worker_arg, "%d", &pid) != 1)
		return 100;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (setns(ns, CLONE_NEWNS) < 0 || fchdir(root) < 0 || chroot(".") < 0)
		return 101;
	execl("/proc/self/exe", "worker", "--worker", "session", strchr(worker_arg, ' '), NULL);
	return 102;
}

static int work_session(void)
{
	char list[OPERATIONS + 1];

	snprintf(list, sizeof(list), "%s", worker_arg ? worker_arg : "");
	return do_operations(PROGRAM, list);
}

static const struct worker workers[] = {{"enter", work_enter},
					{"service", work_service},
					{"join", work_join},
					{"session", work_session}};

/* ---- tests ---- */

/* The service of a test. */
struct service {
	struct box *box;
	struct child *child;
	int to, from;
};

static void wait_answer(struct service *s, const char *what)
{
	char wrong = -1;

	assert_int_equal(read(s->from, &wrong, 1), 1);
	if (wrong)
		fail_msg("the service: %d operations of \"%s\" went wrong", wrong, what);
}

/* p: judges in mode audit; NULL: it is recorded alone. */
static void service_start(struct service *s, struct box *b, const struct policy *p)
{
	struct guard_enrolment e = {.cgroup = b->cgroup,
				    .policy = p,
				    .mode = p ? LUTRA_MODE_AUDIT : LUTRA_MODE_LEARN,
				    .record = true,
				    .sessions = true};
	struct err err = {};
	int to[2], from[2];
	char arg[32];

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	assert_int_equal(pipe(to) | pipe(from), 0);
	snprintf(arg, sizeof(arg), "%d %d", to[0], from[1]);
	*s = (struct service){b, box_fork(b, "enter", arg), to[1], from[0]};
	close(to[0]);
	close(from[1]);
	assert_int_equal(box_cgroup_join(b->cgroup, s->child->pid), 0);
	box_child_go(s->child);
	wait_answer(s, "start");
}

static void service_do(struct service *s, const char *list)
{
	assert_int_equal(write(s->to, list, strlen(list)), strlen(list));
	wait_answer(s, list);
}

static void session_do(struct service *s, const char *list)
{
	char arg[OPERATIONS];
	int status;

	snprintf(arg, sizeof(arg), "%d %s", s->child->pid, list);
	status = box_run(s->box, "join", arg);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("a session: \"%s\": status %#x", list, status);
}

static void service_end(struct service *s)
{
	kill(s->child->pid, SIGKILL);
	close(s->to);
	close(s->from);
	box_child_wait(s->child);
	guard_drain(s->box->guard);
	rmdir(BASE);
}

/* Of the last record of an operation on a path: is the file updated? -1: there is no record. */
static int is_updated(const struct box *b, unsigned op, const char *path)
{
	int updated = -1;

	for (size_t i = 0; i < b->n_records; i++) {
		const struct seen_record *r = &b->records[i];

		if (r->rec.type == LUTRA_RECORD_OBJECT && (uint8_t)r->rec.arg == op &&
		    !strcmp(r->str, path))
			updated = (r->rec.arg >> 8 & LUTRA_OBJ_UPDATED) != 0;
	}
	return updated;
}

/* A replay of the records without the flag finds the same. Returns how many differ. */
static size_t count_other_replayed(const struct box *b)
{
	_cleanup_(replay_freep) struct replay *replay = NULL;
	struct policy *p = kernel_policy_new();
	struct replay_step step;
	size_t wrong = 0;

	assert_int_equal(replay_new(&replay, p, LUTRA_MODE_AUDIT, NULL), 0);
	for (size_t i = 0; i < b->n_records; i++) {
		const struct seen_record *r = &b->records[i];
		struct lutra_record rec = r->rec;
		bool object = rec.type == LUTRA_RECORD_OBJECT, updated;

		if (object)
			rec.arg &= ~((uint64_t)LUTRA_OBJ_UPDATED << 8);
		if (replay_next(replay, &rec, r->str, strlen(r->str), &step) != 1 || !object)
			continue;
		updated = step.object.flags & LUTRA_OBJ_UPDATED;
		if (updated == (rec.arg != r->rec.arg))
			continue;
		print_message("# replay: %s %s\n", r->str, updated ? "updated" : "not updated");
		wrong++;
	}
	policy_free(p);
	return wrong;
}

#define SESSION 1
#define SERVICE 0

/* Who does what, until nothing is left; then the service maps the file. */
struct written_case {
	const char *path;
	bool updated;
	bool not_replayed; /* what makes the difference is in no record */
	bool hook_only;	   /* through the fallback the file is not updated, and replayed as it is */
	struct {
		int who;
		const char *list;
	} step[4];
};

#define F(name) TREE "/" name

static const struct written_case cases[] = {
	/* As a package manager replaces a file. */
	{.path = F("replaced"),
	 .updated = true,
	 .step = {{SESSION, "c " F("replaced") " " F("new") "; v " F("new") " " F("replaced")}}},
	/* Overlayfs has the copy that it just made open for writing at the exit of the system call. */
	{.path = F("rewritten"),
	 .updated = true,
	 .hook_only = true,
	 .step = {{SESSION, "t " F("rewritten")}}},
	{.path = F("served"), .step = {{SERVICE, "c " PROGRAM " " F("served")}}},
	{.path = F("tampered"),
	 .step = {{SESSION, "c " PROGRAM " " F("tampered")}, {SERVICE, "a " F("tampered")}}},
	/* A session that adds to a file of the service does not make it an operator's. */
	{.path = F("touched"),
	 .step = {{SERVICE, "c " PROGRAM " " F("touched")}, {SESSION, "a " F("touched")}}},
	{.path = F("taken"),
	 .updated = true,
	 .step = {{SERVICE, "c " PROGRAM " " F("taken")}, {SESSION, "t " F("taken")}}},
	/* The service can write to it, though it opened it before. */
	{.path = F("held"),
	 .not_replayed = true,
	 .step = {{SERVICE, "h " F("held")}, {SESSION, "t " F("held")}, {SERVICE, "r"}}},
	{.path = F("mapped"),
	 .not_replayed = true,
	 .step = {{SERVICE, "s " F("mapped")}, {SESSION, "t " F("mapped")}, {SERVICE, "r"}}},
	{.path = F("linked"),
	 .updated = true,
	 .step = {{SESSION, "c " PROGRAM " " F("linked-0")},
		  {SERVICE, "l " F("linked-0") " " F("linked")}}},
	{.path = F("other"),
	 .step = {{SESSION, "c " PROGRAM " " F("other-0") "; l " F("other-0") " " F("other")},
		  {SERVICE, "a " F("other-0")}}},
	{.path = F("again"),
	 .step = {{SESSION, "c " PROGRAM " " F("again")},
		  {SERVICE, "u " F("again") "; c " PROGRAM " " F("again")}}},
	{.path = F("tainted"),
	 .step = {{SERVICE, "c " PROGRAM " " F("script")},
		  {SESSION, "x " F("script") "; m " F("script") "; c " PROGRAM " " F("tainted")}}},
	{.path = F("tmpfs/file"), .step = {{SESSION, "c " PROGRAM " " F("tmpfs/file")}}},
};

/* A session may copy what it reads. */
static const struct written_case readers[] = {
	{.path = F("copied"),
	 .step = {{SERVICE, "c " PROGRAM " " F("upload")},
		  {SESSION, "c " F("upload") " " F("copied")}}},
	{.path = F("redirected"),
	 .not_replayed = true,
	 .step = {{SESSION, "d " F("upload") " " F("redirected")}}},
	{.path = F("printed"),
	 .not_replayed = true,
	 .step = {{SESSION, "X " F("upload") " " F("printed")}}},
	{.path = F("after"), .step = {{SESSION, "o " F("upload") "; f " PROGRAM " " F("after")}}},
	/* An open that would make the file reads it if there is one. */
	{.path = F("both"), .step = {{SESSION, "w " F("upload") "; f " PROGRAM " " F("both")}}},
	{.path = F("locked"),
	 .updated = true,
	 .step = {{SESSION, "w " F("lock")},
		  {SESSION, "w " F("lock") "; c " PROGRAM " " F("locked")}}},
	{.path = F("threads"),
	 .not_replayed = true,
	 .step = {{SESSION, "O " F("upload") "; f " PROGRAM " " F("threads")}}},
	{.path = F("of-tmpfs"),
	 .not_replayed = true,
	 .step = {{SERVICE, "c " PROGRAM " " F("tmpfs/upload")},
		  {SESSION, "c " F("tmpfs/upload") " " F("of-tmpfs")}}},
	{.path = F("renamed"),
	 .step = {{SESSION, "v " F("upload") " " F("upload-2")},
		  {SESSION, "l " F("upload-2") " " F("renamed")}}},
	/* What another session wrote, the kernel's files and configuration may be read. */
	{.path = F("own"),
	 .updated = true,
	 .step = {{SESSION, "c " PROGRAM " " F("own-0")}, {SESSION, "c " F("own-0") " " F("own")}}},
	{.path = F("reader"),
	 .updated = true,
	 .step = {{SERVICE, "c " PROGRAM " /etc/lutra-written"},
		  {SESSION, "o /sys/kernel/uevent_seqnum; o /etc/lutra-written; c " PROGRAM
			    " " F("reader")}}},
};

static void run_case(struct service *s, const struct written_case *c)
{
	char list[OPERATIONS];

	for (size_t i = 0; i < 4 && c->step[i].list; i++) {
		if (c->step[i].who == SESSION)
			session_do(s, c->step[i].list);
		else
			service_do(s, c->step[i].list);
	}
	snprintf(list, sizeof(list), "m %s", c->path);
	service_do(s, list);
}

/* Has the cases done, and compares what is recorded of the mappings, and replayed. */
static void run_and_compare(struct box *b, const struct written_case *c, size_t n)
{
	size_t wrong = 0, not_replayed = 0;
	struct service s;

	service_start(&s, b, NULL);
	for (size_t i = 0; i < n; i++)
		run_case(&s, &c[i]);
	service_end(&s);
	for (size_t i = 0; i < n; i++) {
		int updated = is_updated(b, LUTRA_OP_MAPX, c[i].path);
		bool other = c[i].hook_only && !guard_has_lsm(b->guard);

		not_replayed += c[i].not_replayed || other;
		if (updated == (c[i].updated && !other))
			continue;
		print_message("# %s: %d\n", c[i].path, updated);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(count_other_replayed(b), not_replayed);
}

static void written_by_a_session_is_told_from_the_service(void **state)
{
	run_and_compare(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void written_by_a_session_that_read_from_the_service_is_not_updated(void **state)
{
	run_and_compare(*state, readers, sizeof(readers) / sizeof(readers[0]));
}

/* What a session runs itself is no finding; what the service's children run is one. */
static void written_program_is_updated_for_the_service_alone(void **state)
{
	struct box *b = *state;
	struct service s;

	service_start(&s, b, NULL);
	session_do(&s, "c " PROGRAM " " F("tool") "; x " F("tool"));
	guard_drain(b->guard);
	assert_int_equal(is_updated(b, LUTRA_OP_EXEC, F("tool")), 0);
	service_do(&s, "x " F("tool") "; x " PROGRAM);
	service_end(&s);
	assert_int_equal(is_updated(b, LUTRA_OP_EXEC, F("tool")), 1);
	assert_int_equal(is_updated(b, LUTRA_OP_EXEC, PROGRAM), 0);
	assert_int_equal(count_other_replayed(b), 0);
}

/* Hooks see the image's file before it is copied, the fallback sees the copy. */
static void written_over_a_file_of_the_image(void **state)
{
	struct box *b = *state;
	int hook = guard_has_lsm(b->guard);
	struct service s;

	service_start(&s, b, NULL);
	session_do(&s, "a " F("edited") "; p " F("moded") "; p " F("fixed"));
	service_do(&s, "a " F("fixed") "; m " F("edited") "; m " F("moded") "; m " F("fixed"));
	service_end(&s);
	assert_int_equal(is_updated(b, LUTRA_OP_MAPX, F("edited")), hook);
	assert_int_equal(is_updated(b, LUTRA_OP_MAPX, F("moded")), hook);
	assert_int_equal(is_updated(b, LUTRA_OP_MAPX, F("fixed")), 0);
	assert_int_equal(count_other_replayed(b), 0);
}

/* The rule of the last evidence of a path, or LUTRA_RULE_NONE. */
static unsigned rule_of(const struct box *b, const char *path)
{
	unsigned rule = LUTRA_RULE_NONE;

	for (size_t i = 0; i < b->n_evidence; i++)
		if (!strcmp(b->evidence[i].str, path))
			rule = b->evidence[i].ev.rule;
	return rule;
}

static void written_file_matches_its_rule(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;
	struct service s;

	p->ops = 1u << LUTRA_OP_MAPX | 1u << LUTRA_OP_EXEC;
	service_start(&s, b, p);
	policy_free(p);
	session_do(&s, "c " PROGRAM " " F("upgrade"));
	service_do(&s, "c " PROGRAM " " F("payload") "; m " F("upgrade") "; m " F("payload"));
	service_end(&s);
	assert_int_equal(rule_of(b, F("upgrade")), LUTRA_RULE_UPDATED);
	assert_int_equal(rule_of(b, F("payload")), LUTRA_RULE_MAPX);
}

/* No run executed the tool that an operator brought: it is none of the service's programs. */
static void written_tool_is_refused_to_the_service(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;
	struct service s;

	p->ops = 1u << LUTRA_OP_MAPX | 1u << LUTRA_OP_EXEC;
	service_start(&s, b, p);
	policy_free(p);
	session_do(&s, "c " PROGRAM " " F("tool"));
	service_do(&s, "x " F("tool"));
	service_end(&s);
	assert_int_equal(rule_of(b, F("tool")), LUTRA_RULE_EXEC_FRESH);
}

/* Returns how many pieces of evidence of a session's program at a path have this verdict. */
static unsigned count_programs(const struct box *b, const char *path, unsigned verdict)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->n_evidence; i++) {
		const struct seen_evidence *e = &b->evidence[i];

		n += e->ev.exec_session == LUTRA_SESSION_AUDITED && !strcmp(e->str, path) &&
		     e->ev.object.op == LUTRA_OP_EXEC && e->ev.verdict == verdict;
	}
	return n;
}

/* The first tool of the image alerts, another one is logged, and what a session brought alerts. */
static void written_by_no_session_is_a_tool_of_sessions(void **state)
{
	static const char first[] = F("held"), other[] = F("moded"), brought[] = F("brought");
	struct policy *p = kernel_policy_new();
	struct box *b = *state;
	struct service s;

	p->ops = 1u << LUTRA_OP_EXEC;
	p->audit_sessions = true;
	service_start(&s, b, p);
	policy_free(p);
	session_do(&s, "x " F("held"));
	session_do(&s, "x " F("moded") "; x " F("held") "; c " PROGRAM
							" " F("brought") "; x " F("brought"));
	guard_drain(b->guard);
	assert_int_equal(count_programs(b, first, LUTRA_VERDICT_ALERT), 1);
	assert_int_equal(count_programs(b, first, LUTRA_VERDICT_ALLOW), 0);
	assert_int_equal(count_programs(b, other, LUTRA_VERDICT_ALERT), 0);
	assert_int_equal(count_programs(b, other, LUTRA_VERDICT_ALLOW), 1);
	assert_int_equal(count_programs(b, brought, LUTRA_VERDICT_ALERT), 1);
	assert_int_equal(guard_forget_reported(b->guard, b->slot), 0);
	session_do(&s, "x " F("moded"));
	service_end(&s);
	assert_int_equal(count_programs(b, other, LUTRA_VERDICT_ALERT), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(written_by_a_session_is_told_from_the_service),
		BOX_TEST(written_by_a_session_that_read_from_the_service_is_not_updated),
		BOX_TEST(written_program_is_updated_for_the_service_alone),
		BOX_TEST(written_over_a_file_of_the_image),
		BOX_TEST(written_file_matches_its_rule),
		BOX_TEST(written_tool_is_refused_to_the_service),
		BOX_TEST(written_by_no_session_is_a_tool_of_sessions),
		BOX_TEST_STANDIN(written_by_a_session_is_told_from_the_service),
		BOX_TEST_STANDIN(written_by_a_session_that_read_from_the_service_is_not_updated),
		BOX_TEST_STANDIN(written_program_is_updated_for_the_service_alone),
		BOX_TEST_STANDIN(written_over_a_file_of_the_image),
		BOX_TEST_STANDIN(written_by_no_session_is_a_tool_of_sessions),
	};

	worker_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
