/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds which files the exec sessions of a recorded container wrote, from the records alone. The
 * kernel finds this by inodes, and sets LUTRA_OBJ_UPDATED (kern/object/written.bpf.h). Recordings
 * that are older than the flag do not have it. This file derives the flag from paths, and follows
 * renames and links.
 *
 * Unlike the kernel, it does not see
 * - who else has a file open when a session opens it;
 * - that a file is new, if it is opened without O_EXCL and O_TRUNC;
 * - opens by openat2;
 * - what a tainted process has open, and its other threads;
 * - whether a file that is read is empty;
 * - whether a file outside of the overlay was changed since the start.
 * If a file is opened with O_CREAT, it counts as new unless the records show a write to it. A write
 * before the recording began is not seen. In recordings of the fallback, a path operation has the
 * path as the caller wrote it. If this path leads through a symbolic link, it is not the name of
 * the file.
 */
#ifndef LUTRA_LIB_REPLAY_WRITTEN_H
#define LUTRA_LIB_REPLAY_WRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lutra/abi.h"

/* What is known of a task, copied by fork. All zero: a task of the service. */
struct written_task {
	bool is_session;
	bool is_tainted;     /* ran or read what the service wrote, so it writes as the service */
	uint32_t open_flags; /* of its current system call, if that opens a file; else 0 */
	uint32_t from;	     /* file that is being renamed or linked, from 1; 0: not in the table */
};

#define WRITTEN_NAMES_MAX 65536	       /* a file without a name here counts as the service's */
#define WRITTEN_NAMES_OF_SERVICE 32768 /* at this many names, files of the service get no more */

struct written;

/* Returns 0 or -ENOMEM. */
int written_new(struct written **ret);
void written_free(struct written *w);
DEFINE_FREEP(struct written, written_free);

/* Forgets all files, because another container starts. */
void written_reset(struct written *w);

/* Notes the open flags of a SYSCALL record. */
void written_syscall(struct written_task *t, const struct lutra_record *rec);

/*
 * Notes what an OBJECT record of a task writes, moves or reads. Returns the record's arg, with
 * LUTRA_OBJ_UPDATED if a task of the service runs what a session wrote. str (str_len): the record's
 * string, or NULL. If memory is short, a file is not noted.
 */
uint64_t written_object(struct written *w, struct written_task *t, const struct lutra_record *rec,
			const char *str, size_t str_len);

#endif
