/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel state that outlives its process, in a directory of a bpf file system:
 *
 *   maps-ABI/NAME               all maps
 *   links-ABI-INSTANCE/NUMBER   links of an instance's programs, while anything is enrolled;
 *                               numbered in the order in which they were attached; those
 *                               that are attached by need have names
 *
 * An instance is the set of programs that one process has loaded; instances count from 1. The next
 * process loads its own programs, as the next instance, with the same maps, and takes over. A slot
 * holds the number of the instance whose programs act for its container; other programs ignore the
 * slot. Slot 0 keeps the number of the last instance and the version of the last policy. A process
 * with another layout of the maps (ABI) makes its own maps beside the old ones; the old programs
 * act until the process has enrolled all containers again and calls guard_remove_other_versions().
 *
 * All of it runs on the one thread that uses the guard.
 */
#include "user/guard/guard_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kern/lutra.skel.h"

#define BPFFS "/sys/fs/bpf"
#define BPFFS_SOURCE "lutra" /* of the mount, which tells it from others */
#define TEXT_OF(number) #number
#define DIR_OF(what, abi) what "-" TEXT_OF(abi)
#define MAPS_DIR DIR_OF("maps", LUTRA_ABI_VERSION)
#define LINKS_DIR DIR_OF("links", LUTRA_ABI_VERSION) /* followed by -INSTANCE */
#define NAME_BYTES 256				     /* of what is appended to pin_dir */

/* ---- the directory ---- */

/*
 * Checks that the parent directory is on a bpf file system. Mounts one at its usual place if there is
 * none; at any other place a mount would hide what is there.
 */
static int check_bpffs(const char *dir, struct err *err)
{
	_cleanup_free_ char *copy = strdup(dir);
	struct statfs fs;
	const char *up;

	if (!copy)
		return err_oom(err);
	up = dirname(copy);
	if (statfs(up, &fs) < 0)
		return err_set(err, -errno, "pin_dir: %s: %s", up, strerror(errno));
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (strcmp(up, BPFFS) != 0)
		return err_set(
			err, -EINVAL,
			"pin_dir: %s is not on a bpf file system: use a directory of " BPFFS
			", or mount one there, or set pin_dir to null to run without pinning",
			up);
	if (mount(BPFFS_SOURCE, up, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return err_set(err, -errno,
			       "pin_dir: %s is not a bpf file system and mounting one failed (%s): "
			       "mount one, or set pin_dir to null to run without pinning",
			       up, strerror(errno));
	return 0;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Returns true if a directory has no entries. */
static bool is_empty_dir(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_visible, NULL);

	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return n == 0;
}

void guard_unmount_bpffs(void)
{
	_cleanup_fclose_ FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool ours = false;

	/* The last mount on the directory is the one that is seen. */
	while (f && (m = getmntent(f)))
		if (strcmp(m->mnt_dir, BPFFS) == 0)
			ours = strcmp(m->mnt_fsname, BPFFS_SOURCE) == 0;
	if (ours && is_empty_dir(BPFFS))
		umount2(BPFFS, 0);
}

int guard_pin_open(const char *dir, int *ret_lock, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = check_bpffs(dir, err);

	if (r < 0)
		return r;
	if (strlen(dir) + NAME_BYTES > PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "pin_dir: %.200s…: too long", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "pin_dir: %s: %s", dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "pin_dir: %s: %s", dir, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, -EBUSY, "%s: another lutrad uses this directory: stop it first",
			       dir);
	*ret_lock = TAKE_FD(fd);
	return 0;
}

/*
 * Removes a pin. The kernel detaches a link some time after its last pin is gone, in no order; if a
 * descriptor holds the link last, it detaches when that is closed. So open the link first.
 */
static int remove_pin(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	(void)fd;
	return unlink(path);
}

/*
 * Removes a directory of pins and depth levels below it, the highest number first: the program that
 * was attached first is detached last (guard_attach.c). Errors are ignored; the next call tries
 * again.
 */
static void remove_tree(const char *path, int depth)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_visible, versionsort);

	while (n > 0) {
		_cleanup_free_ struct dirent *e = entries[--n];
		char sub[PATH_MAX];

		if (snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) >= (int)sizeof(sub))
			continue;
		if (remove_pin(sub) < 0 && depth > 0)
			remove_tree(sub, depth - 1);
	}
	free(entries);
	rmdir(path);
}

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Returns true if a directory of pins belongs to this ABI. */
static bool is_own_version(const char *name)
{
	return starts_with(name, LINKS_DIR "-") || strcmp(name, MAPS_DIR) == 0;
}

/*
 * Counts the directories of pins for which which() returns true; remove: also removes them. which()
 * gets the directory's name, and than.
 */
static size_t match_pin_dirs(const struct guard *g, bool (*which)(const char *, const char *),
			     const char *than, bool remove)
{
	struct dirent **entries = NULL;
	int left = scandir(g->pin_dir, &entries, is_visible, NULL);
	size_t n = 0;

	while (left > 0) {
		_cleanup_free_ struct dirent *e = entries[--left];
		char path[PATH_MAX];

		if (!which(e->d_name, than))
			continue;
		n++;
		snprintf(path, sizeof(path), "%s/%s", g->pin_dir, e->d_name);
		if (remove)
			remove_tree(path, 0);
	}
	free(entries);
	return n;
}

/* Returns true for the links of this ABI, except the directory than. */
static bool is_other_link(const char *name, const char *than)
{
	return starts_with(name, LINKS_DIR "-") && strcmp(name, than) != 0;
}

