/* SPDX-License-Identifier: Apache-2.0 */
/* A small policy made by hand, and random numbers with a fixed seed. */
#ifndef LUTRA_TESTS_SUPPORT_SAMPLE_H
#define LUTRA_TESTS_SUPPORT_SAMPLE_H

#include "lib/policy/policy.h"

/* Returns the next number of xorshift64*. *state is never 0. */
uint64_t sample_random(uint64_t *state);

/* Makes a policy with three nodes of paths, tables and calibration. policy_free() frees it. */
struct policy *sample_policy(void);

/* Fixture of a test: the sample policy, saved as "shop" in a scratch directory. */
struct sample_saved {
	char *dir;
	char *policy; /* the directory of the saved policy */
	struct policy *p;
};

int sample_saved_setup(void **state);
int sample_saved_teardown(void **state);

/* Adds a node to the path tree and returns its number. */
uint16_t sample_node(struct policy *p, unsigned parent, const char *name, int dir, unsigned flags);

/* Returns the token of an open for reading of a plain file, at a node. */
uint64_t sample_open_token(unsigned node);
/* Returns the token of a connect to an exact port of 127.0.0.1, in role steady. */
uint64_t sample_connect_token(unsigned port);

/* Returns the hash of the key of an object, under the policy's hash key. */
uint64_t sample_key_hash(const struct policy *p, const struct lutra_object *o, const char *path);

/* Orders tokens, for qsort(). */
int sample_compare(const void *a, const void *b);

#endif
