/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that the door stops at their first program, before its first instruction: finds out what
 * each one is, has it enrolled or lets it go, and continues it. What the cgroup's path and the bundle
 * do not say is asked of the engines, without blocking. A container about which nobody answers in time
 * is let go; the other ways of discovery find it later.
 *
 * Runs on the main loop. Fails: open, and counts what was let go unguarded as late.
 */
#include "user/discovery/discovery.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/base/array.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "user/guard/door/door.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define BEAT_NS 200000000L /* three times within LUTRA_DOOR_ALIVE_NS */
#define WAIT_NS                                                                                    \
	600000000ull /* for an engine's answer: with a beat, less than LUTRA_DOOR_ALIVE_NS */
#define CONTAINERD_SOCKET "/run/containerd/containerd.sock"

/* A container whose first program is stopped. */
struct waiting {
	struct waiting *next;
	uint64_t cgroup_id;
	char *cgroup;		  /* its own */
	struct identity identity; /* what its cgroup and its bundle say */
	enum engine engine;	  /* by the name of its cgroup */
	unsigned n_asked;	  /* answers that have not come yet */
	uint64_t until_ns;	  /* CLOCK_MONOTONIC */
	struct lutra_door_stop *stops;
	size_t n_stops, stops_size;
};

struct door_watch {
	struct door_watch_parts parts;
	struct door *door; /* NULL: it is not open */
	struct loop_watch events, beat;
	struct containers_observer observer;
	struct waiting *waiting;
	char *why;	      /* it is not open; NULL: it was not tried */
	uint64_t late;	      /* containers that were let go without an answer */
	uint64_t wait_max_us; /* longest time that a process was stopped */
};

static void waiting_free(struct waiting *w)
{
	if (!w)
		return;
	identity_done(&w->identity);
	free(w->cgroup);
	free(w->stops);
	free(w);
}
DEFINE_FREEP(struct waiting, waiting_free);

/* ---- the end of a wait ---- */

static void continue_process(struct door_watch *d, const struct lutra_door_stop *stop)
{
	uint64_t us;

	if (!door_continue(d->door, stop))
		return;
	us = (clock_now_ns() - stop->stopped_ns) / 1000;
	if (us > d->wait_max_us)
		d->wait_max_us = us;
	log_debug("door: process %u was stopped for %llu us", stop->tgid, (unsigned long long)us);
}

/* Continues all processes of a container, which is known from now on, and frees w. */
static void end_waiting(struct door_watch *d, struct waiting *w)
{
	door_note_known(d->door, w->cgroup_id);
	for (size_t i = 0; i < w->n_stops; i++)
		continue_process(d, &w->stops[i]);
	LIST_REMOVE(d->waiting, w);
	waiting_free(w);
}

/* Enrols a container, if there is a policy for it or it is learned, and continues its processes. */
static void enrol_waiting(struct door_watch *d, struct waiting *w, const struct identity *identity)
{
	const struct discovered found = {.identity = identity,
					 .pid = (pid_t)w->stops[0].tgid,
					 .cgroup = w->cgroup,
					 .starting = true,
					 .at_door = true};
	struct container *c = NULL;
	struct err why;

	if (discovery_enrol(d->parts.discovery, &found, &c, &why) < 0)
		log_warning("%.12s: cannot be guarded: %s", identity->id, why.msg);
	/* An engine's event may have enrolled the container before: so the first one again, too. */
	for (size_t i = 0; c && i < w->n_stops; i++) {
		int r = guard_enroll_stopped(d->parts.guard, c->slot, (pid_t)w->stops[i].tgid);

		if (r < 0)
			log_warning("%.12s: process %u is not guarded: %s", identity->id,
				    w->stops[i].tgid, strerror(-r));
	}
	end_waiting(d, w);
}

static void let_go_late(struct door_watch *d, struct waiting *w, const char *why)
{
	log_warning("%.12s: starts without a guard: %s", w->identity.id, why);
	d->late++;
	end_waiting(d, w);
}

/* ---- its beginning ---- */

static struct waiting *find_waiting_container(const struct door_watch *d, const char *id)
{
	struct waiting *w = d->waiting;

	while (w && strcmp(w->identity.id, id) != 0)
		w = w->next;
	return w;
}

/* One engine has answered. The container may have been let go meanwhile. */
static void on_engine_answer(void *ctx, const char *id, const struct identity *identity)
{
	struct door_watch *d = ctx;
	struct waiting *w = find_waiting_container(d, id);

	if (!w)
		return;
	if (identity)
		enrol_waiting(d, w, identity);
	else if (--w->n_asked == 0)
		let_go_late(d, w, "no engine knows it");
}

