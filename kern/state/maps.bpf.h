/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of the kernel side. Each file defines them weakly and the linker keeps one of each.
 *
 *   tasks     task -> struct lutra_task; a task without an entry is none of our business
 *   hot       the same entries, of as many tasks as there are places: an array, which takes no call
 *   stacks    kernel stack -> may its task have an entry?
 *   scratch   task -> struct lutra_scratch, made when the task first needs it
 *   scratch_cpu  the same a processor, for programs that nothing preempts
 *   slots     slot -> struct lutra_slot; mapped by the daemon, written by both sides
 *   cgroups   cgroup id -> slot
 *   counters  slot -> struct lutra_counters, per CPU
 *   records   recorded events, struct lutra_ring_record and its string
 *   evidence  signals, struct lutra_evidence and its string
 *   quota     slot -> struct lutra_quota, while evidence is crowded
 *
 * Those that hold policies are in policy.bpf.h and step.bpf.h.
 */
#ifndef LUTRA_KERN_STATE_MAPS_BPF_H
#define LUTRA_KERN_STATE_MAPS_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lutra_task);
} tasks SEC(".maps") __weak;

/*
 * By a hash of the task's address. An entry that finds its place taken stays in tasks. A place is
 * its task's from the entry's making to sched_process_exit, whose last act for the task it is to
 * put the entry back. An address that comes again is seen at its fork and, should that or the
 * exit not be, by start_time.
 */
#define HOT_BITS 12
#define HOT_BUSY 1 /* nobody's address */
struct lutra_hot {
	__u64 task; /* its address; 0: free */
	struct lutra_task entry;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* begins at a page, so that entries do at a line */
	__uint(max_entries, 1 << HOT_BITS);
	__type(key, __u32);
	__type(value, struct lutra_hot);
} hot SEC(".maps") __weak;

/* By bits 15 to 30 of a stack's address, in which no two of a host's usual number agree. */
#define STACK_SHIFT 15 /* of blocks that no two stacks share */
#define STACKS (1 << 16)
struct lutra_stacks {
	__u8 used[STACKS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_stacks);
} stacks SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lutra_scratch);
} scratch SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_scratch);
} scratch_cpu SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_slot);
} slots SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_counters);
} counters SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} records SEC(".maps") __weak;

#define EVIDENCE_BYTES (1 << 20)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVIDENCE_BYTES);
} evidence SEC(".maps") __weak;

struct lutra_quota {
	__u64 since_ns;
	__u64 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LUTRA_SLOTS);
	__type(key, __u32);
	__type(value, struct lutra_quota);
} quota SEC(".maps") __weak;

#endif
