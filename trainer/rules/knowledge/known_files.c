/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selects the packs that a policy needs. A pack names the programs that it is for. A policy needs a
 * pack if the runs ran one of these programs: a program with the same path. If the root directory
 * of the container can be read, a program counts too that has the same file name and is in a
 * package that the pack names. Other programs of the package, such as clients, do not count.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/package/package.h"
#include "lib/base/text.h"
#include "trainer/data/run.h"
#include "trainer/rules/knowledge/knowledge.h"

#define FILES_MAX 65536 /* in all packages that packs name */

/* ---- the packages of a root directory ---- */

/* A walk over the files of the packages. */
struct package_walk {
	struct knowledge_set *set;
	size_t n_files;
};

/* Returns true if the pack names the package. */
static bool names_package(const struct knowledge *k, const char *package)
{
	for (size_t i = 0; i < k->n_packages; i++)
		if (fnmatch(k->packages[i], package, 0) == 0)
			return true;
	return false;
}

static bool is_package_wanted(void *ctx, const char *package)
{
	const struct package_walk *w = ctx;

	for (size_t i = 0; i < w->set->n; i++)
		if (names_package(&w->set->file[i], package))
			return true;
	return false;
}

/*
 * Returns true if the file name of a folded path is that of a program of the pack. Files in /etc do
 * not count: they are scripts that start or stop the program.
 */
static bool names_program(const struct knowledge *k, const char *path)
{
	const char *name = strrchr(path, '/');

	if (!name || strncmp(path, "/etc/", 5) == 0)
		return false;
	for (size_t i = 0; i < k->n_programs; i++)
		if (strcmp(strrchr(k->programs[i], '/'), name) == 0)
			return true;
	return false;
}

/* Adds a program of a package. path: folded, of len bytes. */
static int add_package_file(struct knowledge *k, const char *package, const char *path, size_t len)
{
	struct package_file *f;

	if (ARRAY_RESERVE(k->files, k->files_size, k->n_files + 1) < 0)
		return -ENOMEM;
	f = &k->files[k->n_files++];
	f->package = strdup(package);
	f->path = strndup(path, len);
	return f->package && f->path ? 0 : -ENOMEM;
}

static int on_package_file(void *ctx, const char *package, const char *path, size_t len)
{
	struct package_walk *w = ctx;
	char folded[LUTRA_STRING_MAX + 1];
	int r = 0;

	if (++w->n_files > FILES_MAX)
		return -E2BIG;
	if (len > LUTRA_STRING_MAX || memchr(path, '\0', len) || memmem(path, len, "//", 2))
		return 0;
	len = run_fold_path(path, len, folded);
	folded[len] = '\0';
	if (text_has_control(folded)) /* summaries print it */
		return 0;
	for (size_t i = 0; r == 0 && i < w->set->n; i++)
		if (names_program(&w->set->file[i], folded) &&
		    names_package(&w->set->file[i], package))
			r = add_package_file(&w->set->file[i], package, folded, len);
	return r;
}

int knowledge_read_packages(struct knowledge_set *s, const char *root, struct err *err)
{
	struct package_walk w = {.set = s};
	const struct package_visitor v = {is_package_wanted, on_package_file, &w};
	_cleanup_close_ int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : package_each_file(fd, &v);

	if (r == -ENOMEM)
		return err_oom(err);
	if (r == -E2BIG) {
		/* The first files depend on the order in the directory, so none of them is used. */
		for (size_t i = 0; i < s->n; i++)
			knowledge_forget_files(&s->file[i]);
		return err_set(err, r,
			       "%.200s: the packages that packs name have more than %d files", root,
			       FILES_MAX);
	}
	if (fd >= 0 && r < 0)
		return err_set(err, r, "%.200s: no package database of dpkg or apk: %s", root,
			       strerror(-r));
	return r < 0 ? err_set(err, r, "%.200s: %s", root, strerror(-r)) : 0;
}

