/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the object "life" of the configuration. */
#include "user/config/config_life.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *key;
	size_t at;
	uint64_t initial, min, max;
} members[] = {
#define MEMBER(key, initial, min, max)                                                             \
	{                                                                                          \
#key, offsetof(struct config_life, key), initial, min, max                         \
	}
	MEMBER(runs, 5, 1, CONFIG_LIFE_RUNS_MAX),    MEMBER(calls, 10000, 0, UINT32_MAX),
	MEMBER(clean_minutes, 1440, 0, 525600),	     MEMBER(run_ms, 1000, 0, 86400000),
	MEMBER(disk_mib, 1024, 1, 1u << 24),	     MEMBER(fallback_minutes, 10, 0, 525600),
	MEMBER(fallback_signals, 10, 0, UINT32_MAX),
#undef MEMBER
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int parse_one(const char *key, const json_t *v, struct config_life *ret, struct err *err)
{
	json_int_t n = json_integer_value(v);
	size_t i = 0;

	while (i < N_MEMBERS && strcmp(members[i].key, key) != 0)
		i++;
	if (i == N_MEMBERS)
		return err_set(err, -EBADMSG, "life: unknown key %.60s", key);
	if (!json_is_integer(v) || n < (json_int_t)members[i].min || n > (json_int_t)members[i].max)
		return err_set(err, -EBADMSG, "life.%s: must be a number from %llu to %llu", key,
			       (unsigned long long)members[i].min,
			       (unsigned long long)members[i].max);
	*(uint64_t *)((char *)ret + members[i].at) = (uint64_t)n;
	return 0;
}

int config_life_parse(json_t *j, struct config_life *ret, struct err *err)
{
	struct config_life l = {};
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
