/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container and how unusual each is now, from the kernel's own state. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/base/text.h"
#include "lib/abi/names.h"
#include "user/alerts/ancestors.h"
#include "user/api/routes/api_impl.h"
#include "user/sys/process/cgroup.h"

#define PROCESSES_MAX 1000

struct process_walk {
	void (*each)(struct process_walk *w, pid_t pid);
	const struct guard *guard;
	const struct container *c;
	unsigned n;
	json_t *list;		  /* api_processes_json() */
	struct lutra_state worst; /* api_level_json() */
	double ratio;
};

static bool take_process(void *ctx, pid_t pid)
{
	struct process_walk *w = ctx;

	w->n++;
	w->each(w, pid);
	return w->n < PROCESSES_MAX;
}

static void walk_container(struct process_walk *w)
{
	cgroup_each_process(w->c->cgroup, take_process, w);
}

static int read_task_state(const struct process_walk *w, pid_t pid, struct lutra_state *ret)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : guard_task_state(w->guard, fd, ret);
}

/* Returns a threshold; 0: the container's policy does not have its level. */
static int32_t level_threshold(int32_t threshold)
{
	return threshold == LUTRA_THRESHOLD_OFF ? 0 : threshold;
}

/* Returns a level divided by its threshold; 0: the policy does not have the level. */
static double share_of_threshold(int32_t level, int32_t threshold)
{
	threshold = level_threshold(threshold);
	return threshold > 0 ? (double)level / threshold : 0;
}

/* Returns the share of the level that is nearest to its threshold. */
static double highest_share(const struct container *c, const struct lutra_state *s)
{
	double m = share_of_threshold(s->m.level, c->threshold);
	double n = share_of_threshold(s->m.novelty, c->novelty_threshold);

	return m > n ? m : n;
}

/* ---- how unusual the container is ---- */

static void note_level(struct process_walk *w, pid_t pid)
{
	struct lutra_state s = {};
	double ratio;

	if (read_task_state(w, pid, &s) < 0)
		return;
	ratio = highest_share(w->c, &s);
	if (ratio < w->ratio)
		return;
	w->ratio = ratio;
	w->worst = s;
}

static json_t *level_json(const struct container *c, const struct lutra_state *s)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:f}", "m", s->m.level, "th_m",
			 level_threshold(c->threshold), "n", s->m.novelty, "th_n",
			 level_threshold(c->novelty_threshold), "ratio", highest_share(c, s));
}

json_t *api_level_json(const struct guard *g, const struct container *c)
{
	struct process_walk w = {.each = note_level, .guard = g, .c = c};
	json_t *j;

	walk_container(&w);
	j = level_json(c, &w.worst);
	json_object_set_new(j, "processes", json_integer(w.n));
	return j;
}

/* ---- its processes ---- */

static void add_process(struct process_walk *w, pid_t pid)
{
	struct lutra_state s = {};
	char name[64];
	pid_t ppid;
	json_t *j;
	bool known;

	if (ancestors_read_stat(pid, name, &ppid) < 0)
		return;
	known = read_task_state(w, pid, &s) == 0;
	j = json_pack("{s:i, s:i, s:o, s:o, s:o}", "pid", (int)pid, "ppid", (int)ppid, "name",
		      text_json(name, strlen(name)), "role",
		      known ? json_string(role_name(s.role)) : json_null(), "level",
		      known ? level_json(w->c, &s) : json_null());
	json_array_append_new(w->list, j);
}

json_t *api_processes_json(const struct guard *g, const struct container *c)
{
	struct process_walk w = {.each = add_process, .guard = g, .c = c, .list = json_array()};

	walk_container(&w);
	return w.list;
}
