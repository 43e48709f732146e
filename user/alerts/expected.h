/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy that judged an event expected in its place. It is written down when the event
 * comes, because the policy may be another one when somebody reads it. Used on the pipeline's
 * thread.
 */
#ifndef LUTRA_USER_ALERTS_EXPECTED_H
#define LUTRA_USER_ALERTS_EXPECTED_H

#include <jansson.h>

#include "lib/policy/policy.h"
#include "user/alerts/alert_text.h"

#define EXPECTED_BYTES 8192  /* of the JSON, with the NUL */
#define EXPECTED_POLICIES 16 /* that a cache holds */

/* Policies that were loaded for this. */
struct expected_cache;

/* Returns an empty cache, or NULL: out of memory. */
struct expected_cache *expected_cache_new(void);
void expected_cache_free(struct expected_cache *c);
DEFINE_FREEP(struct expected_cache, expected_cache_free);

/*
 * Returns the policy that judged an alert, valid until the next call. If the cache does not have
 * the policy, it is read from the disk. NULL: its directory has another policy, it cannot be
 * loaded, the verdict is allow and the cache does not have it, or too many policies were read
 * within a second.
 */
const struct policy *expected_policy(struct expected_cache *c, const struct alert *a);

/*
 * Describes what was expected in place of an alert, as JSON text of at most EXPECTED_BYTES:
 *
 *   calls    [{"position", "after", "came", "weight", "novel", "expected": [NAME…]}], the unusual
 *            calls and objects of the history
 *   objects  [TEXT…], what the policy knows that is most like the object, the most alike first
 *
 * Reads the policy from the disk if the cache does not have it. Returns NULL for the verdict allow,
 * for more alerts than a limit passes, and if the policy on disk is not the one that judged. The
 * caller frees the text.
 */
char *expected_describe(struct expected_cache *c, const struct alert *a);

/*
 * Describes what was expected in place of a stored event that has no such text, as JSON. Returns
 * NULL if the policy in its directory is not the one that judged, or cannot be loaded. f: the event
 * as it was stored. history: as its JSON has it.
 */
json_t *expected_of_stored(const struct alert_fields *f, const json_t *history);

/* Returns the names of the calls and objects that usually follow a token, commonest first. */
json_t *expected_successors(const struct policy *p, unsigned token);

#endif
