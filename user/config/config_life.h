/* SPDX-License-Identifier: Apache-2.0 */
/* The object "life" of the configuration: limits of the life cycle of learned policies. */
#ifndef LUTRA_USER_CONFIG_CONFIG_LIFE_H
#define LUTRA_USER_CONFIG_CONFIG_LIFE_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CONFIG_LIFE_RUNS_MAX 1000 /* runs to learn an image from, at most */

/* Every key is optional. */
struct config_life {
	uint64_t runs;		/* runs to train on, and to pass the gate; default 5 */
	uint64_t calls;		/* system calls in these runs; default 10000 */
	uint64_t clean_minutes; /* time in audit without a match that would refuse; default 1440 */
	uint64_t run_ms;	/* a shorter run is not counted; default 1000 */
	uint64_t disk_mib;	/* all recordings together; default 1024 */
	uint64_t fallback_minutes; /* time in force during which refusals are counted; default 10 */
	uint64_t fallback_signals; /* more refusals than this end enforcement; default 10 */
};

/*
 * Reads the object; a missing key has its default. j: the object, or NULL for all defaults.
 * -EBADMSG: err names the key and the values that it takes; *ret is untouched.
 */
int config_life_parse(json_t *j, struct config_life *ret, struct err *err);

#endif
