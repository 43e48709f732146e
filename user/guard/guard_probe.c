/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what this host can do, by loading an empty program of each kind. */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>

#include "kern/lutra.skel.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"

struct probe {
	const char *name; /* section name */
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *does;
	const char *fallback;
};

#define TP(n, does)                                                                                \
	{                                                                                          \
		"tp_btf/" n, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, does, NULL                   \
	}

static const struct probe probes[] = {
	TP("sys_enter", "system calls are recorded and scored"),
	TP("sys_exit", "fallback where syscalls/ does not work, and under lutra run and record"),
	TP("sched_process_fork", "children are enrolled"),
	TP("sched_process_exec", "arming and roles"),
	TP("sched_process_exit", "exits are recorded"),
	TP("sched_process_free", "entries of tasks are freed"),
	TP("cgroup_attach_task", "tasks that join are enrolled"),
	{"iter/task", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "running tasks are enrolled", NULL},
};

static void fill_row(struct guard_feature *f, const struct probe *p, int r)
{
	snprintf(f->name, sizeof(f->name), "%s", p->name);
	f->works = r == 0;
	f->fallback = r == 0 ? NULL : p->fallback;
	if (r == 0)
		snprintf(f->detail, sizeof(f->detail), "%s", p->does);
	else if (r == -ENOENT)
		snprintf(f->detail, sizeof(f->detail),
			 "this kernel has no such hook for BPF programs");
	else
		snprintf(f->detail, sizeof(f->detail), "the kernel refuses to load it: %s",
			 strerror(-r));
}

static void fill_syscall_events(struct guard_feature *f)
{
	snprintf(f->name, sizeof(f->name), "syscalls/sys_exit_*");
	f->works = syscall_events_usable();
	f->fallback =
		f->works ? NULL : "tp_btf/sys_exit, which slows every system call of every task";
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->works ? "fallback for the hooks of files and names"
			  : "no such tracepoints: use a kernel with CONFIG_FTRACE_SYSCALLS");
}

/* Reports where system calls are seen. g: NULL if no guard could be loaded. */
static void fill_filter_exit(struct guard_feature *f, const struct guard *g)
{
	const char *section = g ? guard_syscalls(g).at_filter : NULL;

	snprintf(f->name, sizeof(f->name), "%s", section ? section : "fexit/__secure_computing");
	f->works = section != NULL;
	f->fallback = "tp_btf/sys_enter, which every system call of every task pays for";
	snprintf(f->detail, sizeof(f->detail), "%s",
		 !g	    ? "the programs do not load"
		 : f->works ? "system calls are seen at seccomp filters, and at sys_enter while a "
			      "guarded task has none"
			    : guard_syscalls(g).why);
}

/*
 * Reports which way the programs load that the daemon loads. g: NULL, for the reason err, if they do
 * not.
 */
static void fill_lsm(struct guard_feature *f, const struct guard *g, const struct err *err)
{
	snprintf(f->name, sizeof(f->name), "bpf lsm");
	f->works = g && guard_has_lsm(g);
	f->fallback = f->works ? NULL
			       : "modes audit, kill, kill-container and freeze through tracepoints";
	if (f->works)
		snprintf(f->detail, sizeof(f->detail), "hooks run: all modes");
	else if (g)
		snprintf(f->detail, sizeof(f->detail),
			 "LSM programs do not load or do not run: add bpf to lsm= on the kernel "
			 "command line");
	else
		snprintf(f->detail, sizeof(f->detail), "%.*s", (int)sizeof(f->detail) - 1,
			 err->msg);
}

/* Returns true for hooks of the life of System V objects: see kern/hooks/lsm_ipc.bpf.c. */
static bool is_maker_hook(const char *section)
{
	static const char *const sections[] = {
		"lsm/shm_alloc_security", "lsm/sem_alloc_security", "lsm/msg_queue_alloc_security",
		"lsm/shm_free_security",  "lsm/sem_free_security",  "lsm/msg_queue_free_security"};

	return TEXT_IS_IN(section, sections);
}

/* What an element of a hash map takes beside key and value. */
#define HASH_ELEMENT_BYTES 56

static void fill_reserve(struct guard_feature *f)
{
	struct lutra_bpf *skel = lutra_bpf__open();
	const struct bpf_map *m = skel ? skel->maps.reserve : NULL;
	size_t bytes = m ? bpf_map__value_size(m) + HASH_ELEMENT_BYTES : 0;

	snprintf(f->name, sizeof(f->name), "reserve of task entries");
	f->works = m != NULL;
	f->fallback = NULL;
	if (m)
		snprintf(f->detail, sizeof(f->detail),
			 "%u entries take %zu MiB when lutrad loads its programs",
			 bpf_map__max_entries(m), bpf_map__max_entries(m) * bytes >> 20);
	else
		snprintf(f->detail, sizeof(f->detail), "the programs cannot be read");
	lutra_bpf__destroy(skel);
}

