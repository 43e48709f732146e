/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a seccomp profile from a policy.
 *
 * Conditions compare the bits that a record holds, so all are SCMP_CMP_MASKED_EQ and exclude each
 * other: the order in which libseccomp asks the rules of a system call does not matter. The flags
 * of clone3 lie in memory, which a filter cannot read. clone3 gets ENOSYS unless each namespace is
 * known; libc then falls back to clone, so clone is known where clone3 is.
 */
#include "user/seccomp/export.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/abi/syscall_traits.h"

#define FAMILIES 46 /* AF_MAX of Linux 6 */
#define X86_64_BIT 1u

struct export
{
	const struct export_options *options;
	struct profile *profile;
	struct policy_arguments args; /* known to the policy or to the start-up set */
	bool seen[LUTRA_NR];	      /* known to the policy or to the start-up set */
	unsigned unnamed;
	int error; /* the first failure, -errno */
};

static const uint32_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET, CLONE_NEWTIME};
#define N_NAMESPACES (sizeof(namespaces) / sizeof(namespaces[0]))

/* The options of prctl that container runtimes use after the filter is installed. */
static const uint32_t startup_prctl[] = {
	PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_KEEPCAPS,	  PR_SET_KEEPCAPS,
	PR_SET_NAME,	  PR_CAPBSET_READ,  PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT,
};

static void export_entry(struct export *x, const struct profile_entry *e)
{
	int r = profile_add(x->profile, e);

	if (r < 0 && !x->error)
		x->error = r;
}

/* Returns the name of a system call on x86-64; the caller frees it. NULL: libseccomp has none. */
static char *syscall_name_of(unsigned nr)
{
	return seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr);
}

static void collect_seen(struct export *x, const struct policy *p)
{
	unsigned nr;
	int clone, prctl;

	x->args = p->args;
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		for (nr = 0; nr < LUTRA_NR; nr++)
			x->seen[nr] |= p->token[role][nr] != LUTRA_UNK;
	for (nr = 0; nr < LUTRA_NR; nr++)
		x->seen[nr] |= (syscall_traits(nr)->traits & SYSCALL_STARTUP) != 0;
	/* Threads of Go's runtime use clone, and clone3 falls back to it. */
	clone = policy_args_find(p->arch, SYS_clone);
	prctl = policy_args_find(p->arch, SYS_prctl);
	policy_args_add(&x->args, (unsigned)clone, 0);
	for (size_t i = 0; i < sizeof(startup_prctl) / sizeof(startup_prctl[0]); i++)
		policy_args_add(&x->args, (unsigned)prctl, startup_prctl[i]);
	if (!x->args.call[clone].any)
		x->seen[SYS_clone3] = false;
}

/* Adds the condition that bits of an argument have a value. */
static void add_condition(struct profile_entry *e, unsigned index, uint32_t mask, uint32_t value)
{
	e->arg[e->n_args++] = (struct profile_arg){
		.index = index, .op = SCMP_CMP_MASKED_EQ, .value = mask, .value_two = value};
}

static void refuse_bits(struct export *x, const struct profile_entry *named, unsigned index,
			uint32_t mask, uint32_t value)
{
	struct profile_entry e = *named;

	e.action = SCMP_ACT_ERRNO(EPERM);
	add_condition(&e, index, mask, value);
	export_entry(x, &e);
}

/* Refuses each namespace that no known value has. */
static void refuse_namespaces(struct export *x, const struct syscall_args *args,
			      const struct policy_args_seen *seen,
			      const struct profile_entry *named)
{
	uint32_t known = 0;

	for (uint32_t k = 0; k < seen->n; k++)
		known |= (uint32_t)seen->value[k];
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (namespaces[i] & args->mask[0] & ~known)
			refuse_bits(x, named, args->index[0], namespaces[i], namespaces[i]);
}

static bool has_value(const struct policy_args_seen *seen, uint64_t value)
{
	for (uint32_t k = 0; k < seen->n; k++)
		if (seen->value[k] == value)
			return true;
	return false;
}

/* Refuses unknown values of setns, which takes one kind of namespace, or 0 for any kind. */
static void refuse_kinds(struct export *x, const struct syscall_args *args,
			 const struct policy_args_seen *seen, const struct profile_entry *named)
{
	if (!has_value(seen, 0))
		refuse_bits(x, named, args->index[0], args->mask[0], 0);
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (!has_value(seen, namespaces[i]))
			refuse_bits(x, named, args->index[0], args->mask[0], namespaces[i]);
}

