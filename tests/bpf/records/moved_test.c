/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs and libraries whose name the container changed: by every way that there is to move a file
 * of the image, of a volume, or of a root that is no overlay. None may pass as the program whose name
 * it got.
 *
 * The worker makes a root and executes itself in it, as a runtime does. From there on it is recorded.
 */
#include "tests/support/bpf/test_program.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/abi/names.h"
#include "lutra/object_token.h"
#include "tests/support/bpf/file_operations.h"

#define BASE "/tmp/lutra-test-moved"
#define IMAGE BASE "/image"
#define ROOT BASE "/root"
#define TREE "/lutra-moved" /* in the root: the files of the test */
#define VOLUME "/tmp/lutra-test-volume"
#define F(name) TREE "/" name

static const char *worker_arg;

static const char *const dirs[] = {"",		"/dir", "/dir/sub", "/shown",
				   "/shown-at", "/own", "/tmp",	    "/volume"};
static const char *const programs[] = {"plain",	   "moded",	   "renamed",	 "linked",
				       "dir/tool", "dir/sub/tool", "shown/tool", "own/tool",
				       "file",	   "file-at"};

/* Makes the directories and programs below a directory. */
static bool make_tree(const char *top)
{
	char path[PATH_MAX];
	bool ok = true;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", top, dirs[i]);
		ok = ok && mkdir(path, 0755) == 0;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, programs[i]);
		ok = ok && write_program("/bin/true", path, O_CREAT);
	}
	return ok;
}

static void remove_tree(const char *top)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	assert_int_equal(system(command), 0);
}

/* ---- workers ---- */

static int enter_root(void)
{
	if (mount("proc", ROOT "/proc", "proc", 0, NULL) < 0 || chroot(ROOT) < 0 || chdir("/") < 0)
		return 4;
	execl("/proc/self/exe", "worker", "--worker", "service", worker_arg, NULL);
	return 5;
}

static bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int enter_overlay(const char *options)
{
	char overlay[PATH_MAX];

	snprintf(overlay, sizeof(overlay),
		 "lowerdir=" IMAGE ":/,upperdir=" BASE "/upper,workdir=" BASE "/work%s", options);
	mkdir(BASE, 0755);
	if (!own_mounts() || mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0)
		return 2;
	if (mkdir(IMAGE, 0755) < 0 || mkdir(BASE "/upper", 0755) < 0 ||
	    mkdir(BASE "/work", 0755) < 0 || mkdir(ROOT, 0755) < 0 || !make_tree(IMAGE TREE) ||
	    mount("overlay", ROOT, "overlay", 0, overlay) < 0 ||
	    mount(VOLUME, ROOT TREE "/volume", NULL, MS_BIND, NULL) < 0)
		return 3;
	return enter_root();
}

static int work_enter(void)
{
	return enter_overlay("");
}

static int work_enter_redirect(void)
{
	return enter_overlay(",redirect_dir=on,metacopy=on");
}

/* The host's root, mounted once more. */
static int work_enter_plain(void)
{
	mkdir(BASE, 0755);
	if (!own_mounts() || mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0 || mkdir(ROOT, 0755) < 0 ||
	    mount("/", ROOT, NULL, MS_BIND, NULL) < 0)
		return 2;
	return enter_root();
}

static int work_service(void)
{
	char list[OPERATIONS + 1];

	snprintf(list, sizeof(list), "%s", worker_arg ? worker_arg : "");
	return do_operations("", list);
}

static const struct worker workers[] = {{"enter", work_enter},
					{"enter-redirect", work_enter_redirect},
					{"enter-plain", work_enter_plain},
					{"service", work_service}};

/* ---- tests ---- */

/* What the record of a program says. */
struct expected {
	const char *path;
	unsigned op;
	bool fresh;
};

static const struct expected renamed[] = {
	{F("plain"), LUTRA_OP_EXEC, false},    {F("renamed-2"), LUTRA_OP_EXEC, true},
	{F("linked-2"), LUTRA_OP_EXEC, true},  {F("renamed-2"), LUTRA_OP_MAPX, true},
	{F("dir/tool"), LUTRA_OP_EXEC, false}, {F("volume/plain"), LUTRA_OP_EXEC, false},
	{F("volume/to"), LUTRA_OP_EXEC, true}, {F("volume/link"), LUTRA_OP_EXEC, true},
	{F("volume/to"), LUTRA_OP_MAPX, true},
};

static const struct expected redirected[] = {
	/* Its mode is changed, and not its name. */
	{F("moded"), LUTRA_OP_EXEC, false},
	{F("renamed-2"), LUTRA_OP_EXEC, true},
	{F("renamed-2"), LUTRA_OP_MAPX, true},
	{F("linked-2"), LUTRA_OP_EXEC, true},
	/* A directory above it is renamed, in its own directory or out of it. */
	{F("there/tool"), LUTRA_OP_EXEC, true},
	{F("there/tool"), LUTRA_OP_MAPX, true},
	{F("tmp/sub/tool"), LUTRA_OP_EXEC, true},
	{F("plain"), LUTRA_OP_EXEC, false},
};

