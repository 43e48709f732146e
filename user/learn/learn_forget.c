/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes recordings back: one run of an image, or all that lutrad recorded and noted of it. The policy
 * of the image is not changed. Runs on the main loop.
 */
#include "user/learn/learn_impl.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int find_learned(const struct learn *l, const char *image, struct lifecycle_image **ret,
			struct err *err)
{
	*ret = lifecycle_find(l->parts.lifecycle, image);
	return *ret ? 0
		    : err_set(err, -ENOENT,
			      "%.200s: is not learned; `lutra learn` lists what is learned", image);
}

int learn_drop_run(struct learn *l, const struct learn_run *run, const struct lifecycle_image **ret,
		   struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct lifecycle_image *i;
	struct lifecycle_run *found;
	char file[32];
	int r = find_learned(l, run->image, &i, err);

	if (r < 0)
		return r;
	snprintf(file, sizeof(file), RECORDING_FILE, run->number);
	found = lifecycle_find_run(i, file);
	if (!found)
		return err_set(err, -ENOENT, "%.200s: has no run %u; `lutra learn` lists its runs",
			       run->image, run->number);
	path = learn_path(l, i, file);
	if (!path)
		return err_oom(err);
	/* The trainer may be reading it. */
	if (learn_is_training(l, i))
		trainer_job_stop(l);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, -errno, "%s: cannot be removed: %s", path, strerror(errno));
	log_info("%s: %s is dropped by the operator%s", i->image, file,
		 found->used ? "; its policy has learned from it, and stays as it is" : "");
	lifecycle_drop_run(l->parts.lifecycle, i, (size_t)(found - i->runs));
	i->fresh = lifecycle_waiting_runs(i) > 0;
	learn_save(l);
	*ret = i;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -errno : 0;
}

int learn_forget(struct learn *l, const char *image, struct learn_forgotten *ret, struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	const struct lifecycle_image *stopped;
	struct lifecycle_image *i;
	int r = find_learned(l, image, &i, err);

	if (r == 0)
		r = learn_stop(l, image, &stopped, err);
	if (r < 0)
		return r;
	dir = learn_path(l, i, NULL);
	if (!dir)
		return err_oom(err);
	r = nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (r < 0 && errno != ENOENT)
		return err_set(err, -errno, "%s: cannot be removed: %s", dir, strerror(errno));
	ret->n_runs = i->n_runs;
	ret->has_policy = learn_has_policy(l, i);
	snprintf(ret->policy, sizeof(ret->policy), "%s", i->policy);
	log_info("%s: forgotten by the operator, with %zu recorded runs", i->image, i->n_runs);
	lifecycle_remove(l->parts.lifecycle, i);
	learn_save(l);
	return 0;
}
