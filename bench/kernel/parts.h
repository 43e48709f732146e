/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What bench/kernel/parts.c asks its BPF program to do. Types come from vmlinux.h or lutra/types.h.
 */
#ifndef LUTRA_BENCH_KERNEL_PARTS_H
#define LUTRA_BENCH_KERNEL_PARTS_H

enum parts_part {
	PARTS_NOTHING,
	PARTS_FUNCTION, /* a call of a function that is not inlined */
	PARTS_TASK,	/* bpf_get_current_task_btf() */
	PARTS_STORAGE,	/* bpf_task_storage_get() of a task that has one */
	PARTS_ARRAY,	/* bpf_map_lookup_elem() of an array, which the kernel inlines */
	PARTS_TIME,	/* bpf_ktime_get_ns() */
	/* Of the look-up of a file of the image, four components deep in an overlay. */
	PARTS_FILE_NOTHING,
	PARTS_LAYER,   /* its layer */
	PARTS_FILE,    /* its path and layer, as at an open */
	PARTS_PROGRAM, /* and what else is looked up of a program */
	PARTS_KEY,     /* its path and layer, and the hash of its key */
	PARTS_EXACT,   /* its path and layer, and lutra_exact_add() for each component */
	PARTS_COUNT
};

struct parts_run {
	__u64 ns; /* result: of n turns with their loop */
	__u32 part;
	__u32 n;
	__s32 file,
		root; /* descriptors in the calling process, of PARTS_FILE_NOTHING and later ones */
};

#endif
