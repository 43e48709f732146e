/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a container under guard. */
#ifndef LUTRA_USER_CONTAINERS_ENROL_H
#define LUTRA_USER_CONTAINERS_ENROL_H

#include "user/containers/containers.h"

struct enrol_request {
	const char *cgroup;
	const char *policy; /* a path, or a name in policies_dir; NULL: the image is learned */
	const char *mode;   /* NULL: the policy's */
	const char *name;   /* NULL: the id */
	const char *image;  /* NULL: that of identity, or the policy's */
	const char *digest; /* of the image; NULL: that of identity */
	const struct identity *identity; /* NULL: only what the cgroup's path tells is known */
	bool next_exec, starting;	 /* as struct guard_enrolment */
	bool force; /* also a mode that the policy or its life cycle speaks against */
};

/*
 * Enrols a container and tells the observers. Returns 0 or an error of policy_load_signed() and
 * guard_enroll(); -EEXIST: its name or cgroup is taken; -EINVAL: no such mode or name; -EPERM: the
 * policy or its life cycle speaks against the mode; -ENOENT: it has no policy, and its image is not
 * learned. On failure nothing has changed.
 */
int enrol_container(struct containers *all, const struct enrol_request *q, struct container **ret,
		    struct err *err);

#endif
