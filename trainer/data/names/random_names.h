/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories whose names are random: hashes, UUIDs, suffixes of mkstemp. In "3f9a" and "07bc" the letters
 * differ too, but both fold to "#". A path of the runs has only the folded name, so this remembers the
 * letters, and the runs that had them.
 */
#ifndef LUTRA_TRAINER_DATA_NAMES_RANDOM_NAMES_H
#define LUTRA_TRAINER_DATA_NAMES_RANDOM_NAMES_H

#include "trainer/data/names/intern.h"

#define RANDOM_NAMES_KEPT 8   /* names of a directory that are kept */
#define RANDOM_NAMES_OF_RUN 4 /* of these, those that one run was the first to have */
#define RANDOM_NAMES_RUNS 64  /* runs that are told apart; later ones do not count */

/* Starts as zeros. */
struct random_names {
	struct intern *directories; /* folded paths */
	struct random_directory {
		uint64_t runs; /* bits: runs that had a name with letters beside digits */
		struct {
			uint64_t hash; /* of the name with "#" for each row of digits */
			uint64_t runs; /* bits */
		} name[RANDOM_NAMES_KEPT];
		unsigned n, n_of_run;
		size_t run; /* that n_of_run counts */
	} * directory;	    /* (intern_count(directories)) */
	size_t size;
};

int random_names_init(struct random_names *n); /* Returns 0 or -ENOMEM. */
void random_names_done(struct random_names *n);

/*
 * Notes that a run used a name in a directory. A name without letters directly beside digits is passed over.
 * path: the directory's folded path, of path_len bytes; none for the root. name: before folding, of
 * name_len bytes. run: counts from 0. Returns 0, -ENOMEM or -E2BIG.
 */
int random_names_add(struct random_names *n, const char *path, size_t path_len, const char *name,
		     size_t name_len, size_t run);

/*
 * Returns true if the letters of the names in directory i vary from run to run: two names are each missing
 * in a run, and not in the same ones. Any two of three such runs show it, so that a replay that leaves one
 * run out learns nothing from it.
 */
bool random_names_vary(const struct random_names *n, uint32_t i);

#endif
