/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of names, with chains. Each name belongs to a file. Hard links are names of the same
 * file. The table also holds files that the service wrote, because reading one taints a session.
 * The hash has a random key, so names that the container chose cannot make the table slow.
 */
#include "lib/replay/written.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lutra/fallback.h"
#include "lutra/score.h"

#define BUCKETS 4096 /* a power of two */

struct name {
	struct name *next;
	uint32_t file; /* from 1 */
	uint32_t len;
	char path[];
};

struct written {
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct name *bucket[BUCKETS];
	uint32_t n_names;
	uint32_t n_below[BUCKETS]; /* by hash of a directory: number of names below it */
	bool *by_session; /* (n_files), by file - 1: a session wrote it; false: the service */
	size_t n_files, files_size;
};

int written_new(struct written **ret)
{
	_cleanup_(written_freep) struct written *w = calloc(1, sizeof(*w));

	if (!w || sodium_init() < 0)
		return -ENOMEM;
	randombytes_buf(w->key, sizeof(w->key));
	*ret = TAKE_PTR(w);
	return 0;
}

void written_free(struct written *w)
{
	if (!w)
		return;
	written_reset(w);
	free(w->by_session);
	free(w);
}

static size_t path_bucket(const struct written *w, const char *path, size_t len)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, (const uint8_t *)path, len, w->key);
	return h & (BUCKETS - 1);
}

/* Adds n, 1 or -1, to the count of each directory above a name. */
static void count_directories(struct written *w, const struct name *name, int n)
{
	for (uint32_t i = 0; i < name->len; i++)
		if (name->path[i] == '/')
			w->n_below[path_bucket(w, name->path, i)] += (uint32_t)n;
}

static void remove_name(struct written *w, struct name **at)
{
	struct name *n = *at;

	count_directories(w, n, -1);
	*at = n->next;
	free(n);
	w->n_names--;
}

void written_reset(struct written *w)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (w->bucket[i])
			remove_name(w, &w->bucket[i]);
	w->n_files = 0;
}

/* Returns the link to a name in its bucket. If there is no such name, the link is NULL. */
static struct name **find_written_name(struct written *w, const char *path, size_t len)
{
	struct name **at = &w->bucket[path_bucket(w, path, len)];

	while (*at && ((*at)->len != len || memcmp((*at)->path, path, len) != 0))
		at = &(*at)->next;
	return at;
}

/* Returns true if there is room for one more name. Files of the service get a part of it only. */
static bool has_name_room(const struct written *w, bool by_session)
{
	return w->n_names < (by_session ? WRITTEN_NAMES_MAX : WRITTEN_NAMES_OF_SERVICE);
}

/*
 * Makes a path a name of a file, and no longer of the file that it was a name of. file: from 1; 0:
 * only removes the name.
 */
static void set_name(struct written *w, const char *path, size_t len, uint32_t file)
{
	struct name **at = find_written_name(w, path, len), *n = *at;

	if (n && file)
		n->file = file;
	else if (n)
		remove_name(w, at);
	if (n || !file || !has_name_room(w, w->by_session[file - 1]))
		return;
	n = malloc(sizeof(*n) + len);
	if (!n)
		return;
	*n = (struct name){.file = file, .len = (uint32_t)len};
	memcpy(n->path, path, len);
	*at = n;
	w->n_names++;
	count_directories(w, n, 1);
}

/*
 * Removes all names below a directory that is moved or replaced. Skips the search if there is no
 * name below it, which is the common case: most moves are of files.
 */
static void remove_below(struct written *w, const char *path, size_t len)
{
	const uint32_t *n_below = &w->n_below[path_bucket(w, path, len)];

	for (size_t i = 0; *n_below && i < BUCKETS; i++) {
		struct name **at = &w->bucket[i];

		while (*at) {
			const struct name *n = *at;

			if (n->len > len && n->path[len] == '/' && memcmp(n->path, path, len) == 0)
				remove_name(w, at);
			else
				at = &(*at)->next;
		}
	}
}

/* Returns true if what the task writes counts as written by a session. */
static bool writes_as_session(const struct written_task *t)
{
	return t->is_session && !t->is_tainted;
}

/*
 * Returns true if the open empties the file, makes it, or is the first write to one of the image.
 */
static bool is_whole_write(const struct written_task *t, const struct lutra_object *o)
{
	uint32_t made = O_CREAT | O_EXCL;

	return t->open_flags & O_TRUNC || (t->open_flags & made) == made ||
	       lutra_object_layer(o) != LUTRA_LAYER_WRITTEN;
}

/* Adds a file with one name, if there is room. */
static void name_new_file(struct written *w, const char *path, size_t len, bool by_session)
{
	if (!has_name_room(w, by_session) ||
	    ARRAY_RESERVE(w->by_session, w->files_size, w->n_files + 1) < 0)
		return;
	w->by_session[w->n_files++] = by_session;
	set_name(w, path, len, (uint32_t)w->n_files);
}

/* Notes an open for writing. */
static void note_write(struct written *w, const struct written_task *t,
		       const struct lutra_object *o, const char *path, size_t len)
{
	const struct name *n = *find_written_name(w, path, len);

	if (n) {
		bool *by_session = &w->by_session[n->file - 1];

		*by_session = writes_as_session(t) && (*by_session || is_whole_write(t, o));
		return;
	}
	/*
	 * Other writes of a session are not noted: the file may be its own, or empty, as locks are.
	 */
	if (!writes_as_session(t) || is_whole_write(t, o))
		name_new_file(w, path, len, writes_as_session(t));
}

