/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of a file come from, in a root that is an overlay of this host's root. The worker
 * makes the overlay and executes itself in it, as a runtime does; from there on it is recorded.
 *
 * Lower layers: IMAGE, and below it the host's root. Upper layer: in a tmpfs.
 */
#include "tests/support/bpf/test_program.h"

#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "lib/abi/names.h"
#include "lutra/object_token.h"

#define BASE "/tmp/lutra-test-layer"
#define IMAGE BASE "/image"
#define UPPER BASE "/upper"
#define WORK BASE "/work"
#define ROOT BASE "/root"
#define VOLUME BASE "/volume"
#define TREE "/lutra-layers" /* in the root: the files of the test */
#define LIBRARY TREE "/library"

static bool write_file(const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0755);
	bool ok = fd >= 0 && write(fd, "bytes\n", 6) == 6;

	close(fd);
	return ok;
}

static int open_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0755);

	if (fd < 0)
		return -1;
	return close(fd);
}

static bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	static char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return false;
	return close(in) == 0 && close(out) == 0 && n == 0;
}

/* ---- before the task is armed ---- */

static const char *const image_files[] = {"plain",   "chmodded",    "written",	    "moved",
					  "linked",  "hosted",	    "again",	    "doomed",
					  "chowned", "truncated",   "fchmod",	    "renamed",
					  "attr",    "was-written", "was-chmodded", "sub/deep"};

static bool make_image(void)
{
	char path[PATH_MAX];

	if (mkdir(IMAGE, 0755) < 0 || mkdir(UPPER, 0755) < 0 || mkdir(WORK, 0755) < 0 ||
	    mkdir(ROOT, 0755) < 0 || mkdir(VOLUME, 0755) < 0 || mkdir(IMAGE TREE, 0755) < 0 ||
	    mkdir(IMAGE TREE "/sub", 0755) < 0 || mkdir(IMAGE TREE "/tmpfs", 0755) < 0 ||
	    mkdir(IMAGE TREE "/overlay", 0755) < 0)
		return false;
	for (size_t i = 0; i < sizeof(image_files) / sizeof(image_files[0]); i++) {
		snprintf(path, sizeof(path), IMAGE TREE "/%s", image_files[i]);
		if (!write_file(path, 0))
			return false;
	}
	return copy_file("/bin/true", IMAGE TREE "/true") &&
	       copy_file("/bin/true", IMAGE LIBRARY) &&
	       link(IMAGE TREE "/hosted", IMAGE TREE "/hosted-2") == 0;
}

/* Mounts the root of the container, and in it a tmpfs, an overlay of its own and /proc. */
static bool mount_root(const char *overlay)
{
	return mount("overlay", ROOT, "overlay", 0, overlay) == 0 &&
	       mount("tmpfs", ROOT TREE "/tmpfs", "tmpfs", 0, NULL) == 0 &&
	       mount("overlay", ROOT TREE "/overlay", "overlay", 0,
		     "lowerdir=" VOLUME ":" IMAGE TREE "/sub") == 0 &&
	       mount("proc", ROOT "/proc", "proc", 0, NULL) == 0;
}

/*
 * Writes to the upper layer as a container that has ended did: of its files nothing is left in the
 * memory of the kernel, and the next mount finds them on disk.
 */
static bool write_earlier(const char *overlay)
{
	return mount("overlay", ROOT, "overlay", 0, overlay) == 0 &&
	       write_file(ROOT TREE "/was-new", 0) &&
	       write_file(ROOT TREE "/was-written", O_APPEND) &&
	       chmod(ROOT TREE "/was-chmodded", 0700) == 0 && umount(ROOT) == 0;
}

static bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int enter_root(const char *worker)
{
	if (chroot(ROOT) < 0 || chdir("/") < 0)
		return 4;
	execl("/proc/self/exe", "worker", "--worker", worker, NULL);
	return 5;
}

