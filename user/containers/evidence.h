/* SPDX-License-Identifier: Apache-2.0 */
/* From the kernel's evidence to a container and its alert. */
#ifndef LUTRA_USER_CONTAINERS_EVIDENCE_H
#define LUTRA_USER_CONTAINERS_EVIDENCE_H

#include <stddef.h>

#include "user/containers/containers.h"

/*
 * Finds the container of a piece of evidence, freezes or kills it if its mode says so, and hands
 * the alert on. Evidence of a container that is not enrolled is dropped. str: str_len bytes.
 */
void containers_on_evidence(struct containers *all, const struct lutra_evidence *ev,
			    const char *str, size_t str_len);
/* Hands an alert of a container to the pipeline, the log and the observers. Does not block. */
void container_alert(struct container *c, const struct lutra_evidence *ev, const char *str,
		     size_t str_len);

#endif
