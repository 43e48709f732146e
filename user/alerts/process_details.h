/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc has of the process of an alert, and of its parent, moments after the event. */
#ifndef LUTRA_USER_ALERTS_PROCESS_DETAILS_H
#define LUTRA_USER_ALERTS_PROCESS_DETAILS_H

#include "user/alerts/alert_fields.h"
#include "user/sys/rate_limit.h"

/*
 * Sets the fields ALERT_CMDLINE to ALERT_USER_NAME of an alert, as far as they can be read: a process
 * that was killed, or has ended, has none. A parent outside of the container has none either. Nothing is
 * read for the verdict allow, and for more alerts than the limit passes. Texts may hold any bytes: they
 * are cleaned. Reads files of the container.
 */
void process_details_put(struct throttle *limit, const struct lutra_evidence *ev,
			 struct alert_fields *f);

#endif
