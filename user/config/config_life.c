/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the life cycle, of the configuration. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/policy/lifecycle.h"

static const struct {
	const char *key;
	size_t at;
	uint64_t initial, min, max;
} members[] = {
#define MEMBER(key, initial, min, max)                                                             \
	{                                                                                          \
#key, offsetof(struct life_limits, key), initial, min, max                         \
	}
	MEMBER(runs, 5, 1, LIFE_RUNS_MAX),	     MEMBER(calls, 10000, 0, UINT32_MAX),
	MEMBER(clean_minutes, 1440, 0, 525600),	     MEMBER(run_ms, 1000, 0, 86400000),
	MEMBER(disk_mib, 1024, 1, 1u << 24),	     MEMBER(fallback_minutes, 10, 0, 525600),
	MEMBER(fallback_signals, 10, 0, UINT32_MAX),
#undef MEMBER
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int parse_one(const char *key, const json_t *v, struct life_limits *ret, struct err *err)
{
	json_int_t n = json_integer_value(v);
	size_t i = 0;

	while (i < N_MEMBERS && strcmp(members[i].key, key) != 0)
		i++;
	if (i == N_MEMBERS)
		return err_set(err, -EBADMSG, "life: unknown member %.60s", key);
	if (!json_is_integer(v) || n < (json_int_t)members[i].min || n > (json_int_t)members[i].max)
		return err_set(err, -EBADMSG, "life.%s: a number from %llu to %llu", key,
			       (unsigned long long)members[i].min,
			       (unsigned long long)members[i].max);
	*(uint64_t *)((char *)ret + members[i].at) = (uint64_t)n;
	return 0;
}

int life_limits_parse(json_t *j, struct life_limits *ret, struct err *err)
{
	struct life_limits l = {};
	const char *key;
	json_t *v;
	int r = 0;

	for (size_t i = 0; i < N_MEMBERS; i++)
		*(uint64_t *)((char *)&l + members[i].at) = members[i].initial;
	if (j && !json_is_null(j) && !json_is_object(j))
		return err_set(err, -EBADMSG, "life: must be an object");
	json_object_foreach (j, key, v)
		r = r < 0 ? r : parse_one(key, v, &l, err);
	if (r == 0)
		*ret = l;
	return r;
}
