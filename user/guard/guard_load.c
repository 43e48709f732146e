/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the programs. LSM programs are tried first and a hook must be seen to run, because a kernel
 * may load and attach LSM programs and never call them; if that fails, the tracepoints are loaded.
 * The program at the seccomp filter is loaded where the kernel takes it: guard_syscalls.c.
 */
#include "user/guard/guard_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kern/lutra.skel.h"

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

DEFINE_FREEP(struct lutra_bpf, lutra_bpf__destroy);

static bool is_lsm(const struct bpf_program *p)
{
	return strncmp(bpf_program__section_name(p), "lsm/", 4) == 0;
}

int guard_try_load(const struct btf *kernel, const char *section, enum bpf_prog_type type,
		   enum bpf_attach_type attach)
{
	/* r0 = 0; exit */
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	__u32 kind = attach == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;
	const char *prefix = attach == BPF_TRACE_RAW_TP ? "btf_trace"
			     : attach == BPF_TRACE_ITER ? "bpf_iter"
			     : attach == BPF_LSM_MAC	? "bpf_lsm"
							: NULL;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	_cleanup_close_ int fd = -1;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "%s%s%s", prefix ? prefix : "", prefix ? "_" : "",
		 strchr(section, '/') + 1);
	id = btf__find_by_name_kind(kernel, name, kind);
	if (id < 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(type, NULL, "GPL", insns, 2, &opts);
	if (fd >= 0)
		return 0;
	/* Newer kernels keep some LSM hooks to themselves. Nothing else in an empty program is invalid. */
	return attach == BPF_LSM_MAC && errno == EINVAL ? -ENOENT : -errno;
}

static bool has_hook(const struct btf *kernel, const struct bpf_program *p)
{
	return guard_try_load(kernel, bpf_program__section_name(p), BPF_PROG_TYPE_LSM,
			      BPF_LSM_MAC) != -ENOENT;
}

/* Returns true if a program at the exit of the kernel's function can be loaded. */
static bool has_filter_exit(const struct btf *kernel, const struct bpf_program *p)
{
	return guard_try_load(kernel, bpf_program__section_name(p), BPF_PROG_TYPE_TRACING,
			      BPF_TRACE_FEXIT) == 0;
}

/*
 * Returns true if the kernel may run a program at the return of a function: it keeps the address of
 * each return with the task, from 6.14 on. Before, it had room for a few at a time.
 */
static bool has_function_returns(const struct btf *kernel)
{
	return btf__find_by_name_kind(kernel, "fprobe_hlist", BTF_KIND_STRUCT) > 0;
}

static void choose_programs(struct guard *g, struct lutra_bpf *skel, const struct btf *kernel,
			    bool lsm)
{
	enum guard_preemption preemption = guard_read_preemption();
	bool filter = g->syscalls && preemption != GUARD_PREEMPTION_ON &&
		      has_filter_exit(kernel, skel->progs.lutra_filter_exit);
	bool at_return =
		g->syscalls && preemption != GUARD_PREEMPTION_OFF && has_function_returns(kernel);
	struct bpf_program *p;

	bpf_object__for_each_program (p, skel->obj) {
		bpf_program__set_autoload(p, !is_lsm(p) || (lsm && has_hook(kernel, p)));
	}
	bpf_program__set_autoload(skel->progs.lutra_sys_enter, g->syscalls);
	bpf_program__set_autoload(skel->progs.lutra_filter_exit, filter);
	bpf_program__set_autoload(skel->progs.lutra_filter_probe, filter);
	bpf_program__set_autoload(skel->progs.lutra_filter_return, at_return);
	bpf_program__set_autoload(skel->progs.lutra_filter_return_probe, at_return);
	bpf_program__set_autoload(skel->progs.lutra_sys_exit, !lsm && !g->syscall_events);
	bpf_program__set_autoload(skel->progs.lutra_syscall_exit, !lsm && g->syscall_events);
}

