/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of enrolled containers. */
#include "user/containers/containers.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/list.h"
#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define FORGET_NS                                                                                  \
	(60 * NSEC_PER_SEC) /* between two times that a container's alerts are reported again */

/* ---- one container ---- */

/*
 * The container's last task has ended. The next task in the cgroup begins the container anew, with other
 * mounts. Observers see what the kernel sent of the last tasks first.
 */
static void tell_emptied(struct container *c)
{
	guard_note_emptied(c->all->parts.guard, c->slot);
	c->host_known = false;
	guard_drain(c->all->parts.guard);
	CONTAINERS_TELL(c->all, on_emptied, c);
}

/*
 * Notes whether the cgroup has tasks. Whoever reads that ends a pending event of the cgroup, so each
 * reader calls this. event: the cgroup has reported a change.
 */
static void note_populated(struct container *c, bool populated, bool event)
{
	bool emptied = !populated && (event || c->has_tasks);

	if (event || emptied)
		log_debug("%s: %s", c->name, populated ? "has tasks" : "empty");
	c->has_tasks = populated;
	if (emptied)
		tell_emptied(c);
}

static void on_cgroup_event(void *ctx)
{
	struct container *c = ctx;
	struct containers *all = c->all;
	bool populated;

	if (cgroup_populated(c->events.fd, &populated) < 0) {
		containers_check(all);
		return;
	}
	note_populated(c, populated, true);
}

struct container *container_new(struct containers *all)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->all = all;
	c->events = (struct loop_watch){.fd = -1, .on_ready = on_cgroup_event, .ctx = c};
	return c;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	loop_unwatch(c->all->parts.loop, &c->events);
	free(c->name);
	identity_done(&c->identity);
	free(c->cgroup);
	free(c->policy_dir);
	free(c->policy_error);
	host_places_done(&c->host);
	free(c->refusals);
	free(c);
}

bool container_is_populated(const struct container *c)
{
	bool populated = false;

	return cgroup_populated(c->events.fd, &populated) == 0 && populated;
}

bool container_has_started(const struct container *c)
{
	struct lutra_slot slot;

	return guard_slot(c->all->parts.guard, c->slot, &slot) == 0 &&
	       slot.flags & LUTRA_SLOT_STARTED;
}

void container_set_recorded(struct container *c, bool recorded)
{
	bool changed = c->recorded != recorded;

	c->recorded = recorded;
	guard_set_record(c->all->parts.guard, c->slot, recorded);
	if (changed)
		containers_changed(c->all, c);
}

int container_add_identity(struct container *c, const struct identity *more)
{
	int r = identity_fill(&c->identity, more);

	if (r == 0)
		containers_changed(c->all, c);
	return r;
}

void container_release(struct container *c, bool thaw)
{
	struct containers *all = c->all;

	guard_drain(all->parts.guard);
	CONTAINERS_TELL(all, on_release, c);
	guard_release(all->parts.guard, c->slot);
	if (thaw)
		container_end_freeze(c);
	else if (c->frozen)
		log_warning("%s: stays frozen; `echo 0 >%s/cgroup.freeze` thaws it", c->name,
			    c->cgroup);
	LIST_REMOVE(all->first, c);
	log_info("%s: released", c->name);
	container_free(c);
	containers_changed(all, NULL);
}

/* ---- all of them ---- */

int containers_new(struct containers **ret, const struct containers_parts *parts)
{
	struct containers *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	all->parts = *parts;
	all->last_observer = &all->observers;
	*ret = all;
	return 0;
}

void containers_free(struct containers *all)
{
	if (!all)
		return;
	while (all->first)
		container_free(LIST_POP(all->first));
	free(all);
}

void containers_observe(struct containers *all, struct containers_observer *o)
{
	o->next = NULL;
	*all->last_observer = o;
	all->last_observer = &o->next;
}

void containers_changed(struct containers *all, const struct container *c)
{
	CONTAINERS_TELL(all, on_changed, c);
}

