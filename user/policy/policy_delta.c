/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and saves deltas of policies by the rules of the configuration. */
#include "user/policy/policy_delta.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

int policy_delta_lock(const struct config *config, bool wait, int *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;

	*ret = -1;
	if (mkdir(config->state_dir, 0700) < 0 && errno != EEXIST)
		return 0;
	fd = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return 0;
	if (fd < 0 || flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
		return err_set(
			err, errno == EWOULDBLOCK ? -EBUSY : -errno, "%s: %s", config->state_dir,
			errno == EWOULDBLOCK ? "another command changes what is accepted: try "
					       "again"
					     : strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

int policy_delta_open(const struct config *config, const char *dir, json_t **ret, struct err *err)
{
	int r = accepted_read(dir, &config->policy_keys, ret, err);

	if (r != -ENOENT)
		return r;
	*ret = accepted_new(dir);
	return *ret ? 0 : err_oom(err);
}

/* Tests that the key is one of policy_keys: what another key signed would put all of the delta out of force. */
static int check_trusted(const struct policy_keys *keys, const char *key_file, struct err *err)
{
	char line[POLICY_SIGNATURE_TEXT], public[POLICY_KEY_TEXT];
	int r = policy_key_sign(key_file, "", 0, line, public, err);

	if (r < 0)
		return r;
	if (policy_keys_have(keys, public))
		return 0;
	return err_set(err, -EKEYREJECTED,
		       "%s: its public key is none of policy_keys: give the key of one of them",
		       key_file);
}

static int check_key(const struct config *config, const char *key_file, struct err *err)
{
	if (!config->policy_keys.n)
		return 0;
	if (!key_file)
		return err_set(err, -EPERM,
			       "policy_keys are set, so what is accepted must be signed: give "
			       "--key KEY");
	return check_trusted(&config->policy_keys, key_file, err);
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
