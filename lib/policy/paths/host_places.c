/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the places of a container where a mount shows the host. */
#include "lib/policy/paths/host_places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/base/array.h"
#include "lib/base/text.h"
#include "lib/policy/paths/host_paths.h"
#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"

#define FOLDED_MAX (LUTRA_COMPONENTS * LUTRA_NAME + 1)

/*
 * Directories for data by the Filesystem Hierarchy Standard 3.0. A mount of one is a volume. They
 * stay volumes where a mount shows all of /.
 */
static const char *const data_dirs[] = {"/srv", "/mnt", "/media", "/tmp", "/var/tmp"};

/* Writing to these devices changes nothing on the host. */
static const char *const harmless_devices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
					       "/dev/random", "/dev/urandom", "/dev/tty"};

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* ---- paths of the host ---- */

/*
 * Folds a path. *ret_flags: the LUTRA_NODE_* flags that the path has by its name. Returns false if
 * the path is too deep for a path tree, or has a component that is too long for one.
 */
static bool fold_path(const char *path, char folded[static FOLDED_MAX], uint8_t *ret_flags)
{
	struct lutra_path parts;
	size_t len = 0;

	path_text_parse(path, strlen(path), &parts);
	if (parts.flags)
		return false;
	*ret_flags = path_flags("/", 0, false);
	memcpy(folded, "/", 2);
	for (uint32_t i = parts.n; i-- > 0;) {
		char name[LUTRA_NAME];
		size_t n = lutra_fold_component(parts.name[i], parts.len[i], name);

		folded[len++] = '/';
		memcpy(folded + len, name, n);
		len += n;
		folded[len] = '\0';
		*ret_flags = path_flags(folded, *ret_flags, false);
	}
	return true;
}

/* Returns the part of a path behind a directory, with its slash. NULL: the path is not below it. */
static const char *rest_below(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] ? path + len
										 : NULL;
}

/*
 * Returns the next path of a container engine's socket, from index *at on. Sets *at to the index
 * behind it. Returns NULL after the last one.
 */
static const char *next_socket(size_t *at)
{
	const char *path;
	bool dir;

	while ((path = host_paths_get((*at)++, &dir)))
		if (!dir && host_paths_flag(path, 0))
			return path;
	return NULL;
}

/* Returns the flags of a mount point if its whole source is the host's, or 0 if it is not. */
static uint8_t source_flags(const char *folded, uint8_t flags)
{
	if (TEXT_IS_IN(folded, data_dirs))
		return 0;
	if (!(flags & (LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED)))
		return 0;
	return LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED | (flags & LUTRA_NODE_SECRET);
}

enum host_source host_source_of(const char *source)
{
	char folded[FOLDED_MAX];
	const char *socket;
	uint8_t flags;

	if (!fold_path(source, folded, &flags))
		return HOST_SOURCE_NONE;
	if (source_flags(folded, flags))
		return HOST_SOURCE_WHOLE;
	for (size_t i = 0; (socket = next_socket(&i));)
		if (rest_below(socket, folded))
			return HOST_SOURCE_SOCKETS;
	return HOST_SOURCE_NONE;
}

/* ---- places ---- */

void host_places_done(struct host_places *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->place[i].path);
	free(all->place);
	*all = (struct host_places){};
}

bool host_places_are_equal(const struct host_places *a, const struct host_places *b)
{
	if (a->n != b->n || a->left_out != b->left_out)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct host_place *x = &a->place[i], *y = &b->place[i];

		if (strcmp(x->path, y->path) != 0 || x->flags != y->flags || x->file != y->file ||
		    x->dir != y->dir)
			return false;
	}
	return true;
}

/*
 * Adds a place with the path point + rest. rest: begins with a slash, or is empty. new: the place
 * but for its path. Returns 0 or -ENOMEM.
 */
static int add_place(struct host_places *all, const char *point, const char *rest,
		     struct host_place new)
{
	size_t len = strlen(point) + strlen(rest) + 1;

