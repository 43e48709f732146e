/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of other tools as traces. */
#ifndef LUTRA_USER_IMPORT_H
#define LUTRA_USER_IMPORT_H

#include "lib/err.h"
#include "lib/trace/trace.h"

/*
 * A format: reads path, and what belongs to it, and writes the trace output (new; removed if it
 * fails). Nothing is written before the input was found good. image: "" where unknown. -EBADMSG:
 * not of this format; err names file and position. -EFBIG: larger than is allowed.
 */
struct import_format {
	const char *name;
	const char *summary;
	int (*read)(const char *path, const char *output, const char *image, struct err *err);
};

/* The format of that name, or NULL. */
const struct import_format *import_find(const char *name);

/* All of them, ended by one without a name. */
extern const struct import_format import_formats[];

/* One run of the services recordings: SVC.RUN.raw.zst with its strings and labels beside it. */
int import_services(const char *path, const char *output, const char *image, struct err *err);

#endif
