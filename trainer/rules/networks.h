/* SPDX-License-Identifier: Apache-2.0 */
/* Learns how far a policy tells peers of private addresses apart: by host, by network, or not. */
#ifndef LUTRA_TRAINER_RULES_NETWORKS_H
#define LUTRA_TRAINER_RULES_NETWORKS_H

#include "trainer/rules/objects.h"

#define NETWORKS_RUNS 3	 /* a class is told apart where so many runs used it */
#define NETWORKS_HOSTS 5 /* the same, by host */

/*
 * Sets the levels of networks in p->port_exact. A class of addresses has the finest level at which two
 * runs or more used each network. An update keeps the levels of the old policy. Returns 0 or -ENOMEM.
 */
int networks_learn(const struct objects_source *src, struct policy *p);

#endif
