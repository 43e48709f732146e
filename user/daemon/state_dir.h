/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of lutrad's state: made, and held by one lutrad at a time. */
#ifndef LUTRA_USER_DAEMON_STATE_DIR_H
#define LUTRA_USER_DAEMON_STATE_DIR_H

#include <stdbool.h>

#include "lib/base/err.h"

/* Begins as {.lock = -1}. */
struct state_dir {
	const char *path;
	int lock;  /* descriptor of the file "lock"; -1: none */
	bool made; /* this process made the directory */
};

/*
 * Makes the directory and locks it. The path is borrowed. -EBUSY: another lutrad uses the directory. A
 * directory that cannot be made or locked, on a full disk for example, is logged and used without a
 * lock.
 */
int state_dir_open(struct state_dir *d, const char *path, struct err *err);
/* Returns -EBUSY if a lutrad uses the directory, else 0. */
int state_dir_check(const char *path, struct err *err);
/* Ends the lock. failed: the start has failed, so a directory that this process made is removed. */
void state_dir_close(struct state_dir *d, bool failed);

#endif
