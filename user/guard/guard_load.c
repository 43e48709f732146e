/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and attaching the kernel side. */
#include "user/guard/guard_impl.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kern/lutra.skel.h"
#include "user/guard/call_events.h"

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static bool is_lsm(const struct bpf_program *p)
{
	return strncmp(bpf_program__section_name(p), "lsm/", 4) == 0;
}

static bool is_test(const struct bpf_program *p)
{
	return strncmp(bpf_program__name(p), "parity_", 7) == 0;
}

/* Does the running kernel have the hook of an LSM program, and let programs have it? Newer ones
 * keep some to themselves. */
static bool has_hook(const struct btf *kernel, const struct bpf_program *p)
{
	return guard_try_hook(kernel, bpf_program__section_name(p)) != -ENOENT;
}

static void choose_programs(struct guard *g, struct lutra_bpf *skel, const struct btf *kernel,
			    bool lsm)
{
	struct bpf_program *p;

	bpf_object__for_each_program (p, skel->obj) {
		bool load = !is_test(p);

		if (is_lsm(p))
			load = lsm && has_hook(kernel, p);
		bpf_program__set_autoload(p, load);
	}
	bpf_program__set_autoload(skel->progs.lutra_sys_enter, g->calls);
	bpf_program__set_autoload(skel->progs.lutra_sys_exit, !lsm && !g->call_events);
	bpf_program__set_autoload(skel->progs.lutra_call_exit, !lsm && g->call_events);
}

/* As the kernel has it in struct super_block. */
static __u32 pin_dev(const struct guard *g)
{
	struct stat st;

	if (g->pin_lock < 0 || fstat(g->pin_lock, &st) < 0)
		return 0;
	return major(st.st_dev) << 20 | minor(st.st_dev);
}

static int load_once(struct guard *g, const struct btf *kernel, bool lsm)
{
	struct lutra_bpf *skel = lutra_bpf__open();
	struct bpf_map *m;
	int r;

	if (!skel)
		return -errno;
	choose_programs(g, skel, kernel, lsm);
	bpf_object__for_each_map (m, skel->obj) {
		if (strncmp(bpf_map__name(m), "parity_", 7) == 0)
			bpf_map__set_autocreate(m, false);
	}
	r = guard_pin_maps(g, skel);
	if (r < 0) {
		lutra_bpf__destroy(skel);
		return r;
	}
	skel->rodata->lutra_standin = !lsm;
	skel->rodata->lutra_loads =
		btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	skel->rodata->lutra_instance = g->instance;
	skel->rodata->lutra_daemon_tgid = (__u32)getpid();
	skel->rodata->lutra_pin_dev = pin_dev(g);
	r = lutra_bpf__load(skel);
	if (r < 0) {
		lutra_bpf__destroy(skel);
		return r;
	}
	g->skel = skel;
	return 0;
}

/* A kernel may load and attach LSM programs and yet not run them: see whether a hook comes. */
static bool hooks_run(struct lutra_bpf *skel)
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
	int r = load_once(g, kernel, true);

	if (r < 0)
		return r;
	if (!hooks_run(g->skel)) {
		lutra_bpf__destroy(TAKE_PTR(g->skel));
		return -EOPNOTSUPP;
	}
	return 0;
}

int guard_load(struct guard *g, unsigned flags, struct err *err)
{
	struct btf *kernel;
	int r;

	libbpf_set_print(quiet);
	if (geteuid() != 0)
		return err_set(err, -EPERM, "only root can load BPF programs: run as root");
	if (access(VMLINUX_BTF, R_OK) < 0)
		return err_set(err, -ENOENT,
			       "%s is missing: use a kernel with CONFIG_DEBUG_INFO_BTF",
			       VMLINUX_BTF);
	kernel = btf__load_vmlinux_btf();
	if (!kernel)
		return err_set(err, -ENOENT, "cannot read %s: %s", VMLINUX_BTF, strerror(errno));
	g->calls = !(flags & GUARD_NO_CALLS);
	g->call_events = !(flags & GUARD_BRIEF) && call_events_work();
	g->lsm = !(flags & GUARD_NO_LSM) && load_lsm(g, kernel) == 0;
	r = g->lsm ? 0 : g->calls ? load_once(g, kernel, false) : -EXFULL;
	btf__free(kernel);
	if (r == -EXFULL)
		return err_set(err, -EOPNOTSUPP,
			       "calls are off, which needs BPF LSM, and this host does not run it: "
			       "leave calls on");
	if (r == -EPERM || r == -EACCES)
		return err_set(err, -EPERM,
			       "this kernel lets nobody here load BPF programs (%s): "
			       "give CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN",
			       strerror(-r));
	if (r < 0)
		return err_set(err, -EOPNOTSUPP,
			       "this kernel does not take the BPF programs (%s): use 6.1 or newer",
			       strerror(-r));
	return 0;
}
