/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the directory at each search, and a policy.json only when it has changed. */
#include "user/policy/image_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/list.h"
#include "lib/base/file.h"
#include "lib/policy/policy.h"

#define JSON_BYTES_MAX (64u << 20)

struct entry {
	struct entry *next;
	char *name;
	char *image; /* NULL: the file is not a policy */
	char *digest;
	struct stat st; /* of policy.json */
	bool is_present;
};

struct image_index {
	char *dir;
	struct entry *entries;
};

int image_index_new(struct image_index **ret, const char *policies_dir)
{
	_cleanup_(image_index_freep) struct image_index *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->dir = strdup(policies_dir);
	if (!c->dir)
		return -ENOMEM;
	*ret = TAKE_PTR(c);
	return 0;
}

static void entry_free(struct entry *e)
{
	free(e->name);
	free(e->image);
	free(e->digest);
	free(e);
}

void image_index_free(struct image_index *c)
{
	if (!c)
		return;
	while (c->entries)
		entry_free(LIST_POP(c->entries));
	free(c->dir);
	free(c);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Reads image and digest. A file that cannot be read matches no image. */
static void entry_read(struct entry *e, int dir, const char *path)
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	const char *image, *digest;
	size_t len;

	free(e->image);
	free(e->digest);
	e->image = e->digest = NULL;
	if (file_read(dir, path, JSON_BYTES_MAX, &text, &len, NULL) < 0)
		return;
	j = json_loadb(text, len, 0, NULL);
	image = json_string_value(json_object_get(j, "image"));
	digest = json_string_value(json_object_get(j, "digest"));
	e->image = image ? strdup(image) : NULL;
	e->digest = digest ? strdup(digest) : NULL;
}

static struct entry *entry_of(struct image_index *c, const char *name)
{
	struct entry *e = c->entries;

	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->name = strdup(name);
	if (!e->name) {
		free(e);
		return NULL;
	}
	LIST_PUSH(c->entries, e);
	return e;
}

static int inspect_entry(struct image_index *c, int dir, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct entry *e;
	struct stat st;

	if (asprintf(&path, "%s/" POLICY_JSON_FILE, name) < 0)
		return -ENOMEM;
	if (fstatat(dir, path, &st, 0) < 0)
		return 0;
	e = entry_of(c, name);
	if (!e)
		return -ENOMEM;
	e->is_present = true;
	if (same_file(&e->st, &st))
		return 0;
	entry_read(e, dir, path);
	e->st = st;
	return 0;
}

int image_index_refresh(struct image_index *c, struct err *err)
{
	DIR *d = opendir(c->dir);
	struct dirent *de;
	int r = 0;

	if (!d && errno != ENOENT)
		return err_set(err, -errno, "%s: %s", c->dir, strerror(errno));
	for (struct entry *e = c->entries; e; e = e->next)
		e->is_present = false;
	while (d && r == 0 && (de = readdir(d)))
		if (de->d_name[0] != '.')
			r = inspect_entry(c, dirfd(d), de->d_name);
	if (d)
		closedir(d);
	LIST_EACH_SAFE (e, c->entries) {
		if (e->is_present)
			continue;
		LIST_REMOVE(c->entries, e);
		entry_free(e);
	}
	return r < 0 ? err_oom(err) : 0;
}

static bool is_better(const struct image_index_match *a, const struct image_index_match *b)
{
	if (a->how != b->how)
		return a->how > b->how;
	if (a->other_digest != b->other_digest)
		return !a->other_digest;
	return b->policy && strcmp(a->policy, b->policy) < 0;
}

int image_index_find(struct image_index *c, const struct identity *w, struct image_index_match *ret,
		     struct err *err)
{
	struct image_index_match best = {};
	int r = image_index_refresh(c, err);

	if (r < 0)
		return r;
	for (const struct entry *e = c->entries; e; e = e->next) {
		struct image_index_match m = {.policy = e->name};

		if (e->image)
			m.how = image_match(w, e->image, e->digest, &m.other_digest);
		if (m.how && is_better(&m, &best))
			best = m;
	}
	if (!best.how)
		return err_set(err, -ENOENT, "%s has no policy for %.300s", c->dir,
			       w->image ? w->image : "an image without a name");
	*ret = best;
	return 0;
}
