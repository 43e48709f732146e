/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that a policy knows without a run. They come from data files that are installed with lutra.
 * The base holds what the C library and the usual runtimes do in any container. A pack holds what a
 * well-known program does only rarely. docs/packs.md describes the files.
 */
#ifndef LUTRA_TRAINER_RULES_KNOWLEDGE_KNOWLEDGE_H
#define LUTRA_TRAINER_RULES_KNOWLEDGE_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "lutra/abi.h"
#include "trainer/data/corpus.h"

#define KNOWLEDGE_BASE "base"	/* directory of the base's file, and its name */
#define KNOWLEDGE_PACKS "packs" /* directory of the packs */
#define KNOWLEDGE_ALL_ROLES ((1u << LUTRA_ROLE_SESSION) - 1) /* sessions know what these know */
#define KNOWLEDGE_FILE_MAX 262144			     /* bytes */
#define KNOWLEDGE_OBJECTS_MAX 512			     /* of a file */
#define KNOWLEDGE_PROGRAMS_MAX 32			     /* of a pack */
#define KNOWLEDGE_PACKAGES_MAX 32			     /* of a pack */
#define KNOWLEDGE_FILES_MAX 64				     /* of a directory */
#define KNOWLEDGE_VERSION_MAX 65535			     /* of a file */

/* An object that is known, in some roles. */
struct known_object {
	struct lutra_object object;
	char *path;    /* folded; "*" for any name; NULL for an object without a path */
	uint8_t roles; /* bit for each role */
	bool alerts;   /* the object stays unknown, and alerts instead of being refused */
};

/* A program of a package that is installed. Its file name is that of a program of the pack. */
struct package_file {
	char *package;
	char *path; /* folded */
};

/* One file of the base or of a pack. */
struct knowledge {
	char *name; /* KNOWLEDGE_BASE, or the pack's */
	uint32_t version;
	char **programs; /* (n_programs) folded paths; the pack is used if a run executes one */
	size_t n_programs;
	char **packages; /* (n_packages) fnmatch(3) patterns of package names; the pack is used if
			    a run executes a file of such an installed package, wherever it is,
			    that has the file name of one of the programs */
	size_t n_packages;
	struct package_file *files; /* (n_files) such files, if a root was read */
	size_t n_files, files_size;
	struct known_object *objects; /* (n_objects) */
	size_t n_objects, objects_size;
};

/* All files. */
struct knowledge_set {
	struct knowledge *file; /* (n); the base first, then the packs by name */
	size_t n, size;
};

/* The files that a policy is made with: the base, and the packs of the programs in the runs. */
struct known_files {
	struct known_file {
		const struct knowledge *file; /* of a struct knowledge_set */
		const char *program;	      /* that chose the pack; NULL: the base */
		const char *package;	      /* of the program; NULL: chosen by path */
	} * use;			      /* (n) */
	size_t n;
};

/*
 * Selects the base, and the packs of the programs that the runs executed. A program is recognised by
 * its package, if knowledge_read_packages() found the package, else by its path. The packs of the old
 * policy stay, because the runs of an update may not execute the program again. They do not stay if the
 * pack does not name the program that they were recognised by.
 *
 * set: NULL for none. old: the policy that is updated, or NULL. Both, and the corpus, must outlive
 * ret. Returns 0, -ENOMEM, or -E2BIG if the runs executed more than INTERN_MAX programs; the caller
 * calls known_files_done().
 */
int known_files_select(struct known_files *ret, const struct knowledge_set *set,
		       const struct corpus *corpus, const struct policy *old);
void known_files_done(struct known_files *k);

/*
 * Reads the text of a data file. text: len bytes. base: true for the base, false for a pack. A pack
 * lists its programs and has no peers. Neither has objects of exec or mapx.
 * Returns 0; -EINVAL: err says which entry is wrong and what it needs; or -ENOMEM. ret is zeroed
 * first, and the caller calls knowledge_done(), also after a failure.
 */
int knowledge_decode(const char *text, size_t len, bool base, struct knowledge *ret,
		     struct err *err);
void knowledge_done(struct knowledge *k);
/* Frees the programs of installed packages. */
void knowledge_forget_files(struct knowledge *k);

/*
 * Checks a path of an object. o: its operation, access and inode type. Refuses secrets, wildcards in
 * protected directories, and changes to programs or protected directories. In the base it refuses all
 * changes but those in /tmp, /var/tmp and /dev/shm. A character device in /dev may be opened for
 * writing. Returns 0 or -EINVAL.
 */
int knowledge_check_path(const struct lutra_object *o, const char *path, bool base,
			 struct err *err);

/*
 * Returns true if folding can give this name: it has no digit, and no letter directly beside a '#'.
 */
bool knowledge_is_folded(const char *name, size_t len);

/*
 * Reads base/base.json and packs/NAME.json below dir. Returns 0, an error of knowledge_decode(), or an
 * error of open(2). ret is empty after an error.
 */
int knowledge_load(const char *dir, struct knowledge_set *ret, struct err *err);
void knowledge_set_done(struct knowledge_set *s);

/*
 * Finds the programs of the packs in the installed packages that the packs name. root: the root
 * directory of a container of the image. Returns 0; -ENOENT: there is no package database; -E2BIG: the
 * packages have too many files, and none of them count; an error of open(2); or -ENOMEM.
 */
int knowledge_read_packages(struct knowledge_set *s, const char *root, struct err *err);

/* Finds the directory of the data files installed with this program. -ENOENT: there is none. */
int knowledge_find(char *buf, size_t size, struct err *err);

#endif
