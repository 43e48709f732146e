/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the API. */
#ifndef LUTRA_USER_API_API_IMPL_H
#define LUTRA_USER_API_API_IMPL_H

#include <limits.h>

#include "lib/base/err.h"
#include "lib/policy/policy.h"
#include "user/api/api.h"
#include "user/daemon/daemon.h"

/* A request whose path has been taken apart. */
struct api_call {
	struct daemon *d;
	const struct api_request *q;
	const char *name; /* what stands at the route's star; "" where it has none */
	json_t *body;	  /* an object, of a POST */
};

/*
 * Handlers: 0 and an answer, or -errno with err. -ENOENT is 404, -EINVAL and -EBADMSG are 400,
 * -EPERM and -EOPNOTSUPP 409, -EIO 503, all else 500.
 */
int api_status(struct api_call *c, json_t **ret, struct err *err);
int api_verdicts(struct api_call *c, json_t **ret, struct err *err);
int api_containers(struct api_call *c, json_t **ret, struct err *err);
int api_container(struct api_call *c, json_t **ret, struct err *err);
int api_processes(struct api_call *c, json_t **ret, struct err *err);
int api_container_mode(struct api_call *c, json_t **ret, struct err *err);
int api_container_release(struct api_call *c, json_t **ret, struct err *err);
int api_container_thaw(struct api_call *c, json_t **ret, struct err *err);
int api_container_freeze(struct api_call *c, json_t **ret, struct err *err);
int api_container_kill(struct api_call *c, json_t **ret, struct err *err);
int api_events(struct api_call *c, json_t **ret, struct err *err);
int api_one_event(struct api_call *c, json_t **ret, struct err *err);
int api_policies(struct api_call *c, json_t **ret, struct err *err);
int api_policy(struct api_call *c, json_t **ret, struct err *err);
int api_policy_diff(struct api_call *c, json_t **ret, struct err *err);
int api_policy_mode(struct api_call *c, json_t **ret, struct err *err);

/* A query's whole number from min to max; fallback where it is not given. -EINVAL. */
int api_number(const struct api_call *c, const char *name, uint64_t limits[static 2], uint64_t *ret,
	       struct err *err);
/* The only members that a body may have: "mode" and "force". -EINVAL. */
int api_mode_body(const struct api_call *c, unsigned *ret_mode, bool *ret_force, struct err *err);
/* The directory of a policy by its name in policies_dir. -EINVAL: it is no name. */
int api_policy_dir(const struct api_call *c, char ret[static PATH_MAX], struct err *err);

/* Processes in and below a cgroup, as {"pid", "ppid", "name", "level": LEVEL or null}. */
json_t *api_processes_json(const struct daemon *d, const struct container *c);
/* The most unusual of its processes now: {"a", "b", "th_a", "th_b", "processes"}. */
json_t *api_level_json(const struct daemon *d, const struct container *c);

/*
 * What training had seen where an event's calls or object came; {"calls", "objects", "policy"}.
 * alert: api_event_json().
 */
json_t *api_why_json(const struct alert *a, const json_t *alert);
/* Successors of a call: names, commonest first. role, nr as in a policy. */
json_t *api_successors_json(const struct policy *p, unsigned token);

#endif
