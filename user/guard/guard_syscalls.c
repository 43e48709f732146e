/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where system calls are seen. A program at sys_enter runs for every task of the host. A program at
 * the kernel's function for seccomp filters runs only for tasks that have a filter, as those of
 * containers usually do. So that one is used where it sees the same calls, and sys_enter is attached
 * beside it while an enrolled task has no filter.
 *
 * The kernel tells of such a task when it gets its entry, which is before its program begins. Until
 * sys_enter is attached, which takes this process some milliseconds, the calls of such a task are not
 * seen. sys_enter stays attached for some seconds; while a container is enrolled that has run a program
 * without a filter; and whenever nothing watches the ring: from the end of the daemon until the next
 * one has looked at all tasks.
 *
 * While a tracing program is preempted, the kernel skips its runs for other tasks on that CPU. So where
 * the kernel preempts tasks in the kernel, the program at the filter is one that runs at the function's
 * return, which the kernel does not preempt; before 6.14 there is none.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "kern/lutra.skel.h"
#include "user/sys/clock.h"

#define SETTLE_NS (2 * NSEC_PER_SEC)   /* since the last task without a filter was noted */
#define RECHECK_NS (10 * NSEC_PER_SEC) /* between looks that find such a task */

/* ---- does the kernel preempt? ---- */

int guard_open_fs(const char *type)
{
	_cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Reads how a kernel preempts that can change it: "none (voluntary) full". */
static enum guard_preemption read_debugfs(void)
{
	_cleanup_close_ int debugfs = guard_open_fs("debugfs");
	_cleanup_close_ int fd =
		debugfs < 0 ? -1 : openat(debugfs, "sched/preempt", O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return GUARD_PREEMPTION_UNKNOWN;
	return strstr(text, "(none)") || strstr(text, "(voluntary)") ? GUARD_PREEMPTION_OFF
								     : GUARD_PREEMPTION_ON;
}

/* Returns the address of a variable of the kernel's; 0: not known. */
static uint64_t find_symbol(const char *name)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], found[256], type;
	unsigned long long address;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, name) &&
		    sscanf(line, "%llx %c %255s", &address, &type, found) == 3 &&
		    strcmp(found, name) == 0)
			return address;
	return 0;
}

/*
 * The same from the kernel's memory: a locked down kernel does not let the file be read. The kernel
 * writes what the program writes into its context back to ctx_in, and takes no ctx_out.
 */
static enum guard_preemption read_variable(const struct guard *g)
{
	struct {
		uint64_t address;
		int32_t value, error;
	} ctx = {.address = find_symbol("preempt_dynamic_mode")};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	if (!ctx.address ||
	    bpf_prog_test_run_opts(bpf_program__fd(g->skel->progs.lutra_read_int), &opts) < 0 ||
	    ctx.error)
		return GUARD_PREEMPTION_UNKNOWN;
	/* 0: none, 1: voluntary; full and lazy are above. */
	return ctx.value == 0 || ctx.value == 1 ? GUARD_PREEMPTION_OFF : GUARD_PREEMPTION_ON;
}

enum guard_preemption guard_read_preemption(void)
{
	struct utsname uts;

	if (uname(&uts) < 0)
		return GUARD_PREEMPTION_UNKNOWN;
	if (!strstr(uts.version, "PREEMPT"))
		return GUARD_PREEMPTION_OFF;
	return strstr(uts.version, "PREEMPT_DYNAMIC") ? read_debugfs() : GUARD_PREEMPTION_ON;
}

/* ---- does the program at the filter run? ---- */

/* In a child: makes a call under a filter that allows everything. */
static void make_filtered_call(struct lutra_bpf *skel)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {.len = 1, .filter = &allow};

	/* The skeleton's variables are the kernel's memory, and shared with the parent. */
	skel->bss->lutra_filter_prober = (uint32_t)getpid();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(1);
	syscall(SYS_getppid);
	_exit(0);
}

/* Returns true if the kernel calls a program there for a task that has a filter. */
static bool is_filter_called(struct lutra_bpf *skel, const struct bpf_program *probe)
{
	struct bpf_link *link = bpf_program__attach(probe);
	pid_t pid;

	if (!link)
		return false;
	pid = fork();
	if (pid == 0)
		make_filtered_call(skel);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	bpf_link__destroy(link);
	return skel->bss->lutra_filter_ran != 0;
}

static bool is_loaded(const struct bpf_program *p)
{
	return bpf_program__fd(p) >= 0;
}

/* Sets the reason why no program at the filter is used. */
static void refuse_filter(struct guard *g, enum guard_preemption p)
{
	if (p == GUARD_PREEMPTION_ON)
		g->at_filter_why =
			"the kernel preempts tasks, and would skip calls at seccomp filters: boot "
			"with preempt=voluntary";
	else if (p == GUARD_PREEMPTION_UNKNOWN)
		g->at_filter_why = "it is not known whether the kernel preempts tasks, and would "
				   "skip calls at seccomp filters";
	else
		g->at_filter_why = "the kernel refuses a program at seccomp filters";
}