/*
 * Asks the engines. While they are asked, the count is one too high: an engine may answer at once.
 */
static void ask_engines(struct door_watch *d, struct waiting *w)
{
	_cleanup_free_ char *id = strdup(w->identity.id); /* an answer may free w */
	unsigned n;

	if (!id) {
		let_go_late(d, w, "out of memory");
		return;
	}

	w->n_asked = UINT_MAX / 2;
	n = engines_inspect(d->parts.engines, w->engine, id, on_engine_answer, d);
	w = find_waiting_container(d, id);
	if (!w)
		return;
	w->n_asked -= UINT_MAX / 2 - n;
	if (w->n_asked == 0)
		let_go_late(d, w, n ? "no engine knows it" : "nothing names its image");
}

/*
 * Reads the container of a stopped process from the path of its cgroup. Returns NULL if the path names
 * no container, or another cgroup than the kernel has reported.
 */
static struct waiting *read_waiting(struct door_watch *d, const struct lutra_door_stop *stop)
{
	_cleanup_(waiting_freep) struct waiting *w = calloc(1, sizeof(*w));
	struct pattern p;

	if (!w || cgroup_of_pid((pid_t)stop->tgid, &w->cgroup, NULL) < 0 ||
	    !pattern_match(w->cgroup, &p))
		return NULL;
	w->cgroup[p.len] = '\0';
	if (cgroup_id(w->cgroup, &w->cgroup_id, NULL) < 0 || w->cgroup_id != stop->cgroup_id)
		return NULL;
	w->engine = p.engine;
	w->until_ns = stop->stopped_ns + WAIT_NS;
	return discovery_read_identity(d->parts.config, &p, &w->identity) < 0 ? NULL : TAKE_PTR(w);
}

/* Adds a process to those that wait for what is found out. Returns 0 or -ENOMEM. */
static int add_stop(struct waiting *w, const struct lutra_door_stop *stop)
{
	if (ARRAY_RESERVE(w->stops, w->stops_size, w->n_stops + 1) < 0)
		return -ENOMEM;
	w->stops[w->n_stops++] = *stop;
	return 0;
}

static bool is_container_known(const struct door_watch *d, uint64_t cgroup_id)
{
	return door_is_known(d->door, cgroup_id) ||
	       containers_of_cgroup(d->parts.containers, cgroup_id);
}

static void beat_door(struct door_watch *d)
{
	int r = door_beat(d->door);

	if (r < 0)
		log_error("the companion of the door cannot start: %s: containers start without "
			  "waiting for the guard",
			  strerror(-r));
}

static void on_stop(void *ctx, const struct lutra_door_stop *stop)
{
	struct door_watch *d = ctx;
	struct waiting *w = d->waiting;

	/* Many stops at once take longer than a second. */
	beat_door(d);
	/* The companion was quicker: the program runs. What starts later is an exec session. */
	if (!door_holds(d->door, stop)) {
		door_note_known(d->door, stop->cgroup_id);
		d->late++;
		return;
	}
	while (w && w->cgroup_id != stop->cgroup_id)
		w = w->next;
	if (w && add_stop(w, stop) == 0)
		return;
	w = is_container_known(d, stop->cgroup_id) ? NULL : read_waiting(d, stop);
	if (!w || add_stop(w, stop) < 0) {
		waiting_free(w);
		door_note_known(d->door, stop->cgroup_id);
		continue_process(d, stop);
		return;
	}
	LIST_PUSH(d->waiting, w);
	if (w->identity.image)
		enrol_waiting(d, w, &w->identity);
	else
		ask_engines(d, w);
}

/* ---- the door ---- */

static void on_events(void *ctx)
{
	struct door_watch *d = ctx;

	door_drain(d->door);
}

static void on_beat(void *ctx)
{
	struct door_watch *d = ctx;
	uint64_t n, now = clock_now_ns();

	if (read(d->beat.fd, &n, sizeof(n)) != sizeof(n))
		return;
	LIST_EACH_SAFE (w, d->waiting)
		if (now >= w->until_ns)
			let_go_late(d, w, "no engine has answered in time");
	beat_door(d);
}

static void on_container_enrolled(void *ctx, struct container *c, unsigned how)
{
	struct door_watch *d = ctx;

	(void)how;
	if (d->door)
		door_note_known(d->door, c->cgroup_id);
}

/* A container that runs when the door opens: what starts in it later is an exec session. */
static void note_running(void *ctx, const char *path, const struct pattern *p)
{
	struct door_watch *d = ctx;
	uint64_t id;

	(void)p;
	if (cgroup_has_tasks(path) && cgroup_id(path, &id, NULL) == 0)
		door_note_known(d->door, id);
}

