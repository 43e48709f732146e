/* SPDX-License-Identifier: Apache-2.0 */
/* Finds cgroups by the state files of runtimes. Reads files only; keeps nothing. */
#include "user/identity/cgroup_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/base/file.h"
#include "user/identity/patterns.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/process_start.h"

#define STATE_MAX (1 << 20)

/* A runtime's state file and the members that hold the first process and its start time. */
struct state_file {
	const char *dir;
	const char *file;
	const char *pid;
	const char *start;
};

static const struct state_file states[] = {
	{"/run/runc", "state.json", "init_process_pid", "init_process_start"},
	{"/run/crun", "status", "pid", "process-start-time"},
	{"/run/docker/runtime-runc/moby", "state.json", "init_process_pid", "init_process_start"},
	{"/run/containerd/runc/k8s.io", "state.json", "init_process_pid", "init_process_start"},
};

static int from_state(const struct state_file *s, const char *id, char **ret)
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	char path[PATH_MAX];
	json_int_t pid, start;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s/%s", s->dir, id, s->file);
	if (file_read(AT_FDCWD, path, STATE_MAX, &text, &len, NULL) < 0)
		return -ENOENT;
	j = json_loadb(text, len, 0, NULL);
	pid = json_integer_value(json_object_get(j, s->pid));
	start = json_integer_value(json_object_get(j, s->start));
	if (pid <= 1 || pid > INT_MAX)
		return -ENOENT;
	/* Another process may have the number by now. */
	if (start && process_start_ticks((pid_t)pid) != (unsigned long long)start)
		return -ENOENT;
	return cgroup_of_pid((pid_t)pid, ret, NULL);
}

static bool is_id(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");

	return n > 0 && n <= 255 && id[n] == '\0' && id[0] != '.';
}

/* Returns true if the cgroup is named after the id, or is a container's of that id's beginning. */
static bool is_named_after(const char *cgroup, const char *id)
{
	const char *name = strrchr(cgroup, '/') + 1;
	size_t len = strlen(id);
	struct pattern p;

	if (strncmp(name, id, len) == 0 && (!name[len] || strcmp(name + len, ".scope") == 0))
		return true;
	return len >= SHORT_ID_MIN && pattern_match(name, &p) && !name[p.len] &&
	       strncmp(p.id, id, len) == 0;
}

/* Finds the one cgroup in the tree that is named after the id. */
static int find_by_name(const char *id, char **ret, struct err *err)
{
	_cleanup_free_ char *root = NULL, *path = NULL;
	int r = cgroup_root(&root, err), n = 0;
	FTSENT *e;
	FTS *tree;

	if (r < 0)
		return r;
	tree = cgroup_walk(root);
	while (tree && (e = cgroup_walk_next(tree))) {
		if (!is_named_after(e->fts_path, id))
			continue;
		fts_set(tree, e, FTS_SKIP);
		if (n++ == 0)
			path = strdup(e->fts_path);
	}
	if (tree)
		fts_close(tree);
	if (n > 1)
		return err_set(err, -ENOTUNIQ, "%s: %d containers have that id: give all of it", id,
			       n);
	if (!path)
		return err_set(err, -ENOENT, "%s: no such container runs here", id);
	*ret = TAKE_PTR(path);
	return 0;
}

int cgroup_lookup_by_id(const char *id, char **ret, struct err *err)
{
	if (!is_id(id))
		return err_set(err, -EINVAL,
			       "%.100s: not a container id: use letters, digits and _.+-", id);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (from_state(&states[i], id, ret) == 0)
			return 0;
	}
	return find_by_name(id, ret, err);
}

void cgroup_lookup_container_id(const char *cgroup, char *buf, size_t size)
{
	size_t end = strlen(cgroup), start;
	struct pattern p;

	if (pattern_match(cgroup, &p)) {
		snprintf(buf, size, "%s", p.id);
		return;
	}
	for (start = end; start && cgroup[start - 1] != '/';)
		start--;
	if (end - start > 6 && strncmp(cgroup + end - 6, ".scope", 6) == 0)
		end -= 6;
	snprintf(buf, size, "%.*s", (int)(end - start), cgroup + start);
}
