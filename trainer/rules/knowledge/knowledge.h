/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known without a run, from files that come with lutra: the base, what the C library and
 * the usual runtimes do in any container; and packs, what a well-known program does only now and
 * then. docs/packs.md says how such a file is written.
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
#define KNOWLEDGE_ALL_ROLES ((1u << LUTRA_ROLE_SESSION) - 1) /* a session knows what these know */
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
	bool alerts;   /* it is not known, but only alerts where it would be refused */
};

/* A file of a package that is installed. */
struct package_file {
	char *package;
	char *path; /* folded */
};

/* One file of the base or of a pack. */
struct knowledge {
	char *name; /* KNOWLEDGE_BASE, or the pack's */
	uint32_t version;
	char **programs; /* (n_programs) folded paths: a run that executes one needs the pack */
	size_t n_programs;
	char **packages; /* (n_packages) patterns of fnmatch(3): a run that executes a file of an
			    installed package of such a name needs the pack */
	size_t n_packages;
	struct package_file *files; /* (n_files) of the installed packages, if a root was read */
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
		const char *program;	      /* whose pack it is; NULL: the base */
		const char *package;	      /* that has the program; NULL: its path told */
	} * use;			      /* (n) */
	size_t n;
};

/*
 * Selects the base, and the packs of the programs that the runs executed. A program is recognised by
 * the package that has it, if knowledge_read_packages() found that package, else by its path. A pack
 * that the old policy has stays, because an update may not see the program again.
 *
 * set: NULL for none. old: of an update, or NULL. Both, and the corpus, must outlive ret. Returns 0
 * or -ENOMEM; the caller calls known_files_done().
 */
int known_files_select(struct known_files *ret, const struct knowledge_set *set,
		       const struct corpus *corpus, const struct policy *old);
void known_files_done(struct known_files *k);

/*
 * Reads a file. text: len bytes. base: it is the base's; else it is a pack, which names its programs
 * and knows no peer. Neither knows a program.
 * Returns 0; -EINVAL: err says which entry is wrong and what it needs; or -ENOMEM. ret is zeroed
 * first, and the caller calls knowledge_done(), also after a failure.
 */
int knowledge_decode(const char *text, size_t len, bool base, struct knowledge *ret,
		     struct err *err);
void knowledge_done(struct knowledge *k);

/*
 * Checks a path of an object, of which it uses operation, access and inode type. Secrets and
 * wildcards in protected directories are refused, and what changes programs, protected directories
 * or, for the base, anything but files in /tmp and its like. Returns 0 or -EINVAL.
 */
int knowledge_check_path(const struct lutra_object *o, const char *path, bool base,
			 struct err *err);

/*
 * Returns true if a name of a path can be the fold of a name: each word with a digit is one '#', which
 * has no letter beside it.
 */
bool knowledge_is_folded(const char *name, size_t len);

/*
 * Reads base/base.json and packs/NAME.json below dir. Returns 0, an error of knowledge_decode(), or
 * as open(2); then ret is empty.
 */
int knowledge_load(const char *dir, struct knowledge_set *ret, struct err *err);
void knowledge_set_done(struct knowledge_set *s);

/*
 * Reads the files of those installed packages that the packs name. root: the root directory of a
 * container of the image. Returns 0; -ENOENT: it has no package database; as open(2); or -ENOMEM.
 */
int knowledge_read_packages(struct knowledge_set *s, const char *root, struct err *err);

/* Finds the directory that is installed with this program. -ENOENT: there is none. */
int knowledge_find(char *buf, size_t size, struct err *err);

#endif