	if (all->n >= HOST_PLACES_MAX) {
		all->left_out++;
		return 0;
	}
	if (ARRAY_RESERVE(all->place, all->size, all->n + 1) < 0)
		return -ENOMEM;
	new.path = malloc(len);
	if (!new.path)
		return -ENOMEM;
	memcpy(new.path, point, strlen(point));
	memcpy(new.path + strlen(point), rest, strlen(rest) + 1);
	all->place[all->n++] = new;
	return 0;
}

/* Adds a place below the mount point for each path of the list that is below the source. */
static int add_list_below(struct host_places *all, const char *folded, const char *point,
			  const char *const *list, size_t n, struct host_place new)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *rest = rest_below(list[i], folded);

		if (rest)
			r = add_place(all, point, rest, new);
	}
	return r;
}

/*
 * Adds the places below a source of the host that need other flags: secrets, directories for data
 * and harmless devices.
 */
static int add_exceptions(struct host_places *all, const char *folded, const char *point)
{
	const struct host_place secret = {
		.flags = LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED | LUTRA_NODE_SECRET, .dir = true};
	const struct host_place secret_file = {.flags = secret.flags, .file = true};
	const char *path;
	int r = 0;

	for (size_t i = 0; r == 0 && (path = path_flags_get_secret(i)); i++)
		r = add_list_below(all, folded, point, &path, 1, secret);
	for (size_t i = 0; r == 0 && (path = path_flags_get_secret_file(i)); i++)
		r = add_list_below(all, folded, point, &path, 1, secret_file);
	if (r == 0)
		r = add_list_below(all, folded, point, data_dirs, N_OF(data_dirs),
				   (struct host_place){.dir = true});
	if (r == 0)
		r = add_list_below(all, folded, point, harmless_devices, N_OF(harmless_devices),
				   (struct host_place){.file = true});
	return r;
}

/* Adds the sockets of container engines below a source. */
static int add_sockets(struct host_places *all, const char *folded, const char *point)
{
	const struct host_place new = {.flags = LUTRA_NODE_HOST | LUTRA_NODE_PROTECTED,
				       .file = true};
	const char *socket;
	int r = 0;

	for (size_t i = 0; r == 0 && (socket = next_socket(&i));)
		r = add_list_below(all, folded, point, &socket, 1, new);
	return r;
}

/* Removes the places at and below a mount point, because the mount hides them. */
static void hide_places(struct host_places *all, const char *point)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		char *path = all->place[i].path;

		if (strcmp(path, point) == 0 || rest_below(path, point))
			free(path);
		else
			all->place[kept++] = all->place[i];
	}
	all->n = kept;
}

/*
 * Returns true if the tree of every policy has its own nodes for what is the host's at this path.
 */
static bool has_default_nodes(const char *path)
{
	static const char *const dirs[] = {"/proc", "/sys", "/dev"};

	for (size_t i = 0; i < N_OF(dirs); i++)
		if (strcmp(path, dirs[i]) == 0 || rest_below(path, dirs[i]))
			return true;
	return false;
}

int host_places_add_mount(struct host_places *all, const char *source, const char *point)
{
	char folded[FOLDED_MAX];
	uint8_t flags, whole;
	int r;

	hide_places(all, point);
	if (has_default_nodes(point) || !fold_path(source, folded, &flags))
		return 0;
	whole = source_flags(folded, flags);
	if (!whole)
		return add_sockets(all, folded, point);
	r = add_place(all, point, "",
		      (struct host_place){.flags = whole, .file = true, .dir = true});
	return r < 0 ? r : add_exceptions(all, folded, point);
}

int host_places_add_volume(struct host_places *all, const char *source, const char *point)
{
	char folded[FOLDED_MAX];
	uint8_t flags;
	int r;

	hide_places(all, point);
	if (has_default_nodes(point))
		return 0;
	r = add_place(all, point, "", (struct host_place){.file = true, .dir = true});
	if (r < 0 || !source || !fold_path(source, folded, &flags))
		return r;
	return add_sockets(all, folded, point);
}
