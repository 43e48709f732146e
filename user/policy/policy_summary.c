/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a policy's directory. Reads the files of the policy; does not keep anything. */
#include "user/policy/policy_summary.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/files/policy_json.h"
#include "lib/policy/files/policy_sign.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"

/* Returns the time of policy.json, or null: there is none. */
static json_t *creation_time(const char *dir)
{
	_cleanup_free_ char *path = policy_json_path(dir);
	char time[CLOCK_TEXT];
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return json_null();
	return json_string(clock_format((uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC, time));
}

/* Returns the key of the signer; null: not signed; false: the signature is wrong. */
static json_t *signer_to_json(const char *dir)
{
	char public[POLICY_KEY_TEXT];
	int r = policy_signer(dir, public, NULL);

	if (r == -ENOENT)
		return json_null();
	return r < 0 ? json_false() : json_string(public);
}

static json_t *training_to_json(const struct policy *p, unsigned mode)
{
	char unseen[POLICY_UNSEEN_TEXT];

	policy_unseen_text(&p->calibration.unseen, unseen);
	return json_pack("{s:o, s:o, s:s, s:s, s:i, s:f, s:I, s:I, s:s, s:s, s:o, s:b, s:b}",
			 "image", text_json_keep(p->image), "digest",
			 p->digest ? text_json_keep(p->digest) : json_null(), "mode",
			 mode_name(mode), "policy_mode", mode_name(p->mode), "runs", (int)p->n_runs,
			 "hours", p->hours, "calls", (json_int_t)p->calls, "objects",
			 (json_int_t)p->n_objects, "sha256", p->json_sha256, "unseen", unseen,
			 "calibration", policy_calibration_encode(&p->calibration), "level_off",
			 (int)!policy_has_level(p), "lacks_hooks", (int)policy_lacks_hooks(p));
}

/* Says what a person added to the policy. */
static json_t *accepted_to_json(const char *dir, const struct err *left_out)
{
	json_auto_t *delta = NULL;
	json_t *words =
		accepted_read(dir, NULL, &delta, NULL) == 0 ? accepted_words(delta) : json_array();

	return json_pack("{s:o, s:o}", "accepted", words, "accepted_error",
			 *left_out->msg ? text_json_keep(left_out->msg) : json_null());
}

json_t *policy_summary_to_json(const struct config *config, const char *parent, const char *name,
			       json_t *containers, struct policy **ret)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX];
	struct err err = {}, left_out;
	unsigned mode = 0;
	json_t *j;
	int r;

	snprintf(dir, sizeof(dir), "%s/%.255s", parent, name);
	r = accepted_load(&p, dir, &config->policy_keys, &left_out, &err);
	if (r == -ENOTDIR || r == -ENOENT) {
		json_decref(containers);
		return NULL;
	}
	if (r == 0)
		r = modes_get(config, dir, p, &mode, &err);
	j = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "name", text_json_keep(name), "good",
		      r == 0, "error", r < 0 ? text_json_keep(err.msg) : json_null(), "created",
		      creation_time(dir), "signed_by", signer_to_json(dir), "containers",
		      containers);
	if (j && r == 0) {
		json_object_update_new(j, training_to_json(p, mode));
		json_object_update_new(j, accepted_to_json(dir, &left_out));
	}
	if (ret)
		*ret = r == 0 ? TAKE_PTR(p) : NULL;
	return j;
}