/* Refuses unknown socket families, and the unknown types of known families. */
static void refuse_sockets(struct export *x, const struct syscall_args *args,
			   const struct policy_args_seen *seen, const struct profile_entry *named)
{
	static const uint32_t types[] = {SOCK_STREAM, SOCK_DGRAM,     SOCK_RAW,
					 SOCK_RDM,    SOCK_SEQPACKET, SOCK_PACKET};

	for (uint32_t family = 0; family < FAMILIES; family++) {
		bool known = false;

		for (uint32_t k = 0; k < seen->n; k++)
			known |= (uint32_t)seen->value[k] == family;
		if (!known)
			refuse_bits(x, named, args->index[0], args->mask[0], family);
		for (size_t t = 0; known && t < sizeof(types) / sizeof(types[0]); t++) {
			struct profile_entry e = *named;

			if (has_value(seen, family | (uint64_t)types[t] << 32))
				continue;
			add_condition(&e, args->index[0], args->mask[0], family);
			refuse_bits(x, &e, args->index[1], args->mask[1], types[t]);
		}
	}
}

/* Returns the action for a known value of a system call. */
static uint32_t action_of(const struct export *x, unsigned nr, uint64_t value)
{
	bool dangerous =
		syscall_traits(nr)->traits & SYSCALL_DANGEROUS || (nr == SYS_clone && value);

	return dangerous && x->options->notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW;
}

static void export_values(struct export *x, const char *name, unsigned i)
{
	unsigned nr;
	const struct syscall_args *args = policy_args_syscall(i, &nr);
	const struct policy_args_seen *seen = &x->args.call[i];
	struct profile_entry named = {};

	snprintf(named.name, sizeof(named.name), "%s", name);
	for (uint32_t k = 0; k < seen->n; k++) {
		struct profile_entry e = named;

		e.action = action_of(x, nr, seen->value[k]);
		for (unsigned n = 0; n < args->n; n++)
			add_condition(&e, args->index[n], args->mask[n],
				      (uint32_t)(n ? seen->value[k] >> 32 : seen->value[k]));
		export_entry(x, &e);
	}
	switch (nr) {
	case SYS_socket:
	case SYS_socketpair:
		refuse_sockets(x, args, seen, &named);
		break;
	case SYS_clone:
	case SYS_unshare:
		refuse_namespaces(x, args, seen, &named);
		break;
	case SYS_setns:
		refuse_kinds(x, args, seen, &named);
		break;
	default:
		break;
	}
}

static void export_call(struct export *x, const char *arch, unsigned nr)
{
	_cleanup_free_ char *name = syscall_name_of(nr);
	struct profile_entry e = {};
	int i = policy_args_find(arch, nr);

	if (!name || strlen(name) >= sizeof(e.name)) {
		x->unnamed++;
		return;
	}
	if (i >= 0 && !x->args.call[i].any) {
		export_values(x, name, (unsigned)i);
		return;
	}
	snprintf(e.name, sizeof(e.name), "%s", name);
	e.action = action_of(x, nr, 0);
	export_entry(x, &e);
}

/* Refuses a dangerous system call with EPERM, as a privilege that is not given. */
static void refuse_unseen(struct export *x, unsigned nr)
{
	_cleanup_free_ char *name = syscall_name_of(nr);
	struct profile_entry e = {.action = SCMP_ACT_ERRNO(EPERM)};

	if (!name)
		return;
	snprintf(e.name, sizeof(e.name), "%s", name);
	export_entry(x, &e);
}

int export_profile(const struct policy *policy, const struct export_options *options,
		   struct profile **ret, unsigned *ret_unnamed, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct export x = {.options = options};
	unsigned nr;

	if (strcmp(policy->arch, "x86_64") != 0)
		return err_set(err, -ENOTSUP,
			       "the policy is for %s: a seccomp profile needs a policy for x86_64",
			       policy->arch);
	if (profile_new(&p) < 0)
		return err_oom(err);
	x.profile = p;
	p->arches = X86_64_BIT;
	if (options->notify) {
		p->listener = strdup(options->listener);
		if (!p->listener)
			return err_oom(err);
	}
	collect_seen(&x, policy);
	for (nr = 0; nr < LUTRA_NR; nr++)
		if (x.seen[nr])
			export_call(&x, policy->arch, nr);
	for (nr = 0; nr < LUTRA_NR; nr++)
		if (syscall_traits(nr)->traits & SYSCALL_DANGEROUS && !x.seen[nr])
			refuse_unseen(&x, nr);
	if (x.error < 0)
		return err_set(err, x.error, "%s", strerror(-x.error));
	profile_sort(p);
	*ret_unnamed = x.unnamed;
	*ret = TAKE_PTR(p);
	return 0;
}
