/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the object "life" of the configuration. */
#include "user/config/config_life.h"

#include "user/config/config_keys.h"

#define NUMBER(key_, initial_, min_, max_)                                                         \
	{                                                                                          \
		.key = #key_, .type = CONFIG_NUMBER, .at = offsetof(struct config_life, key_),     \
		.initial = initial_, .min = min_, .max = max_                                      \
	}

static const struct config_key keys[] = {
	NUMBER(runs, 5, 1, CONFIG_LIFE_RUNS_MAX),    NUMBER(calls, 10000, 0, UINT32_MAX),
	NUMBER(clean_minutes, 1440, 0, 525600),	     NUMBER(run_ms, 1000, 0, 86400000),
	NUMBER(disk_mib, 1024, 1, 1u << 24),	     NUMBER(fallback_minutes, 10, 0, 525600),
	NUMBER(fallback_signals, 10, 0, UINT32_MAX), {},
};

int config_life_parse(json_t *j, struct config_life *ret, struct err *err)
{
	struct config_life l = {};
	int r = config_keys_parse(keys, json_is_null(j) ? NULL : j, "life", &l, err);

	if (r == 0)
		*ret = l;
	return r;
}
