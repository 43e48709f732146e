/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies on disk. What changes is verified and put in force for the containers that it guards;
 * if it cannot be loaded, the policy before stays in force and the reason is logged and shown.
 */
#ifndef LUTRA_USER_CONTAINERS_POLICY_WATCH_H
#define LUTRA_USER_CONTAINERS_POLICY_WATCH_H

#include "user/containers/containers.h"

struct policy_watch;

/*
 * Begins to watch, and applies what has changed since the last daemon ended. Returns 0 or -errno as
 * inotify_init1(2) and timerfd_create(2).
 */
int policy_watch_open(struct policy_watch **ret, struct containers *all);
void policy_watch_close(struct policy_watch *w);
/* Loads the policies of all containers again and applies those that changed. */
void policy_watch_reload(struct policy_watch *w);
/* To be called every second: policies_dir may be made later than the daemon starts. */
void policy_watch_check(struct policy_watch *w);

#endif
