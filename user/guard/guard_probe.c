/* SPDX-License-Identifier: Apache-2.0 */
/* What this host can do: every kind of program is tried by loading an empty one. */
#include "user/guard/guard_impl.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "kern/lutra.skel.h"
#include "lib/abi/names.h"
#include "lib/abi/syscall_traits.h"
#include "user/guard/call_events.h"

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
	TP("sys_enter", "calls are recorded and scored"),
	TP("sys_exit", "stands in for them where syscalls/ cannot, and under lutra run and record"),
	TP("sched_process_fork", "children are enrolled"),
	TP("sched_process_exec", "arming and roles"),
	TP("sched_process_exit", "ends are recorded"),
	TP("cgroup_attach_task", "tasks that join are enrolled"),
	{"iter/task", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "running tasks are adopted", NULL},
};

/* The kernel's BTF name behind a section name. */
static void target_name(const struct probe *p, char *buf, size_t size)
{
	const char *target = strchr(p->name, '/') + 1;

	if (p->attach == BPF_TRACE_RAW_TP)
		snprintf(buf, size, "btf_trace_%s", target);
	else if (p->attach == BPF_TRACE_ITER)
		snprintf(buf, size, "bpf_iter_%s", target);
	else
		snprintf(buf, size, "bpf_lsm_%s", target);
}

static int try_load(const struct probe *p, const struct btf *kernel)
{
	/* r0 = 0; exit */
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	__u32 kind = p->attach == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = p->attach);
	char name[64];
	int id, fd;

	target_name(p, name, sizeof(name));
	id = btf__find_by_name_kind(kernel, name, kind);
	if (id < 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(p->type, NULL, "GPL", insns, 2, &opts);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int guard_try_hook(const struct btf *kernel, const char *section)
{
	const struct probe probe = {section, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, NULL, NULL};
	int r = try_load(&probe, kernel);

	/* An empty program has nothing else that is invalid. */
	return r == -EINVAL ? -ENOENT : r;
}

static void row(struct guard_feature *f, const struct probe *p, int r)
{
	snprintf(f->name, sizeof(f->name), "%s", p->name);
	f->works = r == 0;
	f->fallback = r == 0 ? NULL : p->fallback;
	if (r == 0)
		snprintf(f->detail, sizeof(f->detail), "%s", p->does);
	else if (r == -ENOENT)
		snprintf(f->detail, sizeof(f->detail), "this kernel has no such hook");
	else
		snprintf(f->detail, sizeof(f->detail), "the kernel refuses to load it: %s",
			 strerror(-r));
}

static void row_call_events(struct guard_feature *f)
{
	snprintf(f->name, sizeof(f->name), "syscalls/sys_exit_*");
	f->works = call_events_work();
	f->fallback = f->works ? NULL : "tp_btf/sys_exit, which every call of every task pays for";
	snprintf(f->detail, sizeof(f->detail), "%s",
		 f->works ? "stand in for the hooks of files and names"
			  : "no such tracepoints here: CONFIG_FTRACE_SYSCALLS makes them");
}

/* The whole of it: load as the daemon would, and see which way it went. */
static void row_whole(struct guard_feature *f)
{
	const struct guard_handler none = {};
	_cleanup_(guard_freep) struct guard *g = NULL;
	struct err err = {};

	snprintf(f->name, sizeof(f->name), "bpf lsm");
	f->works = guard_new(&g, &none, 0, &err) == 0 && guard_has_lsm(g);
	f->fallback = f->works ? NULL
			       : "modes audit, kill, kill-container and freeze through tracepoints";
	if (f->works)
		snprintf(f->detail, sizeof(f->detail), "hooks run: all modes");
	else if (g)
		snprintf(
			f->detail, sizeof(f->detail),
			"LSM programs do not load or do not run: add bpf to the lsm= list of boot");
	else
		snprintf(f->detail, sizeof(f->detail), "%.*s", (int)sizeof(f->detail) - 1, err.msg);
}

/* A row for each hook that has a program here. */
static size_t rows_hooks(struct guard_feature *ret, size_t max, const struct btf *kernel)
{
	struct lutra_bpf *skel = lutra_bpf__open();
	struct bpf_program *p;
	size_t n = 0;

	if (!skel)
		return 0;
	bpf_object__for_each_program (p, skel->obj) {
		struct probe probe = {bpf_program__section_name(p), BPF_PROG_TYPE_LSM, BPF_LSM_MAC,
				      "its operations are judged and refused",
				      "calls that pass it are judged at their entry"};

		if (n < max && strncmp(probe.name, "lsm/", 4) == 0) {
			row(&ret[n], &probe, guard_try_hook(kernel, probe.name));
			n++;
		}
	}
	lutra_bpf__destroy(skel);
	return n;
}

static bool has_row(const struct guard_feature *rows, size_t n, const char *hook)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(rows[i].name, "lsm/", 4) == 0 && strcmp(rows[i].name + 4, hook) == 0)
			return rows[i].works;
	return false;
}

/* Calls of rule TH whose hook this kernel lacks: they alert, nothing refuses them. */
static void row_calls(struct guard_feature *f, const struct guard_feature *rows, size_t n_rows)
{
	size_t n = 0;
	char name[32];

	snprintf(f->name, sizeof(f->name), "hooks of rule TH");
	f->detail[0] = '\0';
	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		const char *hook = th_hook(NULL, nr);

		if (!hook || has_row(rows, n_rows, hook) || n >= sizeof(f->detail))
			continue;
		n += (size_t)snprintf(f->detail + n, sizeof(f->detail) - n, "%s%s", n ? " " : "",
				      nr_name(NULL, nr, name, sizeof(name)));
	}
	if (n == 0)
		snprintf(f->detail, sizeof(f->detail), "every call of it passes one");
	f->works = n == 0;
	f->fallback = n ? "mode kill, or a seccomp profile" : NULL;
}

int guard_probe(struct guard_feature *ret, size_t max, struct err *err)
{
	struct btf *kernel;
	size_t n = 0;

	libbpf_set_print(NULL);
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return err_set(err, -ENOENT,
			       "/sys/kernel/btf/vmlinux cannot be read: use a kernel with "
			       "CONFIG_DEBUG_INFO_BTF");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]) && n < max; i++, n++)
		row(&ret[n], &probes[i], try_load(&probes[i], kernel));
	if (n < max)
		row_call_events(&ret[n++]);
	if (n < max)
		row_whole(&ret[n++]);
	if (n < max && ret[n - 1].works) {
		n += rows_hooks(&ret[n], max - n, kernel);
		if (n < max) {
			row_calls(&ret[n], ret, n);
			n++;
		}
	}
	btf__free(kernel);
	return (int)n;
}

static const char *const differences[] = {
	"the call under way is not refused: SIGKILL stops its task before it returns to user mode",
	"mode deny needs BPF LSM; audit, kill, kill-container and freeze work, but freeze refuses "
	"nothing until the container is frozen",
	"opens, mappings and path operations are seen when the call returns, not before it acts",
	"what a path operation names is taken as it was written: symbolic links and \"..\" in it "
	"are not followed, and a directory's name is taken for a file's",
	"capabilities, hooks without an object, and file mappings made executable later are not "
	"seen",
	"of setxattr outside the root's file system the path is seen, by the hook only that it was "
	"done",
	"operations of io_uring workers and of 32-bit calls are not seen",
	NULL,
};

const char *const *guard_standin_differences(void)
{
	return differences;
}
