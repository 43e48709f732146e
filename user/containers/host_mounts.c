/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the mounts of a container with those of the host. */
#include "user/containers/host_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/containers/containers_impl.h"
#include "user/sys/process/cgroup.h"

#define PROCESSES_MAX 1024 /* of a container, among which the first one is searched */

/* ---- comparing ---- */

/* Where a mount of the container comes from. */
struct found_mount {
	enum host_source source;
	char *path; /* of its source on the host; NULL: it has none there */
};

/*
 * Returns the part of path behind the directory dir, with its slash. "": path is dir. NULL: path is
 * not in dir.
 */
static const char *rest_of(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (strncmp(path, dir, len) != 0 || (path[len] != '/' && path[len]))
		return NULL;
	return strcmp(path + len, "/") == 0 ? "" : path + len;
}

/*
 * Returns the path of rest in the directory dir, which the caller frees. NULL: out of memory. rest:
 * as rest_of() returns it.
 */
static char *join_path(const char *dir, const char *rest)
{
	char *ret;

	if (strcmp(dir, "/") == 0 && *rest)
		dir = "";
	return asprintf(&ret, "%s%s", dir, rest) < 0 ? NULL : ret;
}

/*
 * Finds the path that the source of a mount has on the host. If it has several, takes the path
 * wanted (may be NULL), else one that shows most of the host. Returns 0 or -ENOMEM.
 */
static int find_source(const struct mounts *host, const struct mount *m, const char *wanted,
		       struct found_mount *ret)
{
	*ret = (struct found_mount){};
	for (size_t i = 0; m->root && i < host->n; i++) {
		const struct mount *h = &host->mount[i];
		enum host_source source;
		const char *rest;
		char *path;

		if (h->major != m->major || h->minor != m->minor || !h->root)
			continue;
		rest = rest_of(m->root, h->root);
		if (!rest)
			continue;
		path = join_path(h->point, rest);
		if (!path) {
			free(ret->path);
			return -ENOMEM;
		}
		source = host_source_of(path);
		if (ret->path && source <= ret->source && !(wanted && strcmp(path, wanted) == 0)) {
			free(path);
			continue;
		}
		free(ret->path);
		*ret = (struct found_mount){source, path};
		if (wanted && strcmp(path, wanted) == 0)
			break;
	}
	return 0;
}

/* Returns the index of the mount that mount n is mounted on, or n if it is not before mount n. */
static size_t find_parent(const struct mounts *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all->mount[i].id == all->mount[n].parent)
			return i;
	return n;
}

/*
 * Compares mount i of a container with the host's mounts. found: holds the results for the mounts
 * before i, and gets the one for i. Adds the places where the mount shows the host. If it is
 * mounted in a place of the host, and the host has the same mount at the same path, it is the
 * host's too: the engine mounted a directory with all mounts in it.
 */
static int compare_mount(const struct mounts *host, const struct mounts *own, size_t i,
			 struct found_mount *found, struct host_places *places)
{
	const struct mount *m = &own->mount[i];
	size_t p = find_parent(own, i);
	bool in_host = p < i && found[p].source == HOST_SOURCE_WHOLE;
	_cleanup_free_ char *wanted = NULL;
	const char *rest = in_host ? rest_of(m->point, own->mount[p].point) : NULL;
	int r;

	if (rest) {
		wanted = join_path(found[p].path, rest);
		if (!wanted)
			return -ENOMEM;
	}
	r = find_source(host, m, wanted, &found[i]);
	if (r < 0 || strcmp(m->point, "/") == 0) {
		found[i].source = HOST_SOURCE_NONE;
		return r;
	}
	if (wanted && found[i].path && strcmp(found[i].path, wanted) == 0) {
		found[i].source = HOST_SOURCE_WHOLE;
		return 0;
	}
	if (in_host && found[i].source != HOST_SOURCE_WHOLE)
		return host_places_add_volume(places, found[i].path, m->point);
	return found[i].path ? host_places_add_mount(places, found[i].path, m->point) : 0;
}

int host_mounts_find(const struct mounts *host, const struct mounts *own, struct host_places *ret)
{
	struct found_mount *found = calloc(own->n + 1, sizeof(*found));
	struct host_places places = {};
	int r = found ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < own->n; i++)
		r = compare_mount(host, own, i, found, &places);
	for (size_t i = 0; found && i < own->n; i++)
		free(found[i].path);
	free(found);
	if (r < 0)
		host_places_done(&places);
	else
		*ret = places;
	return r;
}

/* ---- the mounts of a container ---- */

/* The search for the oldest process of a container that has another root than lutrad. */
struct first_process {
	struct stat host_root;
	unsigned n_inspected;
	int proc;	/* its directory in /proc; -1: none yet */
	uint64_t start; /* ticks since boot */
};

/* Reads when a process started, in ticks since boot: field 22 of its stat. Returns 0 or -errno. */
static int read_start_time(int proc, uint64_t *ret)
{
	_cleanup_close_ int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	char buf[1024];
	unsigned long long start;
	const char *at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	/* The name of the program, in parentheses, may hold any byte. */
	at = strrchr(buf, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &start) != 1)
		return -EBADMSG;
	*ret = start;
	return 0;
}

