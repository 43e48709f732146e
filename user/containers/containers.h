/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of enrolled containers, and what is done to them. It owns every struct container;
 * only the files of this folder write one. All of it runs on the main loop.
 */
#ifndef LUTRA_USER_CONTAINERS_CONTAINERS_H
#define LUTRA_USER_CONTAINERS_CONTAINERS_H

#include "lib/policy/paths/host_places.h"
#include "lib/policy/policy.h"
#include "lutra/alert_kind.h"
#include "user/config/config.h"
#include "user/containers/unarmed.h"
#include "user/guard/guard.h"
#include "user/identity/identity.h"
#include "user/pipeline/pipeline.h"
#include "user/policy/lifecycle.h"
#include "user/sys/loop.h"

struct containers;

struct container {
	struct containers *all;
	struct container *next;
	struct loop_watch events; /* of cgroup.events */
	char *name;		  /* unique among the enrolled */
	/* With an id. Its image is the policy's if no other is known. */
	struct identity identity;
	char *cgroup;
	uint64_t cgroup_id;
	uint64_t since_ns; /* CLOCK_REALTIME, of the enrolment */
	uint32_t slot;
	bool sessions;		 /* as struct guard_enrolment */
	bool recorded;		 /* its runs are recorded to learn from them */
	bool host_known;	 /* its mounts were inspected after its program started */
	int host_error;		 /* -errno of the last inspection of its mounts, or 0 */
	struct host_places host; /* where its mounts show the host; written by host_mounts.c */

	char *policy_dir;			/* "": it has no policy, and is learned */
	char policy_sha256[POLICY_SHA256_TEXT]; /* of the policy in force */
	/*
	 * Of what a person added to it, and when the first part of that ends: as in struct policy.
	 */
	char accepted_sha256[POLICY_SHA256_TEXT];
	int64_t accepted_until;
	uint32_t policy_version; /* of the binding in the kernel; 0: not asked yet */
	/* Of the policy before, for evidence that is still on its way. */
	char before_sha256[POLICY_SHA256_TEXT], before_accepted[POLICY_SHA256_TEXT];
	char *policy_error;	  /* why what is in policy_dir now is not in force; NULL: it is */
	uint64_t policy_since_ns; /* CLOCK_REALTIME */
	/* Of level M in the policy in force. LUTRA_THRESHOLD_OFF: the policy has no level M. */
	int32_t threshold;
	int32_t novelty_threshold; /* the same of level N */
	bool level_noted;	   /* container_note_level() has sent its event about this policy */
	bool lacks_hooks;	   /* policy_lacks_hooks() of the policy in force */
	bool hooks_noted;	   /* container_note_hooks() has sent its event about this policy */
	uint32_t refusing_rules;   /* bit per rule that denies or kills; some may be in audit */
	uint32_t mode;
	bool own_mode; /* it does not follow its policy's mode */
	/* Written by policy_watch.c. */
	bool policy_due;	 /* its policy is to be loaded again */
	uint64_t policy_read_ns; /* CLOCK_MONOTONIC, of the last load; 0: at its enrolment */
	uint64_t policy_stamp; /* policy_stamp() of what was loaded and is in force; 0: not known */
	/* Written by container_view.c. */
	bool is_release;	   /* its image is another release than its policy was made for */
	uint32_t release_rules;	   /* bit per rule that only alerts in the first hours of it */
	uint64_t release_until_ns; /* CLOCK_REALTIME, end of these hours */
	/* Written by fallback.c. */
	uint32_t fallback_rules; /* bit per rule that only alerts, because it refused too often */
	struct container_refusal *refusals; /* (n_refusals): what was refused, each once */
	size_t n_refusals, refusals_size;
	struct throttle refusal_limit; /* of refusals that are looked at */

	bool frozen;		   /* by lutrad */
	bool acted;		   /* mode kill-container or freeze has acted on it */
	struct throttle log_limit; /* of its alerts in the log */
	struct lutra_alert_kinds alert_kinds;
	bool has_tasks;		/* when its cgroup was last read; written by containers.c */
	struct unarmed unarmed; /* written by containers.c */
	uint64_t alert_ns;	/* CLOCK_REALTIME, of the last not allowed; 0: none yet */
	uint64_t verdict_ns;	/* CLOCK_MONOTONIC, of the last in force; 0: none yet */
	bool alert_lost;	/* the queue had no room: the kernel has to tell it again */
	uint64_t forgotten_ns;	/* CLOCK_MONOTONIC, when it last had to */
	uint64_t
		repeat_ns; /* CLOCK_MONOTONIC, of the last repeat that ended the image's clean time */
};