static int enter_overlay(const char *options, const char *worker)
{
	char overlay[PATH_MAX];

	snprintf(overlay, sizeof(overlay),
		 "lowerdir=" IMAGE ":/,upperdir=" UPPER ",workdir=" WORK "%s", options);
	mkdir(BASE, 0755);
	if (!own_mounts() || mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0)
		return 2;
	if (!make_image() || !write_earlier(overlay) || !mount_root(overlay))
		return 3;
	return enter_root(worker);
}

static int work_enter(void)
{
	return enter_overlay("", "layers");
}

static int work_enter_metacopy(void)
{
	return enter_overlay(",metacopy=on", "metacopy");
}

/* A root that is no overlay: the host's own, mounted once more. A part of it is a volume, too. */
static int work_enter_plain(void)
{
	mkdir(BASE, 0755);
	if (!own_mounts() || mount("/", BASE, NULL, MS_BIND, NULL) < 0 ||
	    mount("proc", BASE "/proc", "proc", 0, NULL) < 0 ||
	    mount("/etc", BASE "/mnt", NULL, MS_BIND, NULL) < 0 || chroot(BASE) < 0 ||
	    chdir("/") < 0)
		return 2;
	execl("/proc/self/exe", "worker", "--worker", "plain", NULL);
	return 5;
}

/* ---- in the container ---- */

static void run_program(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, NULL);
		_exit(126);
	}
	waitpid(pid, NULL, 0);
}

static bool map_code(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	close(fd);
	return p != MAP_FAILED;
}