static const struct expected mounted[] = {
	{F("shown/tool"), LUTRA_OP_EXEC, false},
	{F("shown-at/tool"), LUTRA_OP_EXEC, true},
	{F("shown-at/tool"), LUTRA_OP_MAPX, true},
	{F("file-at"), LUTRA_OP_EXEC, true},
	/* A directory that is mounted on itself keeps its names. */
	{F("own/tool"), LUTRA_OP_EXEC, false},
	{F("own/tool"), LUTRA_OP_MAPX, false},
};

static const struct expected plain[] = {
	{VOLUME "/plain", LUTRA_OP_EXEC, false},
	{VOLUME "/to", LUTRA_OP_EXEC, true},
	{VOLUME "/link", LUTRA_OP_EXEC, true},
	{VOLUME "/to", LUTRA_OP_MAPX, true},
};

/* Has a worker do a list of operations, and compares what is recorded. The volume's files are old. */
static void run_and_compare(struct box *b, const char *worker, const char *const *operations,
			    const struct expected *want, size_t n)
{
	char list[OPERATIONS + 1] = "";
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .mode = LUTRA_MODE_LEARN, .record = true};
	size_t wrong = 0;
	struct err err = {};

	for (size_t len = 0; *operations; operations++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s;", *operations);
	remove_tree(VOLUME);
	assert_true(make_tree(VOLUME));
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	assert_exited(box_run(b, worker, list), 0);
	for (size_t i = 0; i < n; i++) {
		const struct seen_record *r = box_find_object(b, want[i].op, want[i].path);
		struct lutra_object o = {};

		if (r)
			lutra_object_unpack(&r->rec, &o);
		if (r && (lutra_is_fresh(&o) != 0) == want[i].fresh)
			continue;
		print_message("# %s %s: %s, layer %s\n", op_name(want[i].op), want[i].path,
			      !r	      ? "no record"
			      : want[i].fresh ? "not fresh"
					      : "fresh",
			      layer_name(lutra_object_layer(&o)));
		wrong++;
	}
	remove_tree(VOLUME);
	rmdir(BASE);
	assert_int_equal(wrong, 0);
}

#define COMPARE(b, worker, list, want)                                                             \
	run_and_compare(b, worker, list, want, sizeof(want) / sizeof((want)[0]))

static void moved_program_is_fresh_where_overlayfs_copies_it(void **state)
{
	static const char *const list[] = {"v " F("renamed") " " F("renamed-2"),
					   "l " F("linked") " " F("linked-2"),
					   "v " F("volume/renamed") " " F("volume/to"),
					   "l " F("volume/linked") " " F("volume/link"),
					   "x " F("plain"),
					   "x " F("renamed-2"),
					   "x " F("linked-2"),
					   "m " F("renamed-2"),
					   "x " F("dir/tool"),
					   "x " F("volume/plain"),
					   "x " F("volume/to"),
					   "x " F("volume/link"),
					   "m " F("volume/to"),
					   NULL};

	COMPARE(*state, "enter", list, renamed);
}

/* Its layer says that its bytes are the image's. */
static void moved_program_is_fresh_where_overlayfs_redirects_it(void **state)
{
	static const char *const list[] = {"p " F("moded"),
					   "v " F("renamed") " " F("renamed-2"),
					   "l " F("linked") " " F("linked-2"),
					   "v " F("dir/sub") " " F("tmp/sub"),
					   "v " F("dir") " " F("there"),
					   "x " F("moded"),
					   "x " F("renamed-2"),
					   "m " F("renamed-2"),
					   "x " F("linked-2"),
					   "x " F("there/tool"),
					   "m " F("there/tool"),
					   "x " F("tmp/sub/tool"),
					   "x " F("plain"),
					   NULL};

	COMPARE(*state, "enter-redirect", list, redirected);
}

static void moved_program_is_fresh_where_it_is_mounted_elsewhere(void **state)
{
	static const char *const list[] = {"b " F("shown") " " F("shown-at"),
					   "b " F("file") " " F("file-at"),
					   "b " F("own") " " F("own"),
					   "x " F("shown/tool"),
					   "x " F("shown-at/tool"),
					   "m " F("shown-at/tool"),
					   "x " F("file-at"),
					   "x " F("own/tool"),
					   "m " F("own/tool"),
					   NULL};

	COMPARE(*state, "enter", list, mounted);
}

/* Neither rename nor link copies, but each sets the time at which the file was changed. */
static void moved_program_is_fresh_in_a_root_that_is_no_overlay(void **state)
{
	static const char *const list[] = {"v " VOLUME "/renamed " VOLUME "/to",
					   "l " VOLUME "/linked " VOLUME "/link",
					   "x " VOLUME "/plain",
					   "x " VOLUME "/to",
					   "x " VOLUME "/link",
					   "m " VOLUME "/to",
					   NULL};

	COMPARE(*state, "enter-plain", list, plain);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(moved_program_is_fresh_where_overlayfs_copies_it),
		BOX_TEST(moved_program_is_fresh_where_overlayfs_redirects_it),
		BOX_TEST(moved_program_is_fresh_where_it_is_mounted_elsewhere),
		BOX_TEST(moved_program_is_fresh_in_a_root_that_is_no_overlay),
		BOX_TEST_STANDIN(moved_program_is_fresh_where_overlayfs_redirects_it),
	};

	worker_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