/* What the registry uses; all of it outlives the registry. */
struct containers_parts {
	struct loop *loop;
	struct guard *guard;
	const struct config *config;
	struct pipeline *pipeline;
	const struct lifecycle
		*lifecycle; /* read when a container is enrolled or changes its mode */
};

#define CONTAINERS_RUNNING 0x1	/* the container ran before it was enrolled */
#define CONTAINERS_RESTORED 0x2 /* an earlier daemon enrolled it */

/* Functions that the registry calls, in the order of registration. NULL: not called. */
struct containers_observer {
	void (*on_enrolled)(void *ctx, struct container *c, unsigned how); /* CONTAINERS_* */
	void (*on_emptied)(void *ctx, struct container *c); /* its last task has ended */
	/* It is about to be released; the kernel's counters are still there. */
	void (*on_release)(void *ctx, struct container *c);
	/* An alert of it was handed on. realtime_ns: of the event. */
	void (*on_alerted)(void *ctx, struct container *c, const struct lutra_evidence *ev,
			   uint64_t realtime_ns);
	/*
	 * It was refused something, or a task of it was killed. finding: tells refusals apart that
	 * a person would tell apart. Not of each refusal of a flood.
	 */
	void (*on_refused)(void *ctx, struct container *c, const struct lutra_evidence *ev,
			   const char *finding);
	/* The operator set the mode of a policy by its name in policies_dir. */
	void (*on_policy_mode)(void *ctx, const char *policy);
	/* Something that is saved has changed. c: of which container; NULL: of several. */
	void (*on_changed)(void *ctx, const struct container *c);
	void *ctx;
	struct containers_observer *next; /* the registry's */
};

/* Returns 0 or -ENOMEM. */
int containers_new(struct containers **ret, const struct containers_parts *parts);
/* Frees all containers. The kernel guards them on, unless they were released. */
void containers_free(struct containers *all);
DEFINE_FREEP(struct containers, containers_free);

/* Has the observer's functions called. It must outlive the registry's use. */
void containers_observe(struct containers *all, struct containers_observer *o);

/* The first of them; container.next leads on. NULL: none. */
struct container *containers_first(const struct containers *all);
unsigned containers_count(const struct containers *all);
/* By its name or its cgroup's path. NULL: not enrolled. */
struct container *containers_find(const struct containers *all, const char *name);
/*
 * Finds a container as a person names it: by name or cgroup, or else by the beginning of its id, of
 * CONTAINERS_ID_MIN characters at least. -ENOENT: none is enrolled; -ENOTUNIQ: several have such ids.
 */
#define CONTAINERS_ID_MIN 4
int containers_match(const struct containers *all, const char *word, struct container **ret);
/* Finds the container that a cgroup, by the kernel's id, is or lies in. NULL: it is in none. */
struct container *containers_of_cgroup(const struct containers *all, uint64_t cgroup_id);
/* By the id of its identity. NULL: not enrolled. */
struct container *containers_find_id(const struct containers *all, const char *id);

/* Releases the containers whose cgroup is gone. To be called every second. */
void containers_check(struct containers *all);
/* Stops guarding all containers. thaw: as container_release(). */
void containers_release_all(struct containers *all, bool thaw);
/*
 * Stops guarding a container, removes it from the registry and frees it. Observers are told first.
 * thaw: also thaws a cgroup that a verdict froze.
 */
void container_release(struct container *c, bool thaw);

/* Returns true if its cgroup exists and has tasks. */
bool container_is_populated(const struct container *c);
/*
 * Returns true if the program of the container has started since the container last was empty.
 * Before it has, the processes in the cgroup are a runtime's, and may have the root of the host.
 */
bool container_has_started(const struct container *c);
/* Has the kernel record its events, or no longer. */
void container_set_recorded(struct container *c, bool recorded);
/* Adds to what is known of a container. Returns 0 or -ENOMEM. */
int container_add_identity(struct container *c, const struct identity *more);

/* ---- actions.c ---- */

/* A change of a container's mode. */
struct mode_change {
	unsigned mode;
	bool own;	   /* the mode is the container's own; else it follows its policy's mode */
	const char *cause; /* of the event, such as "set by root for this container" */
};

/*
 * Switches the mode of a container at once, and thaws the container if a verdict froze it. A mode
 * that is another one than before is an event. Errors as guard_set_mode().
 */
int container_switch_mode(struct container *c, const struct mode_change *change, struct err *err);
/* A mode that somebody asks for. */
struct asked_mode {
	unsigned mode;
	bool force;	/* also a mode above audit that policy or life cycle does not allow */
	const char *by; /* who asks, such as "root" */
};

/*
 * Gives a container a mode of its own. Errors as container_switch_mode(), policy_load_signed(),
 * container_check_mode().
 */