/* Returns the number of the host's mount namespace, or 0 if it is not known. */
static __u32 read_host_mnt_ns(void)
{
	struct stat st;

	return stat("/proc/1/ns/mnt", &st) < 0 ? 0 : (__u32)st.st_ino;
}

/* Returns the device of the pin directory as struct super_block encodes it; 0: none. */
static __u32 read_pin_dev(const struct guard *g)
{
	struct stat st;

	if (g->pin_lock < 0 || fstat(g->pin_lock, &st) < 0)
		return 0;
	return major(st.st_dev) << 20 | minor(st.st_dev);
}

static int load_programs(struct guard *g, const struct btf *kernel, bool lsm)
{
	_cleanup_(lutra_bpf__destroyp) struct lutra_bpf *skel = lutra_bpf__open();
	int r;

	if (!skel)
		return -errno;
	choose_programs(g, skel, kernel, lsm);
	r = guard_pin_maps(g, skel);
	if (r < 0)
		return r;
	skel->rodata->lutra_fallback = !lsm;
	skel->rodata->lutra_has_rdonly_cast =
		btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	skel->rodata->lutra_instance = g->instance;
	skel->rodata->lutra_daemon_tgid = (__u32)getpid();
	skel->rodata->lutra_pin_dev = read_pin_dev(g);
	skel->rodata->lutra_host_mnt_ns = read_host_mnt_ns();
	r = lutra_bpf__load(skel);
	if (r == 0)
		g->skel = TAKE_PTR(skel);
	return r;
}

/* Returns true if an attached LSM hook is called. */
static bool has_running_hooks(struct lutra_bpf *skel)
{
	struct bpf_link *link = bpf_program__attach(skel->progs.lutra_bpf);
	__u32 id = 0;

	if (!link)
		return false;
	bpf_prog_get_next_id(id, &id);
	bpf_link__destroy(link);
	return skel->bss->lutra_hook_ran != 0;
}

static int load_lsm(struct guard *g, const struct btf *kernel)
{
	int r = load_programs(g, kernel, true);

	if (r < 0)
		return r;
	if (!has_running_hooks(g->skel)) {
		lutra_bpf__destroy(TAKE_PTR(g->skel));
		return -EOPNOTSUPP;
	}
	return 0;
}

int guard_load(struct guard *g, unsigned flags, struct err *err)
{
	_cleanup_(btf__freep) struct btf *kernel = NULL;
	int r;

	libbpf_set_print(NULL);
	if (geteuid() != 0)
		return err_set(err, -EPERM, "only root can load BPF programs: run as root");
	if (access(VMLINUX_BTF, R_OK) < 0)
		return err_set(err, -ENOENT,
			       "%s is missing: use a kernel with CONFIG_DEBUG_INFO_BTF",
			       VMLINUX_BTF);
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return err_set(err, -ENOENT, "cannot read %s: %s", VMLINUX_BTF, strerror(errno));
	g->syscalls = !(flags & GUARD_NO_SYSCALLS);
	g->syscall_events = !(flags & GUARD_BRIEF) && syscall_events_usable();
	g->lsm = !(flags & GUARD_NO_LSM) && load_lsm(g, kernel) == 0;
	if (!g->lsm && !g->syscalls)
		return err_set(
			err, -EOPNOTSUPP,
			"calls are off, which needs BPF LSM, and this host does not run BPF LSM: "
			"leave calls on");
	r = g->lsm ? 0 : load_programs(g, kernel, false);
	if (r == -EPERM || r == -EACCES)
		return err_set(err, -EPERM,
			       "the kernel refuses to load BPF programs (%s): "
			       "give lutra CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN",
			       strerror(-r));
	if (r < 0)
		return err_set(err, -EOPNOTSUPP,
			       "the kernel cannot load the BPF programs (%s): use 6.1 or newer",
			       strerror(-r));
	guard_place_syscalls(g);
	r = guard_note_skipping(g);
	return r < 0 ? err_set(err, r, "the map of lost tasks: %s", strerror(-r)) : 0;
}
