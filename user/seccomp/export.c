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

#include "user/seccomp/relatives.h"

#define FAMILY_BITS 6 /* of a family's number: AF_MAX of Linux 6 is 46 */
#define FAMILIES (1u << FAMILY_BITS)
#define X86_64_BIT 1u

struct export
{
	const struct export_options *options;
	struct profile *profile;
	const char *name;	      /* of the system call whose entries are added */
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

/* Entries without conditions: refused as a privilege, and as a family that the kernel lacks. */
static const struct profile_entry refused = {.action = SCMP_ACT_ERRNO(EPERM)};
static const struct profile_entry no_family = {.action = SCMP_ACT_ERRNO(EAFNOSUPPORT)};

static void export_entry(struct export *x, struct profile_entry e)
{
	int r = profile_add(x->profile, x->name, &e);

	if (r < 0 && !x->error)
		x->error = r;
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
	relatives_add(x->seen);
	if (!x->args.call[clone].any)
		x->seen[SYS_clone3] = false;
}

/* Returns the entry with one more condition: bits of an argument have a value. */
static struct profile_entry add_condition(struct profile_entry e, unsigned index, uint32_t mask,
					  uint32_t value)
{
	e.arg[e.n_args++] = (struct profile_arg){
		.index = index, .op = SCMP_CMP_MASKED_EQ, .value = mask, .value_two = value};
	return e;
}

/* Refuses each namespace that no known value has. */
static void refuse_namespaces(struct export *x, const struct syscall_args *args,
			      const struct policy_args_seen *seen)
{
	uint32_t known = 0;

	for (uint32_t k = 0; k < seen->n; k++)
		known |= (uint32_t)seen->value[k];
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (namespaces[i] & args->mask[0] & ~known)
			export_entry(x, add_condition(refused, args->index[0], namespaces[i],
						      namespaces[i]));
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
			 const struct policy_args_seen *seen)
{
	for (size_t i = 0; i <= N_NAMESPACES; i++) {
		uint32_t kind = i < N_NAMESPACES ? namespaces[i] : 0;

		if (!has_value(seen, kind))
			export_entry(x,
				     add_condition(refused, args->index[0], args->mask[0], kind));
	}
}

/*
 * Refuses unknown socket families as a kernel without them does, and the unknown types of known
 * families. Programs try families (IPv6 first) and go on after EAFNOSUPPORT; after EPERM some end.
 */
static void refuse_sockets(struct export *x, const struct syscall_args *args,
			   const struct policy_args_seen *seen)
{
	static const uint32_t types[] = {SOCK_STREAM, SOCK_DGRAM,     SOCK_RAW,
					 SOCK_RDM,    SOCK_SEQPACKET, SOCK_PACKET};

	for (unsigned bit = FAMILY_BITS; bit < 32; bit++)
		export_entry(x, add_condition(no_family, args->index[0], 1u << bit, 1u << bit));
	for (uint32_t family = 0; family < FAMILIES; family++) {
		struct profile_entry e =
			add_condition(refused, args->index[0], args->mask[0], family);
		bool known = false;

		for (uint32_t k = 0; k < seen->n; k++)
			known |= (uint32_t)seen->value[k] == family;
		if (!known)
			export_entry(
				x, add_condition(no_family, args->index[0], args->mask[0], family));
		for (size_t t = 0; known && t < sizeof(types) / sizeof(types[0]); t++)
			if (!has_value(seen, family | (uint64_t)types[t] << 32))
				export_entry(x, add_condition(e, args->index[1], args->mask[1],
							      types[t]));
	}
}

/* Returns the action for a known value of a system call. */
static uint32_t action_of(const struct export *x, unsigned nr, uint64_t value)
{
	bool dangerous =
		syscall_traits(nr)->traits & SYSCALL_DANGEROUS || (nr == SYS_clone && value);

	return dangerous && x->options->notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW;
}

static void export_values(struct export *x, unsigned i)
{
	unsigned nr;
	const struct syscall_args *args = policy_args_syscall(i, &nr);
	const struct policy_args_seen *seen = &x->args.call[i];

	for (uint32_t k = 0; k < seen->n; k++) {
		struct profile_entry e = {.action = action_of(x, nr, seen->value[k])};

		for (unsigned n = 0; n < args->n; n++)
			e = add_condition(e, args->index[n], args->mask[n],
					  (uint32_t)(n ? seen->value[k] >> 32 : seen->value[k]));
		export_entry(x, e);
	}
	switch (nr) {
	case SYS_socket:
	case SYS_socketpair:
		refuse_sockets(x, args, seen);
		break;
	case SYS_clone:
	case SYS_unshare:
		refuse_namespaces(x, args, seen);
		break;
	case SYS_setns:
		refuse_kinds(x, args, seen);
		break;
	default:
		break;
	}
}

static bool is_socket_maker(unsigned nr)
{
	return nr == SYS_socket || nr == SYS_socketpair;
}

/* Allows the values of an unknown system call that are harmless. */
static void export_harmless(struct export *x, unsigned nr)
{
	const struct profile_entry allowed = {.action = SCMP_ACT_ALLOW};
	size_t n;
	const struct relatives_value *v = relatives_values(&n);

	for (size_t i = 0; i < n; i++)
		if (v[i].nr == nr)
			export_entry(x, add_condition(allowed, v[i].index, UINT32_MAX, v[i].value));
}

/* Adds the entries of a system call; none if the default action is its answer. */
static void export_syscall(struct export *x, const char *arch, unsigned nr)
{
	_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr);
	struct profile_entry known = {.action = action_of(x, nr, 0)};
	int i = policy_args_find(arch, nr);

	x->name = name;
	if (!name)
		x->unnamed += x->seen[nr];
	else if (!x->seen[nr] && is_socket_maker(nr))
		export_entry(x, no_family);
	else if (!x->seen[nr] && syscall_traits(nr)->traits & SYSCALL_DANGEROUS)
		export_entry(x, refused);
	else if (!x->seen[nr])
		export_harmless(x, nr);
	else if (i >= 0 && !x->args.call[i].any)
		export_values(x, (unsigned)i);
	else
		export_entry(x, known);
}

int export_profile(const struct policy *policy, const struct export_options *options,
		   struct profile **ret, unsigned *ret_unnamed, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct export x = {.options = options};

	if (strcmp(policy->arch, "x86_64") != 0)
		return err_set(err, -ENOTSUP,
			       "the policy is for %s: a seccomp profile needs a policy for x86_64",
			       policy->arch);
	p = profile_new();
	if (!p)
		return err_oom(err);
	x.profile = p;
	p->arches = X86_64_BIT;
	if (options->notify) {
		p->listener = strdup(options->listener);
		if (!p->listener)
			return err_oom(err);
	}
	collect_seen(&x, policy);
	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		export_syscall(&x, policy->arch, nr);
	if (x.error < 0)
		return err_set(err, x.error, "%s", strerror(-x.error));
	profile_sort(p);
	*ret_unnamed = x.unnamed;
	*ret = TAKE_PTR(p);
	return 0;
}