int container_set_mode(struct container *c, const struct asked_mode *ask, struct err *err);
/*
 * Makes a container follow the mode of its policy p, which the operator may have set. Errors as
 * modes_get() and container_switch_mode().
 */
int container_follow_mode(struct container *c, const struct policy *p, struct err *err);
/* Returns 0, or -EPERM if the policy or its life cycle does not allow the mode. */
int container_check_mode(const struct container *c, const struct policy *p, unsigned mode,
			 bool force, struct err *err);

/*
 * Applies a policy to a container. dir: the directory of the policy, which becomes policy_dir.
 * anew: apply the policy even if it is the present one; levels and histories of the tasks begin
 * again. Errors as guard_set_policy(); -ENOMEM.
 */
int container_apply_policy(struct container *c, const char *dir, const struct policy *p, bool anew,
			   struct err *err);
/* Notes rules, thresholds, checksum and time of a policy that is about to be applied. */
void container_note_policy(struct container *c, const struct policy *p);

/* Returns true if an older version made the container's policy, so that it has no level M. */
static inline bool container_is_level_off(const struct container *c)
{
	return c->threshold == LUTRA_THRESHOLD_OFF;
}

/*
 * Returns true if the host has BPF LSM and the policy's runs were recorded without: capabilities, and
 * hooks that have no object, are not judged.
 */
bool container_has_unjudged_hooks(const struct container *c);

/* If container_has_unjudged_hooks(), sends one event that says so and what to do. */
void container_note_hooks(struct container *c);

/* If the policy in force has no level M, sends one event that says so and what to do. */
void container_note_level(struct container *c);

/*
 * Loads the container's policy and applies it anew. Errors as policy_load_signed() and the above.
 */
int container_apply_again(struct container *c, struct err *err);
/* Returns the rules (a bit for each) that only alert in this container, whatever its mode is. */
uint32_t container_audited_rules(const struct container *c);

/*
 * Thaws a container after a false alarm. It stays under guard; levels and histories of its tasks
 * begin again.
 * Errors as policy_load_signed(), guard_set_policy(), guard_set_mode(); -EINVAL: it has no policy.
 */
int container_thaw(struct container *c, struct err *err);
/* Freezes or kills a container for the operator, in any mode. -errno as cgroup_write(). */
int container_freeze(struct container *c, struct err *err);
int container_kill(struct container *c, struct err *err);
/* Thaws the cgroup of a container if lutrad froze it. Logs a failure. */
void container_end_freeze(struct container *c);

/*
 * Sets the mode of a policy, by its name, for all containers that it guards and will guard. *ret_n: how many
 * follow now. *ret_over: what force has overridden of the life cycle's conditions, "" for nothing.
 * Errors as policy_load_signed(), modes_set(), guard_set_mode(); -EPERM: the life cycle.
 */
int containers_set_policy_mode(struct containers *all, const char *policy,
			       const struct asked_mode *ask, unsigned *ret_n, struct err *ret_over,
			       struct err *err);

/* ---- enrol.c ---- */

struct enrol_request {
	const char *cgroup;
	const char *policy; /* a path, or a name in policies_dir; NULL: the image is learned */
	const char *mode;   /* NULL: the policy's */
	const char *name;   /* NULL: the id */
	const char *image;  /* NULL: that of identity, or the policy's */
	const char *digest; /* of the image; NULL: that of identity */
	const struct identity *identity; /* NULL: only what the cgroup's path tells is known */
	bool next_exec, starting;	 /* as struct guard_enrolment */
	pid_t at_door;			 /* as struct guard_enrolment */
	bool force; /* also a mode that the policy or its life cycle does not allow */
};

/*
 * Enrols a container and tells the observers. Returns 0 or an error of policy_load_signed() and
 * guard_enroll(); -EEXIST: its name or cgroup is taken; -EINVAL: no such mode or name; -EPERM: the
 * policy or its life cycle does not allow the mode; -ENOENT: it has no policy, and its image is not
 * learned. On failure nothing has changed.
 */
int enrol_container(struct containers *all, const struct enrol_request *q, struct container **ret,
		    struct err *err);

/* ---- evidence.c ---- */

/*
 * Finds the container of a piece of evidence, freezes or kills it if its mode says so, and hands
 * the alert on. Evidence of a container that is not enrolled is dropped. str: str_len bytes.
 */
void containers_on_evidence(struct containers *all, const struct lutra_evidence *ev,
			    const char *str, size_t str_len);
/*
 * Hands an alert of a container to the pipeline, which also logs it, and to the observers. Does not
 * block.
 */
void container_alert(struct container *c, const struct lutra_evidence *ev, const char *str,
		     size_t str_len);

