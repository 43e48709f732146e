/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, as one line that a user can act on. Modules return 0 or -errno and fill in the
 * line; only a main program prints it.
 */
#ifndef LUTRA_LIB_BASE_ERR_H
#define LUTRA_LIB_BASE_ERR_H

struct err {
	char msg[512];
};

/*
 * Writes the line, cut to fit, and returns r, a negative errno. err may be NULL. The line may quote a
 * file or a name of unknown origin: control characters and bytes that are no UTF-8 become \xNN.
 */
int err_set(struct err *err, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes "out of memory" and returns -ENOMEM. err may be NULL. */
int err_oom(struct err *err);

#endif
