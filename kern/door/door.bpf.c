/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The door: stops the first program of a container before its first instruction, until userspace knows
 * the container. It is an object of its own, attached while lutrad runs, whether anything is enrolled
 * or not.
 *
 * Hooks: tp_btf/cgroup_attach_task    notes a task that enters the cgroup of an unknown container
 *        tp_btf/sched_process_fork    notes its children, and a task born in such a cgroup
 *        tp_btf/sched_process_exec    stops a noted task that executes the container's program
 * Maps: door_entrants (task -> struct door_entrant), door_known (cgroup id of a container that
 *       userspace knows), door_stopped, door_control, door_events (to lutrad), door_wakes (to the
 *       companion).
 * Fails: open. A task that is not stopped is counted in door_control.
 *
 * A container is a cgroup that is named as engines name one: user/identity/patterns.h has the names.
 * A task that a runtime moves there still runs the runtime: its program is the container's once it
 * executes in another mount namespace than that of the task that moved it.
 */
#include "kern/state/cgroup.bpf.h"
#include "lutra/door.h"

#define SIGSTOP 19
#define ID_BYTES 64    /* of a container's id, hexadecimal */
#define NAME_BYTES 256 /* of a cgroup's name, with NUL */
#define SCOPE_BYTES 6  /* of ".scope" */

/* A task in the cgroup of a container that was unknown when it entered. */
struct door_entrant {
	__u64 cgroup_id; /* of the container */
	__u32 mnt_ns;	 /* of the task that moved it: an exec elsewhere is the container's */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct door_entrant);
} door_entrants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LUTRA_DOOR_KNOWN);
	__type(key, __u64);
	__type(value, __u8);
} door_known SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LUTRA_DOOR_STOPS);
	__type(key, __u32);
	__type(value, struct lutra_door_stop);
} door_stopped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lutra_door_control);
} door_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} door_events SEC(".maps");

/* A byte for each stop. If it is full, the companion does not read it: nothing is stopped. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} door_wakes SEC(".maps");

/* Set at load: the cgroup below which the door holds; 0: everywhere. */
const volatile __u64 lutra_door_below = 0;

/* 1: a digit of an id. A table, since branches in a loop multiply the verifier's states. */
static const __u8 hex_digit[256] = {['0' ... '9'] = 1, ['a' ... 'f'] = 1};

/* ---- names of cgroups ---- */

static __always_inline bool is_char(const char *name, __u32 at, char c)
{
	return name[at & (NAME_BYTES - 1)] == c;
}

static __always_inline bool has_word(const char *name, __u32 at, const char *word, __u32 len)
{
	for (__u32 i = 0; i < len; i++)
		if (!is_char(name, at + i, word[i]))
			return false;
	return true;
}

/* What the name of a cgroup is. */
enum door_name {
	DOOR_NAME_OTHER = 0,
	DOOR_NAME_ID = 1,    /* an id alone */
	DOOR_NAME_NAMED = 2, /* PREFIX-ID or SLICE:PREFIX:ID, and no monitor of a container */
	DOOR_NAME_PODS = 3,  /* libpod_parent, which holds Podman's pods */
};

/*
 * Reads the name of a cgroup. Returns enum door_name. Global: the verifier then checks it once, and not in
 * each turn of the caller's loop.
 */
__noinline int door_cgroup_name(__u64 cgroup)
{
	char name[NAME_BYTES];
	long n = bpf_probe_read_kernel_str(name, sizeof(name),
					   BPF_CORE_READ((struct cgroup *)cgroup, kn, name));
	__u32 len, at, digits = 0;

	if (n == sizeof("libpod_parent") && has_word(name, 0, "libpod_parent", n - 1))
		return DOOR_NAME_PODS;
	if (n <= ID_BYTES)
		return DOOR_NAME_OTHER;
	len = (__u32)n - 1;
	if (has_word(name, len - SCOPE_BYTES, ".scope", SCOPE_BYTES))
		len -= SCOPE_BYTES;
	if (len < ID_BYTES)
		return DOOR_NAME_OTHER;
	at = len - ID_BYTES;
	for (__u32 i = 0; i < ID_BYTES; i++)
		digits += hex_digit[(__u8)name[(at + i) & (NAME_BYTES - 1)]];
	if (digits != ID_BYTES)
		return DOOR_NAME_OTHER;
	if (at == 0)
		return DOOR_NAME_ID;
	if (!is_char(name, at - 1, '-') && !is_char(name, at - 1, ':'))
		return DOOR_NAME_OTHER;
	return at >= 7 && has_word(name, at - 7, "conmon-", 7) ? DOOR_NAME_OTHER : DOOR_NAME_NAMED;
}

/*
 * Returns the id of the outermost container's cgroup that a cgroup is, or lies in; 0: it is in none,
 * or the door does not hold there.
 */
