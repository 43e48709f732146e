/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of programs at sys_enter, each in a loop. Hooks: none, bpf_prog_test_run_opts() runs
 * it.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bench/kernel/parts.h"

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

static __noinline int count_up(__u64 *v)
{
	if (v)
		++*v;
	return 0;
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

	bpf_loop(run->n, run_part, &part, 0);
	run->ns = bpf_ktime_get_ns() - start;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
