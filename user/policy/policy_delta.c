/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and saves deltas of policies by the rules of the configuration. */
#include "user/policy/policy_delta.h"

#include <errno.h>

int policy_delta_open(const struct config *config, const char *dir, json_t **ret, struct err *err)
{
	int r = accepted_read(dir, &config->policy_keys, ret, err);

	if (r != -ENOENT)
		return r;
	*ret = accepted_new(dir);
	return *ret ? 0 : err_oom(err);
}

static int check_key(const struct config *config, const char *key_file, struct err *err)
{
	if (config->policy_keys.n && !key_file)
		return err_set(err, -EPERM,
			       "policy_keys are set, so what is accepted must be signed: give "
			       "--key KEY");
	return 0;
}

/* Tests that a policy can hold all of a delta. */
static int try_delta(const struct config *config, const char *dir, json_t *delta, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;
	int r = policy_load_signed(&p, dir, &config->policy_keys, err);

	if (r == 0)
		r = accepted_apply(p, delta, accepted_now(), &left_out, err);
	if (r == 0 && *left_out.msg)
		return err_set(err, -ENOSPC, "%s", left_out.msg);
	return r;
}

int policy_delta_save_less(const struct config *config, const char *dir, json_t *delta,
			   const char *key_file, struct err *err)
{
	int r = check_key(config, key_file, err);

	return r < 0 ? r : accepted_write(dir, delta, key_file, err);
}

int policy_delta_save(const struct config *config, const char *dir, json_t *delta,
		      const char *key_file, struct err *err)
{
	int r = check_key(config, key_file, err);

	if (r == 0)
		r = try_delta(config, dir, delta, err);
	return r < 0 ? r : accepted_write(dir, delta, key_file, err);
}