__noinline __u64 door_container_id(__u64 cgroup)
{
	__u64 found = 0, bare = 0;
	bool is_below = !lutra_door_below;

	for (int i = 0; i < CGROUP_LEVELS && cgroup; i++) {
		__u64 id = BPF_CORE_READ((struct cgroup *)cgroup, kn, id);
		int name = door_cgroup_name(cgroup);

		/* The id below libpod_parent is that of a pod. */
		if (bare && name != DOOR_NAME_PODS)
			found = bare;
		bare = name == DOOR_NAME_ID ? id : 0;
		if (name == DOOR_NAME_NAMED)
			found = id;
		if (id == lutra_door_below)
			is_below = true;
		cgroup = cgroup_parent(cgroup);
	}
	return is_below ? found : 0;
}

/* ---- tasks ---- */

static __always_inline bool is_cgroup_known(__u64 cgroup_id)
{
	return bpf_map_lookup_elem(&door_known, &cgroup_id) != NULL;
}

/*
 * Notes a task that enters a cgroup. mnt_ns: of the task that moves it. A task that is noted for the
 * same container stays as it is: a runtime may move it on, to a cgroup below.
 */
static __always_inline void entrant_note(struct task_struct *task, __u64 cgroup, __u32 mnt_ns)
{
	struct door_entrant init = {.cgroup_id = door_container_id(cgroup), .mnt_ns = mnt_ns};
	struct door_entrant *e;

	if (!init.cgroup_id || is_cgroup_known(init.cgroup_id)) {
		if (task->bpf_storage)
			bpf_task_storage_delete(&door_entrants, task);
		return;
	}
	e = bpf_task_storage_get(&door_entrants, task, &init, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (e && e->cgroup_id != init.cgroup_id)
		*e = init;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(door_attach, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	/*
	 * A version 1 hierarchy counts ids of its own. The cgroup's pointer to itself is read: global
	 * functions take no pointer, and the verifier knows a copy of the argument for one.
	 */
	if (BPF_CORE_READ(to, root, hierarchy_id) == 0)
		entrant_note(task, (__u64)BPF_CORE_READ(to, self.cgroup),
			     task_mnt_ns(bpf_get_current_task_btf()));
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(door_fork, struct task_struct *parent, struct task_struct *child)
{
	__u64 cgroup = task_cgroup(child);
	struct door_entrant *e;

	if (cgroup != task_cgroup(parent)) {
		entrant_note(child, cgroup, task_mnt_ns(parent));
		return 0;
	}
	if (!parent->bpf_storage)
		return 0;
	e = bpf_task_storage_get(&door_entrants, parent, 0, 0);
	if (e)
		bpf_task_storage_get(&door_entrants, child, e, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

/* ---- the stop ---- */

/* Writes the stop to both rings and sends the signal. Returns false if it is not sent. */
static __always_inline bool stop_send(struct lutra_door_stop *stop)
{
	struct lutra_door_stop *event = bpf_ringbuf_reserve(&door_events, sizeof(*event), 0);
	__u64 *wake;

	if (!event)
		return false;
	wake = bpf_ringbuf_reserve(&door_wakes, sizeof(*wake), 0);
	if (!wake) {
		bpf_ringbuf_discard(event, 0);
		return false;
	}
	*wake = stop->stopped_ns;
	if (bpf_send_signal(SIGSTOP)) {
		bpf_ringbuf_discard(wake, 0);
		bpf_ringbuf_discard(event, 0);
		return false;
	}
	stop->is_sent = 1;
	*event = *stop;
	bpf_map_update_elem(&door_stopped, &stop->tgid, stop, BPF_ANY);
	bpf_ringbuf_submit(wake, BPF_RB_FORCE_WAKEUP);
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return true;
}

/*
 * Stops the current process. It is in door_stopped before the signal is sent, so that whoever
 * continues what is stopped finds it.
 */
static __noinline int task_stop(struct task_struct *task, __u64 cgroup_id)
{
	struct lutra_door_stop stop = {.cgroup_id = cgroup_id,
				       .start_ns = task->start_boottime,
				       .stopped_ns = bpf_ktime_get_ns(),
				       .tgid = (__u32)task->tgid};
	__u32 zero = 0;
	struct lutra_door_control *control = bpf_map_lookup_elem(&door_control, &zero);
	__u8 known = 1;

	if (!control)
		return 0;
	if (stop.stopped_ns < control->alive_ns + LUTRA_DOOR_ALIVE_NS &&
	    !bpf_map_update_elem(&door_stopped, &stop.tgid, &stop, BPF_ANY)) {
		if (stop_send(&stop)) {
			__sync_fetch_and_add(&control->stopped, 1);
			return 0;
		}
		bpf_map_delete_elem(&door_stopped, &stop.tgid);
	}
	/* The container's program runs: what starts in its cgroup later is an exec session. */
	bpf_map_update_elem(&door_known, &cgroup_id, &known, BPF_ANY);
	__sync_fetch_and_add(&control->missed, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(door_exec, struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct door_entrant *e;
	__u64 cgroup_id;

	if (!task->bpf_storage)
		return 0;
	e = bpf_task_storage_get(&door_entrants, task, 0, 0);
	if (!e || task_mnt_ns(task) == e->mnt_ns)
		return 0;
	cgroup_id = e->cgroup_id;
	bpf_task_storage_delete(&door_entrants, task);
	if (!is_cgroup_known(cgroup_id))
		task_stop(task, cgroup_id);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
