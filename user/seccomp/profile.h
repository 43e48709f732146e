/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile as OCI runtimes take it, its core fields: defaultAction, defaultErrnoRet,
 * architectures, listenerPath, and syscalls of names, action, errnoRet and args. In memory it is
 * flat: one entry a call and condition.
 */
#ifndef LUTRA_USER_SECCOMP_PROFILE_H
#define LUTRA_USER_SECCOMP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define PROFILE_MAX (1u << 20) /* bytes of a file */
#define PROFILE_ENTRIES_MAX 16384
#define PROFILE_ARGS 6
#define PROFILE_NAME 40

struct profile_arg {
	uint64_t value, value_two;
	uint32_t op; /* enum scmp_compare */
	uint32_t index;
};

/* What happens to a call where all args compare true; without args, always. */
struct profile_entry {
	char name[PROFILE_NAME];
	uint32_t action; /* SCMP_ACT_*, its errno included */
	uint32_t n_args;
	struct profile_arg arg[PROFILE_ARGS];
};

struct profile {
	uint32_t default_action;
	uint32_t arches; /* bits, as profile_arch() numbers them */
	char *listener;	 /* listenerPath, or NULL */
	struct profile_entry *entries;
	size_t n_entries, size;
};

int profile_new(struct profile **ret); /* refuses everything, of no architecture; -ENOMEM */
void profile_free(struct profile *p);
DEFINE_FREEP(struct profile, profile_free);

/* The libseccomp token of architecture bit i, or 0 past the last. */
uint32_t profile_arch(unsigned i);

/* Let a call through, or not: ALLOW, LOG, and NOTIFY, which may. */
bool profile_allows(uint32_t action);

/* -ENOMEM; -E2BIG: too many entries; -EINVAL: no call's name. */
int profile_add(struct profile *p, const struct profile_entry *e);
/* The same without arguments. */
int profile_add_call(struct profile *p, const char *name, uint32_t action);

/* Order: entries without arguments first, then by action, arguments and name. */
void profile_sort(struct profile *p);

/* -EBADMSG: not such a profile, err says where; -EFBIG; else as open(2). */
int profile_load(struct profile **ret, const char *path, struct err *err);
int profile_from_json(struct profile **ret, const char *json, size_t len, struct err *err);

/* As JSON, the caller's to free; the same entries give the same bytes. Sorts p. -ENOMEM. */
int profile_to_json(struct profile *p, char **ret);

#endif
