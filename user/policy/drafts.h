/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was accepted without a key where policy_keys are set, and waits for a signature: drafts.json in
 * state_dir. lutrad adds drafts; `lutra policy accept --draft` puts one in force.
 *
 *   {"format": 1, "drafts": [{"policy": DIRECTORY, "entry": ENTRY}…]}
 */
#ifndef LUTRA_USER_POLICY_DRAFTS_H
#define LUTRA_USER_POLICY_DRAFTS_H

#include <jansson.h>

#include "lib/base/err.h"
#include "user/config/config.h"

#define DRAFTS_MAX 256

/*
 * Reads the list of drafts; the caller frees *ret. It is empty if there is no file. Returns 0.
 * -EBADMSG: the file is damaged.
 */
int drafts_load(const struct config *config, json_t **ret, struct err *err);
/* Writes the list. Returns 0, or an error of file_replace(). */
int drafts_save(const struct config *config, json_t *drafts, struct err *err);
/*
 * Adds an entry for the policy in dir, in place of one of the same scope. Returns 0. -ENOSPC: there
 * are DRAFTS_MAX. -ENOMEM.
 */
int drafts_add(json_t *drafts, const char *dir, json_t *entry, struct err *err);
/* Finds a draft by the id of its entry. Returns a borrowed reference or NULL. */
json_t *drafts_find(const json_t *drafts, const char *id);
/* Removes a draft. Returns false: there is none. */
bool drafts_remove(json_t *drafts, const char *id);
/* Returns the entries for the policy in dir, as a new array. NULL: out of memory. */
json_t *drafts_of_policy(const json_t *drafts, const char *dir);

#endif
