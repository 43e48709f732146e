/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad's state, between its parts: the loop, the containers, the control socket. */
#ifndef LUTRA_USER_DAEMON_DAEMON_H
#define LUTRA_USER_DAEMON_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "user/api/api.h"
#include "user/daemon/seccomp_agent.h"
#include "user/pipeline/subscribers.h"
#include "user/config/config.h"
#include "user/api/metrics.h"
#include "user/api/server.h"
#include "user/guard/guard.h"
#include "user/sys/rate_limit.h"
#include "user/identity/identity.h"

struct daemon;

/* First member of whatever the loop waits for. */
struct source {
	void (*ready)(struct daemon *d, struct source *s, uint32_t events);
	int fd;
};

struct container {
	struct source events; /* cgroup.events */
	struct container *next;
	char *name;	     /* by which it is called here, no other has it */
	struct identity who; /* with an id; image: the policy's where nobody said another */
	char *cgroup;
	char *policy_dir;			/* "": it has none, and is learned */
	char policy_sha256[POLICY_SHA256_TEXT]; /* of what is in force */
	char *policy_error; /* why what is in policy_dir now is not in force; NULL: it is */
	uint64_t cgroup_id;
	uint64_t since_ns;	  /* CLOCK_REALTIME */
	uint64_t policy_since_ns; /* the same */
	uint32_t slot;
	uint32_t mode;
	uint32_t refuses;     /* bit per group whose rule denies or kills, of what is in force */
	bool recorded;	      /* its runs are learned from */
	bool sessions;	      /* as struct guard_enrolment */
	bool own_mode;	      /* does not follow its policy's */
	bool frozen;	      /* by us */
	bool reacted;	      /* kill-container, freeze: done */
	struct throttle said; /* its alerts in the log */
	int32_t threshold_a, threshold_b; /* thresholds of what is in force, 1/4096 of a weight */
	uint64_t alert_ns;   /* CLOCK_REALTIME; of the last that was not allowed, 0: none yet */
	uint64_t verdict_ns; /* CLOCK_MONOTONIC; of the last in force, 0: none yet */
};

struct image_index;
struct client;
struct engines;
struct scan;
struct streams;
struct learn;

struct daemon {
	struct config *config;
	struct guard *guard;
	struct alerts *alerts;
	struct api_tally tally;
	struct streams *streams; /* NULL: nobody has followed yet */
	struct metrics *metrics; /* NULL: nothing to remember yet */
	struct web *web;	 /* NULL: not asked for */
	struct container *containers;
	struct client *clients;
	unsigned n_clients;
	struct source kernel;  /* the rings */
	struct source signals; /* SIGTERM, SIGINT, SIGHUP, SIGUSR1 */
	struct source timer;   /* every second */
	struct source control; /* listening socket */
	struct source changes; /* inotify: policies on disk */
	struct source settled; /* after the last of them */
	uint64_t changed_ns;   /* the first that was not looked at, CLOCK_MONOTONIC; 0: none */
	int policies_wd;       /* watch of policies_dir, or -1: not yet */
	struct agent *agent;
	struct image_index *image_index; /* which policy is for which image */
	struct engines *engines;
	struct scan *scan;
	bool enrolled_changed; /* what enrolled.json should say is another */
	uint64_t enrolled_changed_ns;
	struct learn *learn; /* the life cycle of policies */
	int epoll_fd;
	bool stop;
	bool made_socket;
	bool made_socket_dir;
	uint64_t start_ns; /* CLOCK_REALTIME */
};

/* ---- daemon.c ---- */

