/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The package that an updated program or library of a container belongs to, as the container's
 * package database tells it. What the database says is the container's word: it goes into the text
 * of an alert, and decides nothing.
 */
#ifndef LUTRA_USER_ALERTS_UPDATED_PACKAGE_H
#define LUTRA_USER_ALERTS_UPDATED_PACKAGE_H

#include <stddef.h>

#include "lutra/abi.h"
#include "user/sys/rate_limit.h"

#define UPDATED_PACKAGE_TEXT 200 /* a name and a version */

/*
 * Returns "NAME VERSION" of the package of an updated file, in buf, or NULL: it is of none, no
 * database is known, neither the process nor its parent is in the container now, or too many alerts
 * were looked up. Reads the files of the container, through the root of the process. May block on
 * their disk.
 */
const char *updated_package_describe(struct throttle *limit, const struct lutra_evidence *ev,
				     const char *path, size_t path_len,
				     char buf[static UPDATED_PACKAGE_TEXT]);

#endif
