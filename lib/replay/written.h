/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files exec sessions of a recorded container wrote, from the records alone. The kernel sets
 * LUTRA_OBJ_UPDATED by inodes (kern/object/written.bpf.h). Recordings that are older than the flag
 * do not have it: here it is found by paths, which renames and links move.
 *
 * Other than the kernel, this does not see: who else has a file open when a session opens it, a new
 * file that is opened without O_EXCL and O_TRUNC, and openat2. Nor does it see what a tainted process
 * has open, its other threads, and whether a file that is read is empty, or was changed since the
 * start outside of the overlay. A file that is opened with O_CREAT was there before if the records
 * show that the service wrote it: not if it did so before the recording began. Through the fallback a name that is renamed is as the caller wrote
 * it: behind a symbolic link it is another one.
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
	bool is_tainted;     /* it ran or read what the service wrote: it writes as the service */
	uint32_t open_flags; /* of its current system call, if that opens a file; else 0 */
	uint32_t from;	     /* file that is renamed or linked, from 1; 0: none of a session */
};

#define WRITTEN_NAMES_MAX 65536	       /* more are not noted: such a file is the service's */
#define WRITTEN_NAMES_OF_SERVICE 32768 /* no more names than these for files of the service */

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
 * Takes an OBJECT record of a task, and returns what the record's arg is: with LUTRA_OBJ_UPDATED if
 * another task than one of a session runs what a session wrote. str (str_len): its string, or NULL.
 * Without memory a file is not noted.
 */
uint64_t written_object(struct written *w, struct written_task *t, const struct lutra_record *rec,
			const char *str, size_t str_len);

#endif
