/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of programs, each in a loop: those of a program at sys_enter, and those of the look-up
 * of a file. Hooks: none, bpf_prog_test_run_opts() runs it.
 */
#include "kern/state/kernel.bpf.h"

/* A program that bpf_prog_test_run_opts() runs may use no Bloom filter: here it is empty. */
#define bpf_map_peek_elem(map, value) ((void)(map), (void)(value), -1)
#define bpf_map_push_elem(map, value, flags) ((void)(map), (void)(value))

#include "kern/object/path.bpf.c"

#include "bench/kernel/parts.h"

const volatile bool lutra_fallback = true;
const volatile __u32 lutra_instance = 0;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

/* All zero but exact_names. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_policy);
} exact_policy SEC(".maps");

static __noinline int count_up(__u64 *v)
{
	if (v)
		++*v;
	return 0;
}

/* What the look-up of a file begins with. dentry, mnt: of the file. */
struct parts_file {
	__u64 file, dentry, mnt;
	__u64 root_dentry, root_mnt;
	__u32 part;
};

/* Does what lutra_path_class() does for the names of an open that are told apart. */
static __always_inline void add_exact_names(const struct lutra_path *path)
{
	__u32 zero = 0;
	struct lutra_policy *p = bpf_map_lookup_elem(&exact_policy, &zero);
	__u64 hash = 0;

	if (!p)
		return;
	p->exact_names = 1;
	for (__u32 i = 0; i < 4; i++)
		hash = lutra_exact_add(p, path, hash, i, i | 1 << 8);
	p->object_seed = hash;
}

/* Runs a part of the look-up of a file. */
static long run_file_part(__u32 i, const struct parts_file *f)
{
	__u32 zero = 0;
	struct lutra_scratch *s = bpf_map_lookup_elem(&scratch_cpu, &zero);
	struct lutra_hash_key hash_key = {{1, 2}};

	if (!s)
		return 1;
	s->object.flags = 0;
	s->walk.root_dentry = f->root_dentry;
	s->walk.root_mnt = f->root_mnt;
	switch (f->part) {
	case PARTS_LAYER:
		s->path.flags = 0;
		layer_describe(s, f->dentry, f->mnt);
		break;
	case PARTS_FILE:
		file_describe(s, f->file, 0);
		break;
	case PARTS_PROGRAM:
		file_describe(s, f->file, ~0ull);
		break;
	case PARTS_KEY:
		file_describe(s, f->file, 0);
		s->object.op = LUTRA_OP_OPEN;
		lutra_key_compute(&s->object, &s->path, &hash_key, &s->key_search);
		break;
	case PARTS_EXACT:
		file_describe(s, f->file, 0);
		add_exact_names(&s->path);
		break;
	default:
		break;
	}
	return 0;
}

static __always_inline void run_file_parts(const struct parts_run *run)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct parts_file f = {.part = run->part};
	__u64 root;

	f.file = descriptor_file((__u64)task->files, run->file);
	root = descriptor_file((__u64)task->files, run->root);
	f.dentry = KERNEL_FIELD(f.file, struct file, f_path.dentry);
	f.mnt = KERNEL_FIELD(f.file, struct file, f_path.mnt);
	f.root_dentry = KERNEL_FIELD(root, struct file, f_path.dentry);
	f.root_mnt = KERNEL_FIELD(root, struct file, f_path.mnt) -
		     bpf_core_field_offset(struct mount, mnt);
	bpf_loop(run->n, run_file_part, &f, 0);
}

static long run_part(__u32 i, const __u32 *part)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	__u64 *v = bpf_task_storage_get(&storage, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!v)
		return 1;
	switch (*part) {
	case PARTS_FUNCTION:
		count_up(v);
		break;
	case PARTS_TASK:
		*v += (__u32)bpf_get_current_task_btf()->pid;
		break;
	case PARTS_STORAGE:
		v = bpf_task_storage_get(&storage, task, 0, 0);
		break;
	case PARTS_ARRAY:
		v = bpf_map_lookup_elem(&array, &zero);
		break;
	case PARTS_TIME:
		*v += bpf_ktime_get_ns();
		break;
	default:
		break;
	}
	if (v)
		++*v;
	return 0;
}

SEC("syscall")
int run_parts(struct parts_run *run)
{
	__u32 part = run->part;
	__u64 start = bpf_ktime_get_ns();

	if (part >= PARTS_FILE_NOTHING)
		run_file_parts(run);
	else
		bpf_loop(run->n, run_part, &part, 0);
	run->ns = bpf_ktime_get_ns() - start;
	return 0;
}