void containers_add(struct container *c, unsigned how)
{
	struct containers *all = c->all;

	c->events.fd = cgroup_events_open(c->cgroup);
	if (c->events.fd >= 0 && loop_watch(all->parts.loop, &c->events, EPOLLPRI, NULL) < 0)
		log_warning("%s: cannot watch its cgroup: its end is noticed up to a second late",
			    c->name);
	LIST_PUSH(all->first, c);
	CONTAINERS_TELL(all, on_enrolled, c, how);
	containers_changed(all, c);
}

struct container *containers_first(const struct containers *all)
{
	return all->first;
}

unsigned containers_count(const struct containers *all)
{
	unsigned n = 0;

	for (const struct container *c = all->first; c; c = c->next)
		n++;
	return n;
}

struct container *containers_find(const struct containers *all, const char *name)
{
	struct container *c = all->first;

	while (c && strcmp(c->name, name) != 0 && strcmp(c->cgroup, name) != 0)
		c = c->next;
	return c;
}

int containers_match(const struct containers *all, const char *word, struct container **ret)
{
	struct container *c = containers_find(all, word), *found = NULL;
	size_t len = strlen(word);

	if (c) {
		*ret = c;
		return 0;
	}
	if (len < CONTAINERS_ID_MIN)
		return -ENOENT;
	for (c = all->first; c; c = c->next) {
		if (!c->identity.id || strncmp(c->identity.id, word, len) != 0)
			continue;
		if (found)
			return -ENOTUNIQ;
		found = c;
	}
	if (!found)
		return -ENOENT;
	*ret = found;
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

struct container *containers_of_cgroup(const struct containers *all, uint64_t cgroup_id)
{
	_cleanup_free_ char *path = NULL;
	struct container *c = all->first;

	while (c && c->cgroup_id != cgroup_id)
		c = c->next;
	if (c || !all->first || cgroup_path_of_id(all->first->cgroup, cgroup_id, &path) < 0)
		return c;
	for (c = all->first; c && !is_below(path, c->cgroup);)
		c = c->next;
	return c;
}

struct container *containers_find_id(const struct containers *all, const char *id)
{
	struct container *c = all->first;

	while (c && (!c->identity.id || strcmp(c->identity.id, id) != 0))
		c = c->next;
	return c;
}

/*
 * An alert that found no room in the queue may have been the first about its object, which the
 * kernel reports once: makes it forget what it reported. Not more often than once in FORGET_NS, so that a
 * flood does not tell everything again all the time.
 */
static void forget_after_loss(struct container *c)
{
	uint64_t now = clock_now_ns();
	int r;

	if (!c->alert_lost || (c->forgotten_ns && now - c->forgotten_ns < FORGET_NS))
		return;
	r = guard_forget_reported(c->all->parts.guard, c->slot);
	if (r < 0 && r != -ENOENT)
		log_error("%s: alerts were lost and cannot be reported again: %s", c->name,
			  strerror(-r));
	c->alert_lost = false;
	c->forgotten_ns = now;
}

/* Tells of tasks that run in the cgroup although the guard has seen no program start there. */
static void check_armed(struct container *c)
{
	const struct unguarded_container u = {
		.identity = &c->identity,
		.name = c->name,
		.cgroup = c->cgroup,
		.why = "it is enrolled, and its tasks run, but the guard has seen no program "
		       "start in it: restart it"};

	if (!unarmed_check(&c->unarmed, c->has_tasks, container_has_started(c), clock_now_ns()))
		return;
	log_warning("%s: no guard: %s", c->name, u.why);
	containers_note_unguarded(c->all, &u);
}

void containers_check(struct containers *all)
{
	LIST_EACH_SAFE (c, all->first) {
		struct pollfd events = {.fd = c->events.fd, .events = POLLPRI};
		bool changed = poll(&events, 1, 0) > 0, populated;

		forget_after_loss(c);
		if (cgroup_populated(c->events.fd, &populated) < 0) {
			log_info("%s: its cgroup is gone", c->name);
			container_release(c, false);
			continue;
		}
		note_populated(c, populated, changed);
		if (changed && !populated)
			continue;
		host_mounts_check(c);
		container_check_release(c);
		check_armed(c);
	}
}

void containers_release_all(struct containers *all, bool thaw)
{
	while (all->first)
		container_release(all->first, thaw);
}
