/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share. */
#ifndef LUTRA_USER_API_ROUTES_API_IMPL_H
#define LUTRA_USER_API_ROUTES_API_IMPL_H

#include <limits.h>

#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "user/api/routes/api.h"
#include "user/api/routes/tally.h"
#include "user/config/config.h"
#include "user/containers/containers.h"
#include "user/pipeline/pipeline.h"
#include "user/policy/policy_summary.h"

struct api {
	struct api_parts parts;
	struct containers_observer observer;
	struct tally tally;
	uint64_t accepted_sum; /* of what is accepted for all containers */
	struct api_section {
		const char *name;
		json_t *(*get_json)(void *ctx);
		void *ctx;
	} sections[API_SECTIONS_MAX];
	unsigned n_sections;
	struct read_thread *reads;	    /* NULL: all is answered on the loop */
	struct policy_summaries *summaries; /* of the thread that reads, while there is one */
};

/* A request whose path has been taken apart. */
struct api_call {
	struct api *api;
	const struct http_request *q;
	const struct config *config; /* api->parts.config, or a copy for the thread that reads */
	const char *name; /* the part of the path at the route's star; "" if it has none */
	json_t *body;	  /* an object; NULL unless it is a POST */
	json_t *prepared; /* what the handler on the loop left for the one in the thread; or NULL */
	struct pipeline_reader *reader; /* of the thread that reads; NULL: this is the main loop */
};

/*
 * Handlers: 0 and an answer, or -errno with err. -ENOENT and -ESRCH are 404, -EINVAL and -EBADMSG
 * 400, -EPERM, -EOPNOTSUPP, -EEXIST, -EBUSY and -EXDEV 409, -EIO 503, all else 500.
 */
typedef int api_handler(struct api_call *c, json_t **ret, struct err *err);

/*
 * These run in the thread that reads. They use the store, files, config, prepared and the query
 * alone, never the registries of the main loop.
 */
api_handler api_events, api_one_event, api_incidents, api_one_incident, api_findings,
	api_one_finding;
api_handler api_ended_containers, api_ended_container, api_listed_policies, api_listed_policy;
api_handler api_policy_diff, api_finding_readings;

/* These run on the main loop. */
api_handler api_status, api_full_status, api_overview, api_verdicts, api_rules, api_token;
/* Notes in prepared what the registry knows of the container and the image that a query names. */
api_handler api_note_filters;
api_handler api_containers, api_container, api_processes, api_container_mode;
api_handler api_container_release, api_container_thaw, api_container_freeze, api_container_kill;
api_handler api_enroll, api_release, api_hook;
api_handler api_incident_close, api_incident_open, api_incident_note;
api_handler api_maintenance, api_maintenance_begin, api_maintenance_end;
api_handler api_policies, api_policy, api_policy_mode, api_finding_accept;
api_handler api_policy_accepted, api_policy_accepted_changed, api_policy_revoke;
api_handler api_learn_status, api_learn_start, api_learn_stop;
api_handler api_learn_drop, api_learn_forget;

/* Returns the store for the thread that the call is in. Errors as pipeline_reader(). */
int api_store(const struct api_call *c, struct store **ret, struct err *err);

/* Reads a whole number from min to max from the query; *ret stays if it is not given. -EINVAL. */
int api_number(const struct api_call *c, const char *name, uint64_t limits[static 2], uint64_t *ret,
	       struct err *err);

/* A page of rows of the store: a list of at most limit rows, and where the next page begins. */
struct api_page {
	json_t *list;
	uint64_t limit;
	char next[64]; /* the cursor behind the last row */
	bool more;     /* the store has more rows */
};

/*
 * Begins a page and opens the store. Ask the store for limit + 1 rows: the last one says that there
 * are more. The caller gives the page to api_page_end(). -EINVAL: "limit" of the query; -EIO: the
 * store.
 */
int api_page_begin(const struct api_call *c, struct api_page *ret, struct store **ret_store,
		   struct err *err);
/* Returns true, and notes that there are more rows, if the page has no room for another one. */
bool api_page_is_full(struct api_page *p);
/*
 * Makes the answer {NAME: rows, "next": cursor or null} of a page if r is 0. Frees the page.
 * Returns r, or -ENOMEM.
 */
int api_page_end(struct api_page *p, int r, const char *name, json_t **ret, struct err *err);

/* Returns a list of the oldest events of an incident, at most limit. NULL: err is set. */
json_t *api_incident_events(struct store *s, uint64_t incident, uint32_t limit, struct err *err);
/*
 * Checks a query that has found nothing. -EINVAL: the container or the image that it names is of no
 * guarded container, of no stored event and of no incident. -EIO: the store. Runs in the thread that reads.
 */
int api_check_filters(struct api_call *c, struct store *s, struct err *err);
/* Checks that a query's since is not later than its until; 0: any. -EINVAL. */
int api_check_times(uint64_t since_ns, uint64_t until_ns, struct err *err);
/* Finds an enrolled container. -ENOENT. */
int api_find_container(const struct api_call *c, const char *name, struct container **ret,
		       struct err *err);
/*
 * Reads the body as json_unpack_ex() does, with its flags and format. -EINVAL: err names the member
 * that is missing or unknown.
 */
int api_body_unpack(const struct api_call *c, size_t flags, struct err *err, const char *format,
		    ...);
#define API_USER 64 /* bytes of the name of a user */
/*
 * Checks the name of the user who asks, as the body has it (NULL: it has none), and sets it to
 * "root" or "the page" if it does not count: a request over TCP does not prove a name. -EINVAL: not
 * a name.
 */
int api_user(const struct api_call *c, const char **by, struct err *err);
/* Reads a body that may have "mode", "force" and "by" alone. -EINVAL. */
int api_mode_body(const struct api_call *c, struct asked_mode *ret, struct err *err);
/* Returns the directory of a policy by its name in policies_dir. -EINVAL: not a name. */
int api_policy_dir(const struct api_call *c, char ret[static PATH_MAX], struct err *err);

/* Adds the sections to an object. */
void api_put_sections(const struct api *a, json_t *j);

/* Processes in and below a cgroup, as {"pid", "ppid", "name", "level": LEVEL or null}. */
json_t *api_processes_json(const struct guard *g, const struct container *c);
/* Returns the levels of its most unusual process: {"m", "th_m", "n", "th_n", "ratio", "processes"}. */
json_t *api_level_json(const struct guard *g, const struct container *c);

/*
 * What training had seen where the syscalls or the object of an event came: {"error", "calls",
 * "objects"}. alert: its JSON.
 */
json_t *api_why_json(const struct alert_fields *a, const json_t *alert);

/* Does api_sync_accepted() if what is accepted for a container has changed. */
void api_note_accepted(struct api *a);
/* Sets in the store which findings are accepted, by what the policies say now. */
void api_sync_accepted(struct api *a);

/* The life cycle of all images, for the status. */
json_t *api_learning_json(const struct api *a);

#endif