static pid_t find_stopped(void *ctx, uint64_t cgroup_id)
{
	const struct door_watch *d = ctx;
	const struct waiting *w = d->waiting;

	while (w && w->cgroup_id != cgroup_id)
		w = w->next;
	return w ? (pid_t)w->stops[0].tgid : 0;
}

static int open_beat(struct door_watch *d)
{
	const struct itimerspec every = {{0, BEAT_NS}, {0, BEAT_NS}};

	d->beat.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->beat.fd < 0 || timerfd_settime(d->beat.fd, 0, &every, NULL) < 0)
		return -errno;
	return loop_watch(d->parts.loop, &d->beat, EPOLLIN, NULL);
}

/* The containers that run are noted before the first beat: until then nothing is stopped. */
static int start_door(struct door_watch *d, struct err *err)
{
	int r;

	for (struct container *c = containers_first(d->parts.containers); c; c = c->next)
		door_note_known(d->door, c->cgroup_id);
	discovery_each_cgroup(note_running, d);
	d->events.fd = dup(door_epoll_fd(d->door));
	r = d->events.fd < 0 ? -errno : loop_watch(d->parts.loop, &d->events, EPOLLIN, NULL);
	if (r == 0)
		r = open_beat(d);
	if (r == 0)
		r = door_beat(d->door);
	return r < 0 ? err_set(err, r, "the door cannot be opened: %s", strerror(-r)) : 0;
}

static void close_door(struct door_watch *d)
{
	while (d->waiting)
		end_waiting(d, d->waiting);
	loop_unwatch(d->parts.loop, &d->events);
	loop_unwatch(d->parts.loop, &d->beat);
	d->events.fd = d->beat.fd = -1;
	door_free(TAKE_PTR(d->door));
}

static void try_to_open(struct door_watch *d)
{
	const struct config *config = d->parts.config;
	struct door_parts parts = {.on_stop = on_stop, .ctx = d, .pin_dir = config->pin_dir};
	struct err err;
	int r = 0;

	if (config->door_cgroup)
		r = cgroup_id(config->door_cgroup, &parts.below, &err);
	if (r == 0)
		r = door_new(&d->door, &parts, &err);
	if (r == 0)
		r = start_door(d, &err);
	if (r == 0) {
		log_info("door: each new container waits for the guard before its first program");
		return;
	}
	close_door(d);
	d->why = strdup(err.msg);
	log_error(
		"door: %s: containers without an OCI hook are guarded some time after their start",
		err.msg);
}

void door_watch_check(struct door_watch *d)
{
	const struct config *config = d->parts.config;

	if (d->door || d->why || config->door == CONFIG_DOOR_OFF)
		return;
	if (config->door == CONFIG_DOOR_ON || engines_has(d->parts.engines, ENGINE_DOCKER) ||
	    access(CONTAINERD_SOCKET, F_OK) == 0)
		try_to_open(d);
}

int door_watch_new(struct door_watch **ret, const struct door_watch_parts *parts)
{
	struct door_watch *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->parts = *parts;
	d->events = (struct loop_watch){.fd = -1, .on_ready = on_events, .ctx = d};
	d->beat = (struct loop_watch){.fd = -1, .on_ready = on_beat, .ctx = d};
	d->observer = (struct containers_observer){.on_enrolled = on_container_enrolled, .ctx = d};
	containers_observe(parts->containers, &d->observer);
	discovery_ask_door(parts->discovery, find_stopped, d);
	/* Also if this daemon opens no door. */
	if (parts->config->pin_dir)
		door_release_left(parts->config->pin_dir);
	door_watch_check(d);
	*ret = d;
	return 0;
}

void door_watch_free(struct door_watch *d)
{
	if (!d)
		return;
	discovery_ask_door(d->parts.discovery, NULL, NULL);
	close_door(d);
	free(d->why);
	free(d);
}

static const char *door_state_name(const struct door_watch *d)
{
	if (d->door)
		return "open";
	if (d->why)
		return "failed";
	return d->parts.config->door == CONFIG_DOOR_OFF ? "off" : "not needed";
}

json_t *door_watch_to_json(void *door_watch)
{
	const struct door_watch *d = door_watch;
	struct door_counts n = {};

	if (d->door)
		door_counts(d->door, &n);
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "state", door_state_name(d), "why",
			 d->why ? text_json_keep(d->why) : json_null(), "stopped",
			 (json_int_t)n.stopped, "missed", (json_int_t)n.missed, "late",
			 (json_int_t)d->late, "wait_max_us", (json_int_t)d->wait_max_us);
}