/*
 * Notes a file of the image whose owner, mode or name a session changes: overlayfs then copies the
 * file. Only hooks see that the file was the image's.
 */
static void note_copy(struct written *w, const struct written_task *t, const struct lutra_object *o,
		      const char *path, size_t len)
{
	bool copies = o->op == LUTRA_OP_CHMOD || o->op == LUTRA_OP_CHOWN ||
		      o->op == LUTRA_OP_SETXATTR || o->op == LUTRA_OP_RENAME_FROM ||
		      o->op == LUTRA_OP_LINK_FROM;

	if (copies && writes_as_session(t) && lutra_object_layer(o) == LUTRA_LAYER_IMAGE &&
	    o->mode >> 12 == S_IFREG >> 12 && !*find_written_name(w, path, len))
		name_new_file(w, path, len, true);
}

/* Notes a path operation: a name moves or goes, or its file gets another name. */
static void note_name(struct written *w, struct written_task *t, const struct lutra_object *o,
		      const char *path, size_t len)
{
	const struct name *n;
	uint32_t file;

	note_copy(w, t, o, path, len);
	n = *find_written_name(w, path, len);
	file = n ? n->file : 0;
	switch (o->op) {
	case LUTRA_OP_RENAME_FROM:
	case LUTRA_OP_LINK_FROM:
		t->from = file;
		if (o->op == LUTRA_OP_LINK_FROM)
			break;
		set_name(w, path, len, 0);
		if (!file)
			remove_below(w, path, len);
		break;
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_TO:
		set_name(w, path, len, t->from);
		if (!t->from)
			remove_below(w, path, len);
		t->from = 0;
		break;
	case LUTRA_OP_UNLINK:
		set_name(w, path, len, 0);
		break;
	default:
		break;
	}
}

/*
 * Judges a program that a task runs. Returns the object's flags, with LUTRA_OBJ_UPDATED if the
 * service runs what a session wrote. Taints a session that runs what the service wrote.
 */
static uint8_t judge_program(struct written *w, struct written_task *t,
			     const struct lutra_object *o, const char *path, size_t len)
{
	const struct name *n = *find_written_name(w, path, len);
	bool updated =
		lutra_object_layer(o) == LUTRA_LAYER_WRITTEN && n && w->by_session[n->file - 1];

	if (!t->is_session)
		return updated ? o->flags | LUTRA_OBJ_UPDATED : o->flags;
	if (lutra_is_fresh(o) && !updated)
		t->is_tainted = true;
	return o->flags;
}

/*
 * Returns true if the open is for reading, and the file may have bytes. Without O_CREAT, the file
 * existed before. With O_CREAT, it existed if the table has its name. n: that name, or NULL.
 */
static bool is_read(const struct written_task *t, const struct name *n)
{
	uint32_t made = O_CREAT | O_EXCL;

	if ((t->open_flags & O_ACCMODE) == O_WRONLY || t->open_flags & O_TRUNC ||
	    (t->open_flags & made) == made)
		return false;
	return !(t->open_flags & O_CREAT) || n;
}

/*
 * Taints a session that reads what the service wrote, because it may copy it. Reading in /etc does
 * not taint: sessions read configuration there.
 */
static void note_read(struct written *w, struct written_task *t, const struct lutra_object *o,
		      const char *path, size_t len)
{
	const struct name *n = *find_written_name(w, path, len);

	if (writes_as_session(t) && is_read(t, n) && lutra_is_fresh(o) &&
	    !(n && w->by_session[n->file - 1]) && !(len > 5 && memcmp(path, "/etc/", 5) == 0))
		t->is_tainted = true;
}

void written_syscall(struct written_task *t, const struct lutra_record *rec)
{
	t->open_flags = 0;
	if (rec->nr == LUTRA_NR_CREAT)
		t->open_flags = O_CREAT | O_TRUNC;
	else if (rec->nr == LUTRA_NR_OPEN || rec->nr == LUTRA_NR_OPENAT)
		t->open_flags = (uint32_t)rec->arg;
}

/* Returns true if the file is in a layer of the container's root. */
static bool is_in_root(const struct lutra_object *o)
{
	unsigned layer = lutra_object_layer(o);

	return layer == LUTRA_LAYER_IMAGE || layer == LUTRA_LAYER_WRITTEN ||
	       layer == LUTRA_LAYER_CHANGED;
}

uint64_t written_object(struct written *w, struct written_task *t, const struct lutra_record *rec,
			const char *str, size_t str_len)
{
	struct lutra_object o;

	lutra_object_unpack(rec, &o);
	if (!(o.flags & LUTRA_OBJ_PATH) || !str_len || str[0] != '/')
		return rec->arg;
	if (o.op == LUTRA_OP_EXEC || o.op == LUTRA_OP_MAPX) {
		uint64_t flags = judge_program(w, t, &o, str, str_len);

		return rec->arg | flags << 8;
	}
	if (o.op == LUTRA_OP_OPEN && o.mode >> 12 == S_IFREG >> 12) {
		note_read(w, t, &o, str, str_len);
		if (o.flags & LUTRA_OBJ_WRITE && is_in_root(&o))
			note_write(w, t, &o, str, str_len);
	} else if (lutra_is_path_op(o.op))
		note_name(w, t, &o, str, str_len);
	return rec->arg;
}
