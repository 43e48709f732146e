/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attack of the data set did, as the run that recorded it wrote it down: its name, its time,
 * and patterns of the operations that did harm. A pattern is "OPERATION PATTERN":
 *
 *   read, write     an open for reading, for writing; PATTERN: a glob on the path
 *   rename, link    either name of it
 *   call            a system call; PATTERN: a glob on its name
 *   other words     an operation as `lutra trace cat` names it; PATTERN: a glob on the path, or on
 *                   ADDRESS:PORT of a socket
 *
 * A "*" of a glob matches "/" too.
 */
#ifndef LUTRA_BENCH_DATASET_HARMS_H
#define LUTRA_BENCH_DATASET_HARMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lutra/abi.h"

#define HARM_MARKS_MAX 1000 /* operations that one pattern marks */

struct harm {
	const char *text;    /* "OPERATION PATTERN", of attack.json */
	const char *pattern; /* the part behind the first space */
	uint32_t ops;	     /* bit per enum lutra_op; 0: a system call */
	bool read, write;    /* of opens: which ones */
	unsigned marked;     /* operations marked so far; written by mark_trace() */
};

struct attack {
	const char *name;	   /* of json */
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
	struct harm *harm;	   /* (n_harms) */
	size_t n_harms;
	json_t *json; /* the file */
};

/*
 * Reads {name, begin_ns, end_ns, harms: ["OPERATION PATTERN", …]}. The caller calls attack_done(ret),
 * also after a failure.
 * Returns 0, -EBADMSG if the file is not that, -EINVAL if an operation is not known, or -ENOMEM.
 */
int attack_read(struct attack *ret, const char *path, struct err *err);
void attack_done(struct attack *a);

/*
 * Returns true if a record is an operation of the pattern. arch: the machine of the trace. str: the
 * record's string, NUL-terminated, or NULL.
 */
bool harm_matches(const struct harm *h, const char *arch, const struct lutra_record *rec,
		  const char *str);

#endif
