/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a policy's files by stat(2) alone. */
#include "user/policy/policy_stamp.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/policy/files/policy_format.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"

static const char *const files[] = {POLICY_JSON_FILE, POLICY_TABLES_FILE, POLICY_SIGNATURE_FILE,
				    POLICY_ACCEPTED_FILE, POLICY_ACCEPTED_SIGNATURE};

#define FNV_OFFSET 0xcbf29ce484222325ull /* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_PRIME 0x100000001b3ull

static void add_bytes(uint64_t *hash, const void *data, size_t len)
{
	for (const uint8_t *at = data; len; at++, len--)
		*hash = (*hash ^ *at) * FNV_PRIME;
}

static uint64_t time_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NSEC_PER_SEC + (uint64_t)t->tv_nsec;
}

/* Adds a file, or that it is not there. Returns when it changed last; 0: there is none. */
static uint64_t add_file(uint64_t *hash, const char *dir, const char *name)
{
	char path[PATH_MAX + NAME_MAX];
	uint64_t state[5] = {};
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) == 0) {
		state[0] = st.st_dev;
		state[1] = st.st_ino;
		state[2] = (uint64_t)st.st_size;
		state[3] = time_ns(&st.st_mtim);
		state[4] = time_ns(&st.st_ctim);
	}
	add_bytes(hash, state, sizeof(state));
	return state[4];
}

uint64_t policy_stamp(const struct config *config, const char *dir, uint64_t now_ns)
{
	uint64_t hash = FNV_OFFSET;
	uint64_t last = add_file(&hash, config->state_dir, MODES_FILE);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		uint64_t changed = add_file(&hash, dir, files[i]);

		last = changed > last ? changed : last;
	}
	add_bytes(&hash, config->policy_keys.key,
		  config->policy_keys.n * sizeof(config->policy_keys.key[0]));
	return last + NSEC_PER_SEC > now_ns ? 0 : hash;
}
