/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts containers under guard that a hook, an engine or the cgroup scan has discovered, if there is
 * a policy for their image or their image is learned.
 */
#ifndef LUTRA_USER_DISCOVERY_DISCOVERY_H
#define LUTRA_USER_DISCOVERY_DISCOVERY_H

#include "user/containers/containers.h"
#include "user/discovery/engine_api.h"
#include "user/identity/patterns.h"

struct discovery;

/* A container that was discovered. */
struct discovered {
	const struct identity *identity; /* with an id */
	pid_t pid;			 /* of its first process; 0: see cgroup */
	const char *cgroup;		 /* its own; NULL: that of the process */
	bool quiet;			 /* that there is no policy for it was logged before */
	bool starting; /* its hook, or the door, waits for the answer: its program does not run yet */
	bool at_door; /* its process has executed its program, and is stopped before it runs */
};

/* Returns 0 or -ENOMEM. All that is given outlives it. */
int discovery_new(struct discovery **ret, const struct config *config,
		  struct containers *containers);
void discovery_free(struct discovery *d);
DEFINE_FREEP(struct discovery, discovery_free);

/*
 * Returns a process of the container with that cgroup that the door has stopped before its first
 * instruction; 0: none.
 */
typedef pid_t discovery_stopped(void *ctx, uint64_t cgroup_id);
/* Has discovery_enrol() ask about a container that is said to run: an engine may tell of its start first. */
void discovery_ask_door(struct discovery *d, discovery_stopped *stopped, void *ctx);

/*
 * Enrols a container with the policy for its image; one that is enrolled already stays, and what is
 * known of it is completed. *ret is NULL if there is no policy for it and it is not learned: err
 * then says why, and 0 is returned. -ESRCH: the process is gone. -EXDEV: the process is not, or not
 * only, of this container. Else as enrol_container().
 */
int discovery_enrol(struct discovery *d, const struct discovered *found, struct container **ret,
		    struct err *err);
/* The container of that id has ended: it is released if its cgroup is gone. */
void discovery_end(struct discovery *d, const char *id);

/*
 * Returns {"total", "containers": []} of what was discovered, runs, and is not guarded: the newest
 * first, at most max, what identity_to_json() has of each and {"cgroup", "why", "since"}.
 */
json_t *discovery_unguarded_to_json(struct discovery *d, unsigned max);

/* Returns how many of them there are. */
unsigned discovery_count_unguarded(struct discovery *d);

/* ---- unguarded.c: the list of them ---- */

struct unguarded;

/*
 * Adds a container with an id, or replaces the reason why it is not guarded. Returns true if it was
 * not in the list.
 */
bool unguarded_add(struct unguarded **first, const struct identity *identity, const char *cgroup,
		   const char *why);
void unguarded_remove(struct unguarded **first, const char *id);
/* Removes those whose cgroup is gone or has been enrolled. */
void unguarded_drop_ended(struct unguarded **first, const struct containers *guarded);
unsigned unguarded_count(const struct unguarded *first);
void unguarded_free_all(struct unguarded *first);
/* As discovery_unguarded_to_json(). */
json_t *unguarded_to_json(const struct unguarded *first, unsigned max);

/* ---- cgroup_scan.c: containers that no hook and no engine named ---- */

struct cgroup_scan;

/* Returns 0 or -ENOMEM. All that is given outlives it. */
int cgroup_scan_new(struct cgroup_scan **ret, const struct config *config,
		    struct containers *containers, struct discovery *discovery);
void cgroup_scan_free(struct cgroup_scan *scan);
/* To be called every second: looks every five seconds. */
void cgroup_scan_check(struct cgroup_scan *scan);

/*
 * Fills in what a container's cgroup and the directories of bundles say about it. The caller frees *ret.
 * Returns 0 or -ENOMEM.
 */
int discovery_read_identity(const struct config *config, const struct pattern *p,
			    struct identity *ret);
/* Calls each for the cgroup of each container, by its path. Returns 0, -ENOTSUP (no cgroup v2) or -ENOMEM. */
int discovery_each_cgroup(void (*each)(void *ctx, const char *cgroup, const struct pattern *p),
			  void *ctx);

/* ---- engines.c: the APIs of Docker and Podman ---- */

struct engines;

struct engines_parts {
	struct loop *loop;
	const struct config *config;
	struct containers *containers;
	struct discovery *discovery;
};

/* Asks each engine of the configuration. Returns 0, -ENOMEM or as http_client_new(). */
int engines_new(struct engines **ret, const struct engines_parts *parts, struct err *err);
void engines_free(struct engines *all);
/* To be called every second: asks again the engines that do not answer. */
void engines_check(struct engines *all);
/* Gets what an engine says of a container; identity NULL: the engine does not know it. */
typedef void engines_answer(void *ctx, const char *id, const struct identity *identity);
/*
 * Asks each connected engine of a kind (ENGINE_UNKNOWN: of any) about a container that starts. answer is
 * called once for each engine, not after engines_free(); it may be called before this returns. Returns
 * how many engines were asked.
 */
unsigned engines_inspect(struct engines *all, enum engine kind,
			 const char id[static ENGINE_ID_BYTES], engines_answer *answer, void *ctx);
/* Returns true if an engine of this kind is connected. */
bool engines_has(const struct engines *all, enum engine kind);
/* For the status: [{"socket", "engine", "connected"}]. */
json_t *engines_to_json(void *engines);

/* ---- door_watch.c: containers that the door stops at their first program ---- */

struct door_watch;

struct door_watch_parts {
	struct loop *loop;
	const struct config *config;
	struct guard *guard;
	struct containers *containers;
	struct discovery *discovery;
	struct engines *engines;
};

/*
 * Opens the door, or begins to look whether it is needed, as the configuration says. A door that cannot
 * be opened is logged, and the status says why. Returns 0 or -ENOMEM. All that is given outlives it, and
 * the engines are freed before it.
 */
int door_watch_new(struct door_watch **ret, const struct door_watch_parts *parts);
void door_watch_free(struct door_watch *w);
/* To be called every second: opens the door once an engine without hooks is found. */
void door_watch_check(struct door_watch *w);
/* For the status: {"state", "why", "stopped", "missed", "late", "wait_max_us"}. */
json_t *door_watch_to_json(void *door_watch);

#endif
