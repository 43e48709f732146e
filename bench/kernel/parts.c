/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the parts of a program cost by themselves, with warm caches: the least ns of many
 * loops. The cost of a scored getppid(2) is made of the first ones, the look-up of a file of the
 * last ones. That file is in an overlay of this program's own, in a mount namespace of its own.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lutra/types.h"
#include "bench/kernel/parts.h"
#include "bench/kernel/parts.skel.h"

#define LOOPS 200
#define TURNS 2000
#define BASE "/tmp/lutra-bench-parts"
#define ROOT BASE "/root"
#define LOWER BASE "/lower"
#define FILE_PATH "/one/two/three/four"

static const char *const parts_name[PARTS_COUNT] = {
	[PARTS_NOTHING] = "an empty turn",	[PARTS_FUNCTION] = "a call of a function",
	[PARTS_TASK] = "the current task",	[PARTS_STORAGE] = "a task's storage",
	[PARTS_ARRAY] = "a look into an array", [PARTS_TIME] = "the time",
	[PARTS_FILE_NOTHING] = "an empty turn", [PARTS_LAYER] = "the layer of a file",
	[PARTS_FILE] = "its path and layer",	[PARTS_PROGRAM] = "the same of a program",
	[PARTS_KEY] = "path, layer and key",	[PARTS_EXACT] = "path, layer, exact names",
};

/* Mounts an overlay over a file, and opens that and the overlay's root. Returns 0 or -errno. */
static int open_overlay(int *ret_file, int *ret_root)
{
	static const char *const dirs[] = {LOWER, LOWER "/one", LOWER "/one/two",
					   LOWER "/one/two/three", ROOT};

	mkdir(BASE, 0755);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
	mkdir(BASE "/upper", 0755);
	mkdir(BASE "/work", 0755);
	if (mknod(LOWER FILE_PATH, S_IFREG | 0755, 0) < 0 ||
	    mount("overlay", ROOT, "overlay", 0,
		  "lowerdir=" LOWER ",upperdir=" BASE "/upper,workdir=" BASE "/work") < 0)
		return -errno;
	*ret_file = open(ROOT FILE_PATH, O_RDONLY | O_CLOEXEC);
	*ret_root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_file < 0 || *ret_root < 0 ? -errno : 0;
}

/* Loads the programs, which read the kernel as the guard's do. Returns NULL on failure. */
static struct parts_bpf *load_programs(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct parts_bpf *skel = parts_bpf__open();

	if (skel)
		skel->rodata->lutra_has_rdonly_cast =
			btf && btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	btf__free(btf);
	if (!skel || parts_bpf__load(skel) == 0)
		return skel;
	parts_bpf__destroy(skel);
	return NULL;
}

/* Returns the ns of a turn, or -errno. */
static double measure_part(int prog, enum parts_part part, int file, int root)
{
	double least = 1e9;

	for (int i = 0; i < LOOPS; i++) {
		struct parts_run run = {.part = part, .n = TURNS, .file = file, .root = root};
		LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &run, .ctx_size_in = sizeof(run));
		int r = bpf_prog_test_run_opts(prog, &o);

		if (r < 0)
			return r;
		if ((double)run.ns / TURNS < least)
			least = (double)run.ns / TURNS;
	}
	return least;
}

int main(void)
{
	struct parts_bpf *skel = load_programs();
	double empty = 0;
	int r, file = -1, root = -1;

	if (!skel) {
		fprintf(stderr, "parts: the program does not load: %s\n", strerror(errno));
		return 1;
	}
	r = open_overlay(&file, &root);
	if (r < 0)
		fprintf(stderr, "parts: no overlay in %s: %s\n", BASE, strerror(-r));
	printf("a part of a program, warm %13s\n", "ns");
	for (enum parts_part p = 0; p < PARTS_COUNT && r == 0; p++) {
		double ns = measure_part(bpf_program__fd(skel->progs.run_parts), p, file, root);
		bool nothing = p == PARTS_NOTHING || p == PARTS_FILE_NOTHING;

		if (ns < 0)
			r = fprintf(stderr, "parts: %s\n", strerror((int)-ns));
		else
			printf("%-25s %13.1f\n", parts_name[p], nothing ? ns : ns - empty);
		empty = nothing ? ns : empty;
	}
	rmdir(BASE);
	parts_bpf__destroy(skel);
	return r != 0;
}
