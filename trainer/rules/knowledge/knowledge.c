/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads the files of the base and of the packs. */
#include "trainer/rules/knowledge/knowledge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/file.h"

#define SUFFIX ".json"

/* Directories of the files, relative to this program: installed, and in the source tree. */
static const char *const data_dirs[] = {"../../share/lutra", "../../policies"};

int knowledge_find(char *buf, size_t size, struct err *err)
{
	char dir[PATH_MAX], path[PATH_MAX + 64];
	int r = file_own_directory(dir, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(data_dirs) / sizeof(data_dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/" KNOWLEDGE_BASE, dir, data_dirs[i]);
		if (access(path, X_OK) < 0)
			continue;
		path[strlen(path) - strlen("/" KNOWLEDGE_BASE)] = '\0';
		return snprintf(buf, size, "%s", path) < (int)size ? 0 : -ENAMETOOLONG;
	}
	return err_set(err, -ENOENT,
		       "the base and the packs are not in %.150s/../../share/lutra: install lutra "
		       "whole, or name their directory with --knowledge",
		       dir);
}

void knowledge_forget_files(struct knowledge *k)
{
	for (size_t i = 0; i < k->n_files; i++) {
		free(k->files[i].package);
		free(k->files[i].path);
	}
	free(TAKE_PTR(k->files));
	k->n_files = k->files_size = 0;
}

void knowledge_done(struct knowledge *k)
{
	knowledge_forget_files(k);
	for (size_t i = 0; i < k->n_programs; i++)
		free(k->programs[i]);
	for (size_t i = 0; i < k->n_packages; i++)
		free(k->packages[i]);
	for (size_t i = 0; i < k->n_objects; i++)
		free(k->objects[i].path);
	free(k->programs);
	free(k->packages);
	free(k->objects);
	free(k->name);
	memset(k, 0, sizeof(*k));
}

void knowledge_set_done(struct knowledge_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		knowledge_done(&s->file[i]);
	free(s->file);
	memset(s, 0, sizeof(*s));
}

/* Reads a file and adds it to the set. Its member "name" must be the name of the file. */
static int add_data_file(struct knowledge_set *s, const char *dir, const char *name, bool base,
			 struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err why = {""};
	struct knowledge *k;
	size_t len;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s" SUFFIX, dir, name) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%.200s: name too long", dir);
	r = file_read(AT_FDCWD, path, KNOWLEDGE_FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (ARRAY_RESERVE(s->file, s->size, s->n + 1) < 0)
		return err_oom(err);
	k = &s->file[s->n++];
	r = knowledge_decode(text, len, base, k, &why);
	if (r == 0 && strcmp(k->name, name) != 0)
		r = err_set(&why, -EINVAL, "its name is %.60s: rename the file to it", k->name);
	return r < 0 ? err_set(err, r, "%.200s: %.280s", path, why.msg) : 0;
}

/* Filter of scandir(): returns true for NAME.json, unless it begins with a dot. */
static int is_data_file(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > strlen(SUFFIX) &&
	       strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* Reads all packs, in the order of their names. */
static int add_packs(struct knowledge_set *s, const char *dir, struct err *err)
{
	struct dirent **list = NULL;
	char path[PATH_MAX];
	int n, r = 0;

	snprintf(path, sizeof(path), "%s/" KNOWLEDGE_PACKS, dir);
	n = scandir(path, &list, is_data_file, alphasort);
	if (n < 0)
		return err_set(err, -errno, "%.200s: %s: install lutra whole", path,
			       strerror(errno));
	if (n > KNOWLEDGE_FILES_MAX)
		r = err_set(err, -E2BIG, "%.200s: more than %d packs: remove some", path,
			    KNOWLEDGE_FILES_MAX);
	for (int i = 0; i < n; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - strlen(SUFFIX)] = '\0';
		if (r == 0)
			r = add_data_file(s, path, list[i]->d_name, false, err);
		free(list[i]);
	}
	free(list);
	return r;
}

int knowledge_load(const char *dir, struct knowledge_set *ret, struct err *err)
{
	char path[PATH_MAX];
	int r;

	memset(ret, 0, sizeof(*ret));
	if (snprintf(path, sizeof(path), "%s/" KNOWLEDGE_BASE, dir) >= (int)sizeof(path) - 64)
		return err_set(err, -ENAMETOOLONG, "%.200s: name too long", dir);
	r = add_data_file(ret, path, KNOWLEDGE_BASE, true, err);
	if (r == 0)
		r = add_packs(ret, dir, err);
	if (r < 0)
		knowledge_set_done(ret);
	return r;
}
