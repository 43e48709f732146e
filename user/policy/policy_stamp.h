/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the files of a policy have changed, without reading them. */
#ifndef LUTRA_USER_POLICY_POLICY_STAMP_H
#define LUTRA_USER_POLICY_POLICY_STAMP_H

#include <stdint.h>

#include "user/config/config.h"

/*
 * Returns a number that stands for the state of all that a policy in force depends on: the files in its
 * directory dir, the modes that the operator set, and the keys. It is 0 where a file has changed in
 * the last second: it may change again without a trace, as times of files are coarse. A stamp that is
 * 0 equals none. Take it before reading the files. now_ns: CLOCK_REALTIME.
 */
uint64_t policy_stamp(const struct config *config, const char *dir, uint64_t now_ns);

#endif