/* ---- fallback.c ---- */

/* Notes a refusal. Returns how many different ones there were by rules of the same kind. */
size_t container_count_refusal(struct container *c, unsigned rule, const char *finding);
/*
 * Puts the rules of the same kind as that of a refusal in audit, for this container alone, with an
 * alert of rule fallback. n: of container_count_refusal(). Errors as container_apply_again().
 */
int container_fall_back(struct container *c, const struct lutra_evidence *last, size_t n,
			struct err *err);
/*
 * Puts the rules that fell back in force again: the operator set a mode. The caller applies the
 * policy again if it returns true.
 */
bool container_end_fallback(struct container *c);

/* Writes an event of rule mode: what changed in how the container is guarded, and why. */
void container_note_change(struct container *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A change of a policy's mode while no container has the policy. */
struct policy_mode_change {
	const char *dir; /* of the policy */
	const struct policy *policy;
	unsigned before, mode;
	const char *by; /* who changed it */
};

/* Writes an event of rule mode, without a container. */
void containers_note_policy_mode(struct containers *all, const struct policy_mode_change *change);

/* A container that was discovered and that nothing guards. */
struct unguarded_container {
	const struct identity *identity; /* with an id */
	const char *name;		 /* the engine's, or the beginning of the id */
	const char *cgroup;
	const char *why; /* one line */
};

/* Writes an alert of rule unguarded. The identity may be without an id. */
void containers_note_unguarded(struct containers *all, const struct unguarded_container *u);

/* Writes an alert of rule missed: the kernel skipped n runs of programs. */
void containers_note_missed(struct containers *all, uint64_t n);

/* ---- container_json.c ---- */

/* Returns {"name", "image", "cgroup", "policy", "mode", …, "counters": {}}; NULL: out of memory. */
json_t *container_to_json(const struct container *c);

/* ---- container_repeats.c ---- */

/*
 * Returns the alerts about objects that the container has raised again since they were reported, at
 * most max, the most frequent first: [{"rule", "role", "what", "repeated", "last"}]. Reads 80 KB
 * from the kernel. NULL: out of memory.
 */
json_t *container_repeats_to_json(const struct container *c, size_t max);

/*
 * Returns when the last of these alerts (n) came again that a mode in force would have refused, by
 * CLOCK_MONOTONIC; 0: none did. rules: bit per rule that refuses. What exec sessions do is not
 * asked.
 */
uint64_t reported_last_refusal_ns(const struct lutra_reported *reported, size_t n, uint32_t rules);
/* The same of a container. Reads 80 KB from the kernel. */
uint64_t container_last_refusal_ns(const struct container *c);

/* ---- policy_watch.c: applies policies that change on disk, or logs and shows why not ---- */

struct policy_watch;

/*
 * Begins to watch, and applies what has changed since the last daemon ended. Returns 0 or -errno as
 * inotify_init1(2) and timerfd_create(2).
 */
int policy_watch_open(struct policy_watch **ret, struct containers *all);
void policy_watch_close(struct policy_watch *w);
/*
 * Begins to load the policies of all containers again, whether their files have changed or not, and to
 * apply those that changed. The loop does it in pieces, after this has returned.
 */
void policy_watch_reload(struct policy_watch *w);
/* Has on_loaded called whenever all policies are loaded and applied. NULL: nothing is called. */
void policy_watch_on_loaded(struct policy_watch *w, void (*on_loaded)(void *ctx), void *ctx);
/*
 * Loads the policy in dir again and applies it at once to the containers that it guards. What
 * cannot be applied is logged and noted.
 */
void containers_reload_policy(struct containers *all, const char *dir);
/* To be called every second: policies_dir may be made later than the daemon starts. */
void policy_watch_check(struct policy_watch *w);

/* ---- saved_list.c: the list of containers on disk, for the lutrad that comes next ---- */

struct saved_list;

/*
 * Adds the containers of the list to the registry, and those that the kernel guards and of which
 * the list knows nothing. Saves from here on: a thread writes the list, and a command waits until it
 * is written. What cannot be restored is logged. *ret is NULL if nothing is pinned. Returns 0 or
 * -ENOMEM.
 */
int saved_list_open(struct saved_list **ret, struct containers *all);
/* Writes what is not written yet, and ends. */
void saved_list_close(struct saved_list *l);
/* Writes at once what is not written yet. l may be NULL. Errors as file_replace(). */
int saved_list_flush(struct saved_list *l, struct err *err);
/* To be called every second: writes again what could not be written. l may be NULL. */
void saved_list_check(struct saved_list *l);
/* Removes the list from the disk. */
void saved_list_remove(const struct config *config);

#endif