/* Returns true for the maps and the links of another ABI. */
static bool is_other_abi(const char *name, const char *than)
{
	(void)than;
	return !is_own_version(name) && (starts_with(name, "links-") || starts_with(name, "maps-"));
}

void guard_remove_links(const struct guard *g, uint32_t keep)
{
	char name[64];

	snprintf(name, sizeof(name), LINKS_DIR "-%u", keep);
	match_pin_dirs(g, is_other_link, name, true);
}

/* Before it is in charge, a guard leaves alone the links of the one that is. */
static void remove_links(const struct guard *g)
{
	char path[PATH_MAX];

	if (g->in_charge) {
		guard_remove_links(g, 0);
		return;
	}
	snprintf(path, sizeof(path), "%s/" LINKS_DIR "-%u", g->pin_dir, g->instance);
	remove_tree(path, 0);
}

bool guard_has_other_versions(const struct guard *g)
{
	return g->pin_dir && match_pin_dirs(g, is_other_abi, "", false) > 0;
}

void guard_remove_other_versions(const struct guard *g)
{
	if (g->pin_dir)
		match_pin_dirs(g, is_other_abi, "", true);
}

void guard_unpin_all(const char *dir)
{
	remove_tree(dir, 1);
}

/* ---- maps ---- */

/* Returns the last instance that used the maps; 0: there are no maps. */
static uint32_t read_last_instance(const struct guard *g)
{
	_cleanup_close_ int fd = -1;
	struct lutra_slot slot = {};
	uint32_t zero = 0;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" MAPS_DIR "/slots", g->pin_dir);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &slot) < 0)
		return 0;
	return slot.instance;
}

void guard_pin_path(const struct guard *g, const char *map, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" MAPS_DIR "/%s", g->pin_dir, map);
}

int guard_pin_maps(struct guard *g, struct lutra_bpf *skel)
{
	char path[PATH_MAX];
	struct bpf_map *m;
	int r = 0;

	g->instance = 1;
	if (!g->pin_dir)
		return 0;
	g->instance = read_last_instance(g) + 1;
	snprintf(path, sizeof(path), "%s/" MAPS_DIR, g->pin_dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	bpf_object__for_each_map (m, skel->obj) {
		if (bpf_map__is_internal(m) || !bpf_map__autocreate(m) || r < 0)
			continue;
		guard_pin_path(g, bpf_map__name(m), path);
		r = bpf_map__set_pin_path(m, path);
	}
	return r;
}

/* ---- links ---- */

int guard_pin_extra(struct guard *g, enum guard_extra which)
{
	static const char *const names[GUARD_EXTRAS] = {
		[GUARD_ENTER] = "sys_enter",
		[GUARD_REFUSAL] = "file_alloc_security",
	};
	char path[PATH_MAX];

	if (!g->pinned || !g->extra[which])
		return 0;
	snprintf(path, sizeof(path), "%s/" LINKS_DIR "-%u/%s", g->pin_dir, g->instance,
		 names[which]);
	return bpf_link__pin(g->extra[which], path);
}

int guard_pin_links(struct guard *g)
{
	char path[PATH_MAX];
	int r = 0;

	if (!g->pin_dir || g->pinned)
		return 0;
	snprintf(path, sizeof(path), "%s/" LINKS_DIR "-%u", g->pin_dir, g->instance);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	for (size_t i = 0; i < g->n_links && r == 0; i++) {
		snprintf(path, sizeof(path), "%s/" LINKS_DIR "-%u/%zu", g->pin_dir, g->instance, i);
		r = bpf_link__pin(g->links[i], path);
	}
	g->pinned = r == 0;
	for (enum guard_extra i = 0; i < GUARD_EXTRAS && r == 0; i++)
		r = guard_pin_extra(g, i);
	if (r < 0) {
		g->pinned = false;
		remove_links(g);
	}
	return r;
}

void guard_unpin_links(struct guard *g)
{
	for (size_t i = 0; i < g->n_links && g->pinned; i++)
		bpf_link__unpin(g->links[i]);
	for (enum guard_extra i = 0; i < GUARD_EXTRAS && g->pinned; i++)
		if (g->extra[i])
			bpf_link__unpin(g->extra[i]);
	g->pinned = false;
	if (g->pin_dir)
		remove_links(g);
}

/* ---- takeover ---- */

/*
 * First the new programs are attached beside the old ones. Then one write into each slot makes the
 * new programs act for its container in place of the old ones. Then the old links are removed. So a
 * container is guarded at every moment. On failure the old instance goes on acting.
 */

int guard_take_over(struct guard *g, struct err *err)
{
	int r;

	g->version = g->slots[0].generation;
	g->slots[0].instance = g->instance;
	for (uint32_t i = 1; i < LUTRA_SLOTS; i++)
		g->n_enrolled += g->slots[i].cgroup_id != 0;
	if (g->n_enrolled) {
		r = guard_attach(g, err);
		if (r < 0)
			return r;
		/* Tasks without a filter may be among them: guard_choose_programs() looks later. */
		r = guard_attach_enter(g);
		for (uint32_t i = 1; i < LUTRA_SLOTS && r == 0; i++)
			r = g->slots[i].cgroup_id ? guard_follow_mode(g, g->slots[i].mode) : 0;
		if (r < 0) {
			guard_detach(g);
			return err_set(err, r, "cannot attach: %s", strerror(-r));
		}
	}
	for (uint32_t i = 1; i < LUTRA_SLOTS; i++)
		if (g->slots[i].cgroup_id)
			__atomic_store_n(&g->slots[i].instance, g->instance, __ATOMIC_SEQ_CST);
	guard_remove_links(g, g->instance);
	g->in_charge = true;
	return 0;
}