/* Fills a row for each hook that has a program. */
static size_t fill_hooks(struct guard_feature *ret, size_t max, const struct btf *kernel)
{
	struct lutra_bpf *skel = lutra_bpf__open();
	struct bpf_program *p;
	size_t n = 0;

	if (!skel)
		return 0;
	bpf_object__for_each_program (p, skel->obj) {
		struct probe probe = {bpf_program__section_name(p), BPF_PROG_TYPE_LSM, BPF_LSM_MAC,
				      "its operations are judged and denied",
				      "the system calls that reach it are judged at entry"};

		if (is_maker_hook(probe.name)) {
			probe.does = "who makes and ends System V objects is noted";
			probe.fallback = "all System V objects count as of others";
		}
		if (n < max && strncmp(probe.name, "lsm/", 4) == 0) {
			fill_row(&ret[n], &probe,
				 guard_try_load(kernel, probe.name, probe.type, probe.attach));
			n++;
		}
	}
	lutra_bpf__destroy(skel);
	return n;
}

static bool is_hook_working(const struct guard_feature *rows, size_t n, const char *hook)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(rows[i].name, "lsm/", 4) == 0 && strcmp(rows[i].name + 4, hook) == 0)
			return rows[i].works;
	return false;
}

/* Lists the system calls of rule TH whose hook this kernel lacks: they alert, nothing denies them. */
static void fill_hookable_syscalls(struct guard_feature *f, const struct guard_feature *rows,
				   size_t n_rows)
{
	size_t n = 0;
	char name[32];

	snprintf(f->name, sizeof(f->name), "hooks of rule TH");
	f->detail[0] = '\0';
	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		const char *hook = syscall_hook(NULL, nr);

		if (!hook || is_hook_working(rows, n_rows, hook) || n >= sizeof(f->detail))
			continue;
		n += (size_t)snprintf(f->detail + n, sizeof(f->detail) - n, "%s%s", n ? " " : "",
				      syscall_name(NULL, nr, name, sizeof(name)));
	}
	if (n == 0)
		snprintf(f->detail, sizeof(f->detail),
			 "every system call of the rule reaches a hook");
	f->works = n == 0;
	f->fallback = n ? "mode kill, or a seccomp profile" : NULL;
}

int guard_probe(struct guard_feature *ret, size_t max, struct err *err)
{
	_cleanup_(guard_freep) struct guard *g = NULL;
	_cleanup_(btf__freep) struct btf *kernel = NULL;
	const struct guard_handler none = {};
	struct err load = {};
	size_t n = 0;
	bool lsm;

	libbpf_set_print(NULL);
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return err_set(err, -ENOENT,
			       "/sys/kernel/btf/vmlinux cannot be read: use a kernel with "
			       "CONFIG_DEBUG_INFO_BTF");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]) && n < max; i++, n++)
		fill_row(&ret[n], &probes[i],
			 guard_try_load(kernel, probes[i].name, probes[i].type, probes[i].attach));
	if (n < max)
		fill_syscall_events(&ret[n++]);
	if (guard_new(&g, &none, 0, NULL, &load) < 0)
		g = NULL;
	if (n < max)
		fill_filter_exit(&ret[n++], g);
	if (n < max)
		fill_lsm(&ret[n++], g, &load);
	lsm = n > 0 && ret[n - 1].works;
	if (n < max)
		fill_reserve(&ret[n++]);
	if (n < max && lsm) {
		n += fill_hooks(&ret[n], max - n, kernel);
		if (n < max) {
			fill_hookable_syscalls(&ret[n], ret, n);
			n++;
		}
	}
	return (int)n;
}

static const char *const differences[] = {
	"the system call itself is not denied: SIGKILL stops its task before it returns to user "
	"mode",
	"mode deny needs BPF LSM; audit, kill, kill-container and freeze work, but freeze denies "
	"nothing before the container is frozen",
	"opens, mappings and path operations are seen when the system call returns, not before it "
	"acts",
	"the path of a path operation is taken as written: symbolic links and \"..\" in it are not "
	"followed, and the name of a directory counts as the name of a file",
	"capabilities, hooks without an object, kinds of sockets and the Unix socket that is met "
	"are not seen, and a file mapping that is made executable later counts as memory that was "
	"written",
	"acts on tasks outside and on System V objects of others are not told from other acts",
	"setxattr outside the root's file system shows its path, where the hook shows only the "
	"operation",
	"operations of io_uring workers and of 32-bit system calls are not seen",
	"recordings do not have the key and the owner of a System V object that is named by its "
	"id, and the layer of a file that a path operation or a script names by its path",
	NULL,
};

const char *const *guard_fallback_differences(void)
{
	return differences;
}
