/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories whose names fold to one: "user1" and "user2" are both "#". A path of the runs has only the
 * folded name, so this remembers whether there were several.
 */
#ifndef LUTRA_TRAINER_DATA_NAMES_NUMBERED_NAMES_H
#define LUTRA_TRAINER_DATA_NAMES_NUMBERED_NAMES_H

#include "trainer/data/names/intern.h"

/* Starts as zeros. */
struct numbered_names {
	struct intern *directories; /* folded paths of directories whose name was folded */
	struct numbered_name {
		uint64_t first; /* hash of the directory's first name */
		bool several;	/* it had another name too */
	} * name;		/* (intern_count(directories)) */
	size_t size;
};

int numbered_names_init(struct numbered_names *n); /* Returns 0 or -ENOMEM. */
void numbered_names_done(struct numbered_names *n);

/*
 * Notes that a directory was seen. path: its folded path, of path_len bytes. name: its own name before
 * folding, of name_len bytes. Returns 0, -ENOMEM or -E2BIG.
 */
int numbered_names_add(struct numbered_names *n, const char *path, size_t path_len,
		       const char *name, size_t name_len);

#endif