/* ---- the programs of the runs ---- */

static int add_executed(struct intern *executed, const struct intern *names, uint32_t number)
{
	char folded[LUTRA_STRING_MAX + 1];
	size_t len;
	const char *path = intern_get(names, number, &len);

	if (len && len <= LUTRA_STRING_MAX && path[0] == '/') {
		len = run_fold_path(path, len, folded);
		path = folded;
	}
	return intern_add(executed, path, len, &number);
}

/* Makes the set of folded paths of the programs that the runs executed or began with. */
static int executed_new(struct intern **ret, const struct corpus *c)
{
	const struct run_names *names = &c->names;
	_cleanup_(intern_freep) struct intern *executed = NULL;
	int r = intern_new(&executed);

	for (uint32_t i = 0; r == 0 && i < intern_count(names->programs); i++)
		r = add_executed(executed, names->programs, i);
	for (uint32_t i = 0; r == 0 && i < intern_count(names->objects); i++) {
		struct run_object o;

		run_names_object(names, i, &o);
		if (o.object.op == LUTRA_OP_EXEC && o.path != RUN_NO_PATH)
			r = add_executed(executed, names->paths, o.path);
	}
	if (r == 0)
		*ret = TAKE_PTR(executed);
	return r;
}

static bool has_executed(const struct intern *executed, const char *path)
{
	uint32_t number;

	return intern_find(executed, path, strlen(path), &number);
}

/* Returns true if the runs executed a file of a package. Its path in the package may lack /usr. */
static bool has_executed_file(const struct intern *e, const char *path)
{
	char usr[sizeof("/usr") + LUTRA_STRING_MAX];

	snprintf(usr, sizeof(usr), "/usr%s", path);
	return has_executed(e, path) || has_executed(e, usr);
}

/* ---- the packs ---- */

/*
 * Returns true if a file sorts before the program found so far. So the result does not depend on
 * the order of files in a directory of the container.
 */
static bool is_before(const struct package_file *f, const struct known_file *found)
{
	int order = found->program ? strcmp(f->path, found->program) : -1;

	return order < 0 || (order == 0 && strcmp(f->package, found->package) < 0);
}

/*
 * Finds the program that needs a pack: one of the runs, or the one that the old policy had the pack
 * for. ret->program stays NULL if there is none.
 */
static void recognise_pack(struct known_file *ret, const struct intern *e, const struct policy *old)
{
	const struct knowledge *k = ret->file;

	for (size_t i = 0; i < k->n_files; i++)
		if (is_before(&k->files[i], ret) && has_executed_file(e, k->files[i].path)) {
			ret->program = k->files[i].path;
			ret->package = k->files[i].package;
		}
	if (ret->program)
		return;
	for (size_t i = 0; old && i < old->n_known; i++) {
		if (old->known[i].program && strcmp(old->known[i].name, k->name) == 0 &&
		    names_program(k, old->known[i].program)) {
			ret->program = old->known[i].program;
			ret->package = old->known[i].package;
			return;
		}
	}
	for (size_t i = 0; i < k->n_programs && !ret->program; i++)
		ret->program = has_executed(e, k->programs[i]) ? k->programs[i] : NULL;
}

int known_files_select(struct known_files *ret, const struct knowledge_set *set,
		       const struct corpus *corpus, const struct policy *old)
{
	_cleanup_(intern_freep) struct intern *executed = NULL;
	int r = executed_new(&executed, corpus);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	ret->use = calloc((set ? set->n : 0) + 1, sizeof(*ret->use));
	if (!ret->use)
		return -ENOMEM;
	for (size_t i = 0; set && i < set->n; i++) {
		struct known_file file = {.file = &set->file[i]};

		recognise_pack(&file, executed, old);
		if (file.program || !file.file->n_programs)
			ret->use[ret->n++] = file;
	}
	return 0;
}

void known_files_done(struct known_files *k)
{
	free(k->use);
	memset(k, 0, sizeof(*k));
}
