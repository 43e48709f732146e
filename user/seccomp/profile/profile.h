/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile with the fields of the OCI runtime specification. Profiles of engines (Docker,
 * Podman) have more: rules that depend on the container, and archMap. Reading decides these as the
 * engine does for a container without options. In memory the profile is flat: one entry for each
 * system call and condition.
 */
#ifndef LUTRA_USER_SECCOMP_PROFILE_PROFILE_H
#define LUTRA_USER_SECCOMP_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define PROFILE_MAX (1u << 20) /* bytes of a profile's file */
#define PROFILE_ENTRIES_MAX 16384
#define PROFILE_ARGS 6
#define PROFILE_NAME 40
#define PROFILE_LISTENER_MAX 107 /* bytes of a socket's path */
#define PROFILE_METADATA_MAX 4096

struct profile_arg {
	uint64_t value, value_two;
	uint32_t op; /* enum scmp_compare */
	uint32_t index;
};

/* The action for a system call if all args compare true. */
struct profile_entry {
	char name[PROFILE_NAME];
	uint32_t action; /* SCMP_ACT_* with its errno */
	uint32_t n_args;
	struct profile_arg arg[PROFILE_ARGS];
};

struct profile {
	uint32_t default_action;
	uint32_t arches; /* bit i: profile_arch(i) */
	bool has_flags;	 /* the file has flags: without them, runtimes choose */
	uint32_t flags;	 /* SECCOMP_FILTER_FLAG_* */
	char *listener;	 /* listenerPath, or NULL */
	char *metadata;	 /* listenerMetadata, or NULL */
	/* Rules that depend on the container, and what was decided: a line for each. NULL: none. */
	char *conditional;
	struct profile_entry *entries;
	size_t n_entries, size;
};

/* Makes a profile that refuses everything, for no architecture. Returns NULL: out of memory. */
struct profile *profile_new(void);
void profile_free(struct profile *p);
DEFINE_FREEP(struct profile, profile_free);

/*
 * Returns the token of architecture bit i, or 0 past the last. This libseccomp may not know it.
 */
uint32_t profile_arch(unsigned i);

/* Returns true for ALLOW, LOG and NOTIFY, which may let the system call through. */
bool profile_allows(uint32_t action);

/*
 * Adds a copy of the entry with another name. -EINVAL: not a system call's name. -E2BIG: too many
 * entries. -ENOMEM.
 */
int profile_add(struct profile *p, const char *name, const struct profile_entry *e);

/* Returns true if both entries have the same conditions in the same order. */
bool profile_same_conditions(const struct profile_entry *a, const struct profile_entry *b);

/* Sorts entries without arguments first, then by action, arguments and name. */
void profile_sort(struct profile *p);

/*
 * Reads a profile. -EBADMSG: not a profile, err says where. -EFBIG: over PROFILE_MAX. Else as
 * open(2).
 */
int profile_load(struct profile **ret, const char *path, struct err *err);
int profile_from_json(struct profile **ret, const char *json, size_t len, struct err *err);

/* Returns the bit of an architecture's name as in SCMP_ARCH_X86_64, or -1: it is not known. */
int profile_arch_parse(const char *name);

/*
 * Sorts p and writes it as JSON; equal profiles give equal bytes. The caller frees the text. NULL:
 * out of memory.
 */
char *profile_to_json(struct profile *p);

#endif
