/* SPDX-License-Identifier: Apache-2.0 */
/* Filters from profiles, by libseccomp. */
#include "user/seccomp/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define BINARY_TREE 2 /* SCMP_FLTATR_CTL_OPTIMIZE: search system calls in a tree, not in a chain */
#define PROGRAM_MAX ((size_t)BPF_MAXINSNS)

/*
 * Adds the architectures of the profile. One that libseccomp does not know, or of the other byte
 * order, cannot run here: runtimes skip it.
 */
static int add_arches(scmp_filter_ctx f, const struct profile *p)
{
	uint32_t arch;
	int r = 0;

	for (unsigned i = 0; r == 0 && (arch = profile_arch(i)); i++) {
		if (p->arches >> i & 1 && seccomp_arch_exist(f, arch) == -EEXIST)
			r = seccomp_arch_add(f, arch);
		r = r == -EDOM || r == -EINVAL ? 0 : r;
	}
	return r;
}

static void set_flags(scmp_filter_ctx f, const struct profile *p)
{
	if (p->flags & SECCOMP_FILTER_FLAG_LOG)
		seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	if (p->flags & SECCOMP_FILTER_FLAG_TSYNC)
		seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (p->flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW)
		seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
}

/* Returns true if two conditions are on one argument: runtimes take these as alternatives. */
static bool is_alternatives(const struct profile_entry *e)
{
	unsigned seen = 0;

	for (uint32_t i = 0; i < e->n_args; i++) {
		if (seen >> e->arg[i].index & 1)
			return true;
		seen |= 1u << e->arg[i].index;
	}
	return false;
}

static int add_entry(scmp_filter_ctx f, const struct profile_entry *e)
{
	struct scmp_arg_cmp cmp[PROFILE_ARGS];
	int nr = seccomp_syscall_resolve_name(e->name), r = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (uint32_t i = 0; i < e->n_args; i++)
		cmp[i] = (struct scmp_arg_cmp){.arg = e->arg[i].index,
					       .op = (enum scmp_compare)e->arg[i].op,
					       .datum_a = e->arg[i].value,
					       .datum_b = e->arg[i].value_two};
	if (!is_alternatives(e))
		return seccomp_rule_add_array(f, e->action, nr, e->n_args, cmp);
	for (uint32_t i = 0; r == 0 && i < e->n_args; i++)
		r = seccomp_rule_add_array(f, e->action, nr, 1, &cmp[i]);
	return r;
}

static int fill_filter(scmp_filter_ctx f, const struct profile *p, struct err *err)
{
	int r = add_arches(f, p);

	if (r < 0)
		return err_set(err, -EINVAL, "architectures: %s", strerror(-r));
	set_flags(f, p);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct profile_entry *e = &p->entries[i];

		if (e->action == p->default_action)
			continue;
		r = add_entry(f, e);
		if (r < 0)
			return err_set(err, r == -ENOMEM ? r : -EINVAL, "%s: %s", e->name,
				       strerror(-r));
	}
	return 0;
}

int filter_new(scmp_filter_ctx *ret, const struct profile *profile, struct err *err)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = seccomp_init(profile->default_action);
	int r;

	if (!f)
		return err_set(err, -EINVAL,
			       "libseccomp refuses the default action of the profile");
	r = fill_filter(f, profile, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

int filter_program(scmp_filter_ctx f, struct sock_filter **ret, size_t *ret_n, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_free_ struct sock_filter *program = NULL;
	size_t size;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "memfd: %s", strerror(errno));
	r = seccomp_export_bpf(f, fd);
	if (r < 0)
		return err_set(err, r, "libseccomp: %s", strerror(-r));
	size = (size_t)lseek(fd, 0, SEEK_CUR);
	if (size % sizeof(*program) || size > PROGRAM_MAX * sizeof(*program))
		return err_set(err, -EINVAL,
			       "the filter has more than %zu instructions: no kernel takes it",
			       PROGRAM_MAX);
	program = malloc(size + 1);
	if (!program)
		return err_oom(err);
	if (pread(fd, program, size, 0) != (ssize_t)size)
		return err_set(err, -EIO, "cannot read the filter back from its memory file");
	*ret_n = size / sizeof(*program);
	*ret = TAKE_PTR(program);
	return 0;
}

int filter_install(scmp_filter_ctx f)
{
	int r;

	/* Try without no_new_privs first, so that file capabilities of programs still work. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0);
	r = seccomp_load(f);
	if (r == 0 || (r != -EACCES && r != -ECANCELED))
		return r;
	seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 1);
	return seccomp_load(f);
}

int filter_install_open(const void *ctx)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {.len = 1, .filter = &allow};

	(void)ctx;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

int filter_try(scmp_filter_ctx f, struct err *err)
{
	int status, r;
	pid_t pid = fork();

	if (pid < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (pid == 0)
		_exit(-filter_install(f) & 0xff);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "wait: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return err_set(err, -EINVAL,
			       "the filter does not allow exit_group: no process could end");
	r = -WEXITSTATUS(status);
	return r < 0 ? err_set(err, r, "the kernel refuses the filter: %s", strerror(-r)) : 0;
}