/* Everything but the containers: errors as config_load(), guard_new(), bind(2). */
int daemon_new(struct daemon **ret, struct config *config, struct err *err);
/* Until SIGTERM or SIGINT. 0 or -errno. */
int daemon_run(struct daemon *d);
/* Remove what a daemon that is gone left in the kernel. -EBUSY: one runs. */
int daemon_uninstall(const struct config *config, struct err *err);
/* Releases all, removes the socket. */
void daemon_free(struct daemon *d);
DEFINE_FREEP(struct daemon, daemon_free);
/* Have the loop call s->ready. */
int daemon_watch(struct daemon *d, struct source *s, uint32_t events);
void daemon_log(const struct daemon *d, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- containers.c ---- */

struct enrol_request {
	const char *cgroup;
	const char *policy;	    /* a path, or a name in policies_dir; NULL: it is learned */
	const char *mode;	    /* NULL: the policy's */
	const char *name;	    /* NULL: the id */
	const char *image;	    /* NULL: the policy's */
	const char *digest;	    /* of the image; NULL: what who says */
	const struct identity *who; /* NULL, or more than that */
	bool next_exec;		    /* as struct guard_enrolment, these two */
	bool starting;
	bool force; /* mode also where the policy speaks against it */
};

/*
 * Errors as policy_load() and guard_enroll(), -EEXIST: name or cgroup is taken, -EINVAL: mode;
 * -EPERM: as modes_check(), learn_gate(); -ENOENT: as learn_choose().
 */
int containers_enroll(struct daemon *d, const struct enrol_request *q, struct container **ret,
		      struct err *err);
/* One that is not in the kernel's hands yet; NULL: out of memory. */
struct container *container_new(void);
void container_free(struct container *c);
DEFINE_FREEP(struct container, container_free);
/* Put a container whose slot is enrolled among the others; it is the daemon's from here on. */
void containers_add(struct daemon *d, struct container *c);
/* Switch its mode, at once; what a verdict froze goes on. Errors as guard_set_mode(). */
int containers_switch(struct daemon *d, struct container *c, unsigned mode, struct err *err);
/*
 * The same, and it no longer follows its policy's. force: also where its policy speaks against it.
 * Also errors as policy_load_signed(), modes_check(), where the mode is above audit.
 */
int containers_set_mode(struct daemon *d, struct container *c, unsigned mode, bool force,
			struct err *err);
/* After a false alarm: it goes on, under guard, with levels and histories that begin again. */
int containers_thaw(struct daemon *d, struct container *c, struct err *err);
/* By hand, whatever its mode is. -errno as cgroup_write(). */
int containers_freeze(struct daemon *d, struct container *c, struct err *err);
int containers_kill(struct daemon *d, struct container *c, struct err *err);
/* Note what the rules and thresholds of the policy in force are. */
void container_knows_policy(struct container *c, const struct policy *p);
/* The same, and which policy it is. */
void container_has_policy(struct container *c, const struct policy *p);
/* The same, of one that had none: it is policies_dir/name from here on. -ENOMEM. */
int container_set_policy(struct daemon *d, struct container *c, const char *name,
			 const struct policy *p, struct err *err);
/* By name or by cgroup path; NULL. */
struct container *containers_find(struct daemon *d, const char *name);
/* Thaws what a verdict froze, if asked to. */
void containers_release(struct daemon *d, struct container *c, bool and_thaw);
/* Release those whose cgroup is gone. */
void containers_check(struct daemon *d);
/* Handler of the kernel's evidence; ctx: the daemon. */
void containers_evidence(void *ctx, const struct lutra_evidence *ev, const char *str,
			 size_t str_len);
/* Keep an event of a container and tell it to all who follow. */
void containers_tell(struct daemon *d, struct container *c, const struct lutra_evidence *ev,
		     const char *str, size_t str_len);
/* For the status: {"name", "image", "cgroup", ..., "counters": {}}. */
json_t *containers_json(const struct daemon *d, const struct container *c);

/* ---- ../adopt/adopt.c: containers that a hook or an engine names ---- */

struct arrival {
	const struct identity *who; /* with an id */
	pid_t pid;		    /* of its first process; 0: see cgroup */
	const char *cgroup;	    /* its own; NULL: that of the process */
	bool quiet;		    /* that no policy is for it was said */
	bool starting; /* a hook: it waits for the answer, its program does not run yet */
};

/*
 * Put a container under the guard of the policy that is for its image; one that is already stays,
 * and is known better. *ret: NULL where no policy is for it, why says so. -ESRCH: the process is
 * gone. -EXDEV: it is not, or not only, this container's. Else as containers_enroll().
 */
int adopt(struct daemon *d, const struct arrival *a, struct container **ret, struct err *why);
/* The container of that id ended: released once its cgroup is gone. */
void adopt_end(struct daemon *d, const char *id);
/* The container that is enrolled with that id, or NULL. */
struct container *adopt_find(struct daemon *d, const char *id);

/* ---- ../adopt/engines.c: the APIs of Docker and Podman ---- */

/* Ask each, and go on asking those that are not there. */
int engines_open(struct daemon *d, struct err *err);
void engines_close(struct daemon *d);
/* Every second. */
void engines_check(struct daemon *d);
/* For the status: [{"socket", "engine", "connected"}]. */
json_t *engines_json(const struct daemon *d);

/* ---- ../adopt/scan.c: containers that run and that nobody named, by their cgroups ---- */

/* Every second; looks every five. */
void scan_check(struct daemon *d);
void scan_close(struct daemon *d);

/* ---- policies.c: what changes on disk ---- */

/* Watch, and look whether anything changed while no daemon ran. -errno. */
int policies_open(struct daemon *d);
void policies_close(struct daemon *d);
/* Load the policies of all containers anew; those that changed are put in force. */
void policies_reload(struct daemon *d);
/* Have changes of the policy in dir seen. The watch, or -errno. */
int policies_watch(struct daemon *d, const char *dir);
/* Every second: policies_dir may come to be later than the daemon. */
void policies_look(struct daemon *d);

struct mode_request {
	const char *policy; /* a name in policies_dir */
	unsigned mode;
	bool force;
};

/*
 * Set the mode of a policy, kept for all that follow, and of the containers that it guards. *ret_n:
 * how many these are; ret_over: what --force overrode of the gate. Errors as policy_load_signed(),
 * modes_set(), guard_set_mode(), learn_gate().
 */
int policies_set_mode(struct daemon *d, const struct mode_request *q, unsigned *ret_n,
		      struct err *ret_over, struct err *err);

/* ---- enrolled.c: where kernel state is pinned ---- */

/* Saved when the loop has nothing else to do, 200 ms from now at the latest. */
void enrolled_save(struct daemon *d);
void enrolled_write(struct daemon *d);
/* What the daemon before enrolled; slots of which nothing is known are released. */
void enrolled_restore(struct daemon *d);
void enrolled_remove(const struct config *config);

/* ---- control.c ---- */

/* Listen. -EADDRINUSE: another daemon does. */
int control_open(struct daemon *d, struct err *err);
void control_close(struct daemon *d);
/*
 * Listen on a Unix socket of root's alone, for the loop. *ret_made: it is to be unlinked at the
 * end. -EADDRINUSE: somebody does. -EEXIST: path is no socket.
 */
int control_listen(struct daemon *d, struct source *s, const char *path, bool *ret_made,
		   struct err *err);
/* Is who connected root, and not of a container under guard? */
bool control_is_allowed(const struct daemon *d, int fd);
/* An event for those who follow. */
void control_publish(struct daemon *d, const struct event *e);

#endif