/* Maps a file, and makes the mapping executable later: see lsm/file_mprotect. */
static bool map_then_protect(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

/* Opens a file that is in no directory. */
static int open_memory(void)
{
	char path[64];
	int fd = memfd_create("memory", MFD_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_close(path, O_RDWR);
}

/* Opens that change nothing, of files that the image has. 0: all went well. */
static int open_image(void)
{
	int wrong = open_close(TREE "/plain", O_RDONLY);

	wrong |= open_close(TREE "/hosted", O_RDONLY);
	wrong |= open_close(TREE "/hosted-2", O_RDONLY);
	wrong |= open_close(TREE "/sub", O_RDONLY | O_DIRECTORY);
	wrong |= open_close("/etc/passwd", O_RDONLY);
	return wrong;
}

static int open_earlier(void)
{
	int wrong = open_close(TREE "/was-new", O_RDONLY);

	wrong |= open_close(TREE "/was-written", O_RDONLY);
	return wrong | open_close(TREE "/was-chmodded", O_RDONLY);
}

/* Writes files, and opens them again to read. */
static int open_written(void)
{
	int wrong = !write_file(TREE "/new", 0) || !write_file(TREE "/written", O_APPEND);

	wrong |= open_earlier();
	wrong |= open_close(TREE "/new", O_RDONLY);
	wrong |= open_close(TREE "/written", O_RDONLY);
	wrong |= chmod(TREE "/chmodded", 0700);
	wrong |= open_close(TREE "/chmodded", O_RDONLY);
	wrong |= rename(TREE "/moved", TREE "/there");
	wrong |= open_close(TREE "/there", O_RDONLY);
	wrong |= link(TREE "/linked", TREE "/linked-2");
	wrong |= open_close(TREE "/linked", O_RDONLY);
	wrong |= open_close(TREE "/linked-2", O_RDONLY);
	wrong |= unlink(TREE "/again");
	wrong |= open_close(TREE "/again", O_RDONLY | O_CREAT);
	wrong |= mkdir(TREE "/made", 0755);
	wrong |= open_close(TREE "/made/inside", O_RDWR | O_CREAT);
	wrong |= open_close(TREE, O_RDONLY | O_DIRECTORY);
	return wrong;
}

static int open_elsewhere(void)
{
	int wrong = open_close(TREE "/tmpfs/file", O_RDWR | O_CREAT);

	wrong |= open_close(TREE "/overlay/deep", O_RDONLY);
	wrong |= open_close("/proc/self/stat", O_RDONLY);
	wrong |= open_memory();
	return wrong;
}

static int use_names(void)
{
	int fd = open(TREE "/fchmod", O_RDONLY | O_CLOEXEC);
	int wrong = unlink(TREE "/doomed");

	wrong |= truncate(TREE "/truncated", 1);
	wrong |= chown(TREE "/chowned", 0, 0);
	wrong |= fchmod(fd, 0600);
	wrong |= symlink("plain", TREE "/symlink");
	wrong |= rename(TREE "/renamed", TREE "/renamed-2");
	wrong |= setxattr(TREE "/attr", "trusted.lutra", "x", 1, 0);
	wrong |= mkdir(TREE "/tmpfs/dir", 0755);
	close(fd);
	return wrong;
}

static int work_layers(void)
{
	int wrong = open_image();

	wrong |= !map_code(LIBRARY) || !map_then_protect(LIBRARY);
	run_program(TREE "/true");
	wrong |= open_written() ? 2 : 0;
	/* In a directory that is in both layers now. */
	wrong |= open_close(TREE "/sub/deep", O_RDONLY);
	wrong |= !copy_file(TREE "/true", TREE "/true-2") || !map_code(TREE "/true-2") ? 4 : 0;
	run_program(TREE "/true-2");
	wrong |= open_elsewhere() ? 8 : 0;
	wrong |= use_names() ? 16 : 0;
	return wrong;
}

static int work_metacopy(void)
{
	int wrong = chmod(TREE "/chmodded", 0700);

	wrong |= open_close(TREE "/chmodded", O_RDONLY);
	wrong |= rename(TREE "/moved", TREE "/there") || open_close(TREE "/there", O_RDONLY);
	wrong |= chmod(TREE "/written", 0700) || !write_file(TREE "/written", O_APPEND);
	wrong |= open_close(TREE "/written", O_RDONLY);
	wrong |= open_earlier();
	wrong |= !write_file(TREE "/new", 0) || open_close(TREE "/new", O_RDONLY);
	wrong |= open_close(TREE "/plain", O_RDONLY);
	return wrong;
}

static int work_plain(void)
{
	int wrong = open_close("/etc/passwd", O_RDONLY);

	wrong |= open_close("/mnt/passwd", O_RDONLY);
	return wrong | open_memory();
}

static const struct worker workers[] = {
	{"enter", work_enter},
	{"layers", work_layers},
	{"enter-metacopy", work_enter_metacopy},
	{"metacopy", work_metacopy},
	{"enter-plain", work_enter_plain},
	{"plain", work_plain},
};

/* ---- tests ---- */

/* What the last record of an operation on a path says. standin: by the fallback. */
struct expected {
	unsigned op;
	const char *path;
	unsigned hook, standin;
};

#define SAME(layer) LUTRA_LAYER_##layer, LUTRA_LAYER_##layer

static const struct expected overlay[] = {
	{LUTRA_OP_OPEN, TREE "/plain", SAME(IMAGE)},
	/* A hard link that the host makes changes ctime, and nothing else. */
	{LUTRA_OP_OPEN, TREE "/hosted", SAME(IMAGE)},
	{LUTRA_OP_OPEN, TREE "/hosted-2", SAME(IMAGE)},
	{LUTRA_OP_OPEN, TREE "/sub", SAME(IMAGE)},
	{LUTRA_OP_OPEN, TREE "/sub/deep", SAME(IMAGE)},
	{LUTRA_OP_OPEN, "/etc/passwd", SAME(IMAGE)},
	{LUTRA_OP_OPEN, TREE "/new", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/written", SAME(WRITTEN)},
	/* Without metacopy the copy is whole: the bytes are the image's, and nothing tells. */
	{LUTRA_OP_OPEN, TREE "/chmodded", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/was-new", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/was-written", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/was-chmodded", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/there", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/linked", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/linked-2", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/again", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/made/inside", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE, SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/tmpfs/file", SAME(TMPFS)},
	{LUTRA_OP_OPEN, TREE "/overlay/deep", SAME(VOLUME)},
	{LUTRA_OP_OPEN, "//memfd:memory", SAME(DETACHED)},
	{LUTRA_OP_EXEC, TREE "/true", SAME(IMAGE)},
	{LUTRA_OP_EXEC, TREE "/true-2", SAME(WRITTEN)},
	{LUTRA_OP_MAPX, LIBRARY, SAME(IMAGE)},
	{LUTRA_OP_MAPX, TREE "/true-2", SAME(WRITTEN)},
	/* Hooks see a name before the operation, and the fallback a descriptor after it. */
	{LUTRA_OP_CHMOD, TREE "/fchmod", LUTRA_LAYER_IMAGE, LUTRA_LAYER_WRITTEN},
	{LUTRA_OP_CHMOD, TREE "/chmodded", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_UNLINK, TREE "/doomed", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_TRUNCATE, TREE "/truncated", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_CHOWN, TREE "/chowned", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_RENAME_FROM, TREE "/renamed", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_RENAME_TO, TREE "/renamed-2", LUTRA_LAYER_WRITTEN, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_SYMLINK, TREE "/symlink", LUTRA_LAYER_WRITTEN, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_SETXATTR, TREE "/attr", LUTRA_LAYER_IMAGE, LUTRA_LAYER_UNKNOWN},
	{LUTRA_OP_MKDIR, TREE "/tmpfs/dir", LUTRA_LAYER_TMPFS, LUTRA_LAYER_UNKNOWN},
};

static const struct expected metacopy[] = {
	{LUTRA_OP_OPEN, TREE "/chmodded", SAME(CHANGED)},
	{LUTRA_OP_OPEN, TREE "/there", SAME(CHANGED)},
	{LUTRA_OP_OPEN, TREE "/was-chmodded", SAME(CHANGED)},
	{LUTRA_OP_OPEN, TREE "/was-written", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/was-new", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/written", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/new", SAME(WRITTEN)},
	{LUTRA_OP_OPEN, TREE "/plain", SAME(IMAGE)},
};

static const struct expected plain[] = {
	{LUTRA_OP_OPEN, "/etc/passwd", SAME(ROOT)},
	{LUTRA_OP_OPEN, "//memfd:memory", SAME(DETACHED)},
};

static const struct seen_record *find_last(const struct box *b, const struct expected *x)
{
	const struct seen_record *last = NULL;

	for (const struct seen_record *r = box_find_record(b, LUTRA_RECORD_OBJECT, NULL); r;
	     r = box_find_record(b, LUTRA_RECORD_OBJECT, r))
		if ((uint8_t)r->rec.arg == x->op && !strcmp(r->str, x->path))
			last = r;
	return last;
}

static unsigned layer_of(const struct seen_record *r)
{
	struct lutra_object o;

	lutra_object_unpack(&r->rec, &o);
	return lutra_object_layer(&o);
}

static void run_and_compare(struct box *b, const char *worker, const struct expected *want,
			    size_t n)
{
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .mode = LUTRA_MODE_LEARN, .record = true};
	bool hook = guard_has_lsm(b->guard);
	size_t wrong = 0;
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	assert_exited(box_run(b, worker, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		const struct seen_record *r = find_last(b, &want[i]);
		unsigned layer = hook ? want[i].hook : want[i].standin;

		if (r && layer_of(r) == layer)
			continue;
		print_message("# %s %s: %s, wanted %s\n", op_name(want[i].op), want[i].path,
			      r ? layer_name(layer_of(r)) : "no record", layer_name(layer));
		wrong++;
	}
	rmdir(BASE);
	assert_int_equal(wrong, 0);
}

#define COMPARE(b, worker, want) run_and_compare(b, worker, want, sizeof(want) / sizeof((want)[0]))

static void layer_of_overlay_files(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;

	COMPARE(b, "enter", overlay);
	r = box_find_record(b, LUTRA_RECORD_OBJECT, NULL);
	while (r && !strstr(r->str, "/stat"))
		r = box_find_record(b, LUTRA_RECORD_OBJECT, r);
	assert_int_equal(layer_of(assert_record(r, "open of a file in /proc")), LUTRA_LAYER_VOLUME);
}

static bool is_fresh(const struct box *b, unsigned op, const char *path, bool *ret_young)
{
	const struct expected x = {.op = op, .path = path};
	struct lutra_object o;

	lutra_object_unpack(&assert_record(find_last(b, &x), path)->rec, &o);
	*ret_young = o.flags & LUTRA_OBJ_FRESH;
	return lutra_is_fresh(&o);
}

/* The image's files are younger than the container here, as after the host's chmod, chown or link. */
static void layer_decides_what_is_fresh(void **state)
{
	struct box *b = *state;
	bool young;

	COMPARE(b, "enter", overlay);
	assert_false(is_fresh(b, LUTRA_OP_EXEC, TREE "/true", &young));
	assert_true(young);
	assert_false(is_fresh(b, LUTRA_OP_MAPX, LIBRARY, &young));
	assert_true(young);
	assert_true(is_fresh(b, LUTRA_OP_EXEC, TREE "/true-2", &young));
	assert_true(is_fresh(b, LUTRA_OP_MAPX, TREE "/true-2", &young));
}

static void layer_of_a_metacopy_tells_attributes_from_data(void **state)
{
	COMPARE(*state, "enter-metacopy", metacopy);
}

static void layer_of_a_root_that_is_no_overlay(void **state)
{
	struct box *b = *state;
	const struct seen_record *r;
	struct statfs fs;

	assert_int_equal(statfs("/etc", &fs), 0);
	if ((uint64_t)fs.f_type == OVERLAYFS_SUPER_MAGIC)
		test_program_skip("this host's root is an overlay");
	COMPARE(b, "enter-plain", plain);
	r = box_find_object(b, LUTRA_OP_OPEN, "/mnt/passwd");
	assert_int_equal(layer_of(assert_record(r, "open of a volume's file")),
			 (uint64_t)fs.f_type == TMPFS_MAGIC ? LUTRA_LAYER_TMPFS
							    : LUTRA_LAYER_VOLUME);
}

/* A mapping of an overlay's file is one of the file below it, of another file system. */
static void layer_of_a_mapping_made_executable_later(void **state)
{
	struct box *b = *state;
	size_t n = 0;

	if (!guard_has_lsm(b->guard))
		test_program_skip("this kernel does not run BPF LSM programs");
	COMPARE(b, "enter", overlay);
	for (const struct seen_record *r = box_find_object(b, LUTRA_OP_MAPX, NULL); r;
	     r = box_find_record(b, LUTRA_RECORD_OBJECT, r)) {
		if ((uint8_t)r->rec.arg != LUTRA_OP_MAPX || r->rec.nr != SYS_mprotect)
			continue;
		assert_string_equal(r->str, LIBRARY);
		assert_int_equal(layer_of(r), LUTRA_LAYER_IMAGE);
		n++;
	}
	assert_int_equal(n, 1);
}

/* Overlayfs opens the directory of a layer to list it, and both files to copy one. */
static void layer_opens_of_overlayfs_itself_are_not_recorded(void **state)
{
	struct box *b = *state;
	size_t n = 0;

	COMPARE(b, "enter", overlay);
	for (const struct seen_record *r = box_find_record(b, LUTRA_RECORD_OBJECT, NULL); r;
	     r = box_find_record(b, LUTRA_RECORD_OBJECT, r)) {
		if (r->str[0] != '?')
			continue;
		print_message("# %s %s\n", op_name((uint8_t)r->rec.arg), r->str);
		n++;
	}
	assert_int_equal(n, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(layer_of_overlay_files),
		BOX_TEST(layer_of_a_metacopy_tells_attributes_from_data),
		BOX_TEST(layer_of_a_root_that_is_no_overlay),
		BOX_TEST(layer_of_a_mapping_made_executable_later),
		BOX_TEST(layer_decides_what_is_fresh),
		BOX_TEST(layer_opens_of_overlayfs_itself_are_not_recorded),
		BOX_TEST_STANDIN(layer_of_overlay_files),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
