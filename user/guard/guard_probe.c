/* SPDX-License-Identifier: Apache-2.0 */
/* What this host can do: every kind of program is tried by loading an empty one. */
#include "user/guard/guard_impl.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "lib/names.h"
#include "lib/th.h"

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
#define HOOK(n, does, fallback)                                                                    \
	{                                                                                          \
		"lsm/" n, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, does, fallback                           \
	}
#define SEEN_LATER "seen by a tracepoint: audit and kill, no deny"
#define KILL_ONLY "the call's novelty is seen at its entry: audit and kill, no deny"

static const struct probe probes[] = {
	TP("sys_enter", "calls are recorded and scored"),
	TP("sys_exit", "stands in for lsm/file_open"),
	TP("sched_process_fork", "children are enrolled"),
	TP("sched_process_exec", "arming and roles"),
	TP("sched_process_exit", "ends are recorded"),
	TP("cgroup_attach_task", "tasks that join are enrolled"),
	{"iter/task", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "running tasks are adopted", NULL},
	HOOK("bprm_check_security", "executions are judged and refused", SEEN_LATER),
	HOOK("file_open", "opens are judged and refused", SEEN_LATER),
	HOOK("socket_connect", "connects are judged and refused", SEEN_LATER),
	HOOK("socket_bind", "binds are judged and refused", SEEN_LATER),
	HOOK("socket_create", "sockets are refused", KILL_ONLY),
	HOOK("sb_mount", "mounts are refused", KILL_ONLY),
	HOOK("ptrace_access_check", "ptrace is refused", KILL_ONLY),
	HOOK("capable", "calls that need a capability are refused", KILL_ONLY),
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

static void row(struct guard_feature *f, const struct probe *p, int r)
{
	f->name = p->name;
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

/* The whole of it: load as the daemon would, and see which way it went. */
static void row_whole(struct guard_feature *f)
{
	const struct guard_handler none = {};
	_cleanup_(guard_freep) struct guard *g = NULL;
	struct err err = {};

	f->name = "bpf lsm";
	f->works = guard_new(&g, &none, false, &err) == 0 && guard_has_lsm(g);
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

/* Calls of rule TH whose hook this kernel or this build lacks: they alert, nothing refuses them. */
static void row_calls(struct guard_feature *f)
{
	size_t n = 0;
	char name[32];

	f->name = "hooks of rule TH";
	f->detail[0] = '\0';
	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		const char *hook = th_hook(NULL, nr);
		bool has = false;

		for (size_t i = 0; hook && i < sizeof(probes) / sizeof(probes[0]); i++)
			has |= strncmp(probes[i].name, "lsm/", 4) == 0 &&
			       strcmp(probes[i].name + 4, hook) == 0;
		if (!hook || has || n >= sizeof(f->detail))
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
	btf__free(kernel);
	if (n < max)
		row_whole(&ret[n++]);
	if (n < max)
		row_calls(&ret[n++]);
	return (int)n;
}
