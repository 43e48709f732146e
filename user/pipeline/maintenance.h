/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that somebody works on: what their containers do meanwhile is one incident. The list is
 * saved at each change, and read at start. Any thread.
 */
#ifndef LUTRA_USER_PIPELINE_MAINTENANCE_H
#define LUTRA_USER_PIPELINE_MAINTENANCE_H

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/incidents/incident.h"

#define MAINTENANCE_MAX 64
#define MAINTENANCE_MAX_S (7 * 86400)
#define MAINTENANCE_REASON 256 /* bytes of a reason, and of an image */

struct maintenance;

/*
 * Reads the list from a file; NULL: nothing is saved. A file that is not there is an empty list. A
 * damaged file is renamed, and is an empty list, too, and err is set. Returns 0, -EBADMSG (*ret is set) or -ENOMEM.
 */
int maintenance_new(struct maintenance **ret, const char *path, struct err *err);
void maintenance_free(struct maintenance *m);
DEFINE_FREEP(struct maintenance, maintenance_free);

struct maintenance_request {
	const char *image; /* a reference as of a policy: without a tag it means every tag */
	const char *reason;
	const char *by;
	uint64_t now_ns, until_ns; /* CLOCK_REALTIME */
};

/*
 * Begins the maintenance of an image, or replaces that under way. -EINVAL: image or reason is empty or
 * too long. -E2BIG: MAINTENANCE_MAX are under way. Else -errno: it could not be saved.
 */
int maintenance_begin(struct maintenance *m, const struct maintenance_request *q, struct err *err);
/* Ends it. -ENOENT: there is none. -EIO: that cannot be saved, so it goes on. */
int maintenance_end(struct maintenance *m, const char *image, uint64_t now_ns, struct err *err);
/* Finds the maintenance of an image at a time. Returns false if there is none. */
bool maintenance_find(struct maintenance *m, const char *image, uint64_t now_ns,
		      struct incident_maintenance *ret);
/* Returns [{"image", "reason", "by", "begin", "until"}] of those under way. */
json_t *maintenance_to_json(struct maintenance *m, uint64_t now_ns);

#endif
