/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs at sys_enter are made of, each part in a loop. Hooks: none, a program to be run. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bench/parts.h"

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

static __noinline int function(__u64 *v)
{
	if (v)
		++*v;
	return 0;
}

static long once(__u32 i, const __u32 *part)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	__u64 *v = bpf_task_storage_get(&storage, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!v)
		return 1;
	switch (*part) {
	case PARTS_FUNCTION:
		function(v);
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
int parts(struct parts_run *run)
{
	__u32 part = run->part;
	__u64 start = bpf_ktime_get_ns();

	bpf_loop(run->n, once, &part, 0);
	run->ns = bpf_ktime_get_ns() - start;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