/*
 * Notes the process if it has another root than lutrad, and started before the one noted so far.
 * Returns false to end the search.
 */
static bool note_process(void *ctx, pid_t pid)
{
	struct first_process *first = ctx;
	struct stat root;
	uint64_t start = 0;
	char path[32];
	int proc;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (proc >= 0 && fstatat(proc, "root", &root, 0) == 0 &&
	    read_start_time(proc, &start) == 0 &&
	    (root.st_dev != first->host_root.st_dev || root.st_ino != first->host_root.st_ino) &&
	    (first->proc < 0 || start < first->start)) {
		closep(&first->proc);
		first->proc = proc;
		first->start = start;
	} else {
		closep(&proc);
	}
	return ++first->n_inspected < PROCESSES_MAX;
}

/*
 * Reads the mounts that an exec session sees: those of the namespace, from its root on. The first
 * process may have another root, which it chose. Returns 0, or -errno.
 */
static int read_own(int proc, struct mounts *ret)
{
	int r = mounts_read_namespace(proc, ret);

	return r == -EPERM ? mounts_read(proc, ret) : r;
}

/*
 * Reads the mounts of lutrad and of a container's first process. Returns 0, -ESRCH if no process of
 * the container has a root of its own, or another -errno.
 */
static int read_both_mounts(const struct container *c, struct mounts *host, struct mounts *own)
{
	_cleanup_close_ int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct first_process first = {.proc = -1};
	int r;

	if (self < 0 || stat("/", &first.host_root) < 0)
		return -errno;
	cgroup_each_process(c->cgroup, note_process, &first);
	if (first.proc < 0)
		return -ESRCH;
	r = mounts_read(self, host);
	if (r == 0)
		r = read_own(first.proc, own);
	closep(&first.proc);
	return r;
}

bool host_mounts_inspect(struct container *c)
{
	struct mounts host = {}, own = {};
	struct host_places found = {};
	int r = read_both_mounts(c, &host, &own);

	if (r == 0 && (host.truncated || own.truncated))
		log_warning("%s: the list of mounts of the host or of the container is longer than "
			    "%d mounts or %u bytes: exec sessions may change the host through the "
			    "mounts behind that",
			    c->name, MOUNTS_MAX, MOUNTS_BYTES_MAX);
	if (r == 0)
		r = host_mounts_find(&host, &own, &found);
	mounts_done(&host);
	mounts_done(&own);
	if (r < 0) {
		/* This is called each second until it succeeds: a cause that stays is logged once. */
		if (r != -ESRCH && r != c->host_error)
			log_warning("%s: cannot compare its mounts with the host's: %s; exec "
				    "sessions may change the host through them",
				    c->name, strerror(-r));
		c->host_error = r;
		return false;
	}
	c->host_error = 0;
	if (found.n && !host_places_are_equal(&found, &c->host))
		log_info("%s: its mounts show the host: exec sessions may not change the host "
			 "through them",
			 c->name);
	host_places_done(&c->host);
	c->host = found;
	return true;
}

/* ---- the policy of a container ---- */

const struct policy *host_mounts_view(const struct container *c, const struct policy *p,
				      struct host_view *view)
{
	size_t n, left_out;
	int r;

	*view = (struct host_view){};
	if (!p || !p->audit_sessions || !c->host.n)
		return p;
	r = host_places_to_nodes(&c->host, p, &view->nodes, &n, &left_out);
	if (r < 0) {
		log_error("%s: cannot add its mounts of the host to its policy: %s; exec sessions "
			  "may change the host through them",
			  c->name, strerror(-r));
		return p;
	}
	if (left_out)
		log_warning(
			"%s: %zu places where its mounts show the host are missing in its policy, "
			"which has no room for them or cannot tell them from other paths: exec "
			"sessions may change the host there, or be refused a volume",
			c->name, left_out);
	view->policy = *p;
	view->policy.nodes = view->nodes;
	view->policy.n_nodes = n;
	return &view->policy;
}

void host_view_done(struct host_view *view)
{
	free(view->nodes);
	*view = (struct host_view){};
}

void host_mounts_renew(struct container *c, const struct policy *p)
{
	if (c->sessions && p->audit_sessions && container_has_started(c) && host_mounts_inspect(c))
		c->host_known = true;
}

void host_mounts_check(struct container *c)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	size_t n_before = c->host.n;
	struct err err = {};
	int r;

	if (c->host_known || !c->sessions || !*c->policy_dir || !container_has_started(c))
		return;
	c->host_known = host_mounts_inspect(c);
	if (!c->host_known || (!c->host.n && !n_before))
		return;
	r = container_load_policy(c, &p, &err);
	if (r == 0 && p->audit_sessions)
		r = container_apply_policy(c, c->policy_dir, p, true, &err);
	if (r < 0)
		log_error("%s: cannot add its mounts of the host to its policy: %s; exec sessions "
			  "may change the host through them",
			  c->name, err.msg);
}