void guard_place_syscalls(struct guard *g)
{
	struct lutra_bpf *skel = g->skel;
	const struct bpf_program *chosen, *probe;
	enum guard_preemption p;

	p = guard_read_preemption();
	if (p == GUARD_PREEMPTION_UNKNOWN)
		p = read_variable(g);
	g->preempts = p != GUARD_PREEMPTION_OFF;
	/* Nobody looked while no daemon ran. */
	g->missed_tasks = g->preempts ? UINT64_MAX : 0;
	g->at_filter = NULL;
	if (!g->syscalls) {
		g->at_filter_why =
			"system calls are not seen: \"calls\" is \"off\" in the configuration";
		return;
	}
	/* The return's program is right on each kernel that has it, but costs more. */
	if (p == GUARD_PREEMPTION_OFF && is_loaded(skel->progs.lutra_filter_exit)) {
		chosen = skel->progs.lutra_filter_exit;
		probe = skel->progs.lutra_filter_probe;
	} else if (is_loaded(skel->progs.lutra_filter_return)) {
		chosen = skel->progs.lutra_filter_return;
		probe = skel->progs.lutra_filter_return_probe;
	} else {
		refuse_filter(g, p);
		return;
	}
	g->at_filter = is_filter_called(skel, probe) ? chosen : NULL;
	g->at_filter_why = g->at_filter ? "tasks without a seccomp filter pay nothing"
					: "the kernel does not call a program at seccomp filters";
	skel->bss->lutra_at_filter = g->at_filter != NULL;
}

/* ---- sys_enter beside it ---- */

int guard_attach_enter(struct guard *g)
{
	if (!g->at_filter || g->extra[GUARD_ENTER])
		return 0;
	g->filters_checked_ns = clock_now_ns();
	return guard_attach_extra(g, GUARD_ENTER);
}

/* Returns true if an enrolled task has no filter, or -errno. Fills in the slots of such tasks. */
static int look_for_unfiltered(struct guard *g)
{
	__u64 *slots = g->skel->bss->lutra_unfiltered_slots;
	size_t n = sizeof(g->skel->bss->lutra_unfiltered_slots) / sizeof(*slots);
	bool found = false;
	int r = 0;

	memset(slots, 0, n * sizeof(*slots));
	/* The next program of such a container will have no filter either, and may begin at once. */
	for (uint32_t i = 1; i < LUTRA_SLOTS; i++)
		if (g->slots[i].cgroup_id && g->slots[i].flags & LUTRA_SLOT_UNFILTERED)
			slots[i / 64] |= 1ull << (i & 63);
	/* The second walk finds what was forked during the first, by a task that has ended. */
	for (int i = 0; i < 2 && r == 0; i++)
		r = guard_walk_tasks(g->skel->progs.lutra_find_unfiltered);
	for (size_t i = 0; i < n; i++)
		found = found || slots[i];
	return r < 0 ? r : found;
}

int guard_follow_filters(struct guard *g)
{
	int r = !g->at_filter || g->extra[GUARD_ENTER] ? 0 : look_for_unfiltered(g);

	return r == 0 ? 0 : guard_attach_enter(g);
}

void guard_heed_notes(struct guard *g)
{
	if (!g->unfiltered)
		return;
	if (g->n_enrolled && guard_attach_enter(g) < 0)
		return; /* the next call tries again */
	g->unfiltered = false;
	g->filters_checked_ns = clock_now_ns();
}

/* Detaches sys_enter when no enrolled task needs it. */
static void drop_enter(struct guard *g, uint64_t now_ns)
{
	bool found;

	guard_heed_notes(g);
	if (!g->at_filter || !g->n_enrolled || !g->extra[GUARD_ENTER])
		return;
	/* A future time: the last look found such a task. */
	if (now_ns < g->filters_checked_ns + SETTLE_NS)
		return;
	found = look_for_unfiltered(g) != 0;
	g->filters_checked_ns = found ? now_ns + RECHECK_NS - SETTLE_NS : now_ns;
	if (found)
		return;
	guard_detach_extra(g, GUARD_ENTER);
	/* A task may have come since the look: its note is in the ring. */
	guard_drain(g);
}

/* Detaches the programs that only refuse when no container is in a mode that refuses. */
static void drop_refusal(struct guard *g)
{
	bool refuses = false;

	for (uint32_t i = 1; g->extra[GUARD_REFUSAL] && i < LUTRA_SLOTS; i++)
		refuses |= g->slots[i].cgroup_id && g->slots[i].mode > LUTRA_MODE_AUDIT;
	if (!refuses && g->n_enrolled)
		guard_detach_extra(g, GUARD_REFUSAL);
}

void guard_choose_programs(struct guard *g, uint64_t now_ns)
{
	drop_enter(g, now_ns);
	drop_refusal(g);
}

/* ---- what is told ---- */

struct guard_syscalls guard_syscalls(const struct guard *g)
{
	return (struct guard_syscalls){
		.at_filter = g->at_filter ? bpf_program__section_name(g->at_filter) : NULL,
		.at_enter = g->syscalls && (!g->at_filter || g->extra[GUARD_ENTER]),
		.why = g->at_filter_why,
	};
}

bool guard_is_unfiltered(const struct guard *g, uint32_t slot)
{
	return g->at_filter && slot < LUTRA_SLOTS && g->extra[GUARD_ENTER] &&
	       g->skel->bss->lutra_unfiltered_slots[slot / 64] >> (slot & 63) & 1;
}
