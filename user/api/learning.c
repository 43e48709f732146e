/* SPDX-License-Identifier: Apache-2.0 */
/* What `lutra learn` asks. */
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/learn/learn.h"
#include "user/policy/modes.h"

/* The mode of its policy; audit where there is none, or none that is good. */
static unsigned mode_of(const struct daemon *d, const struct lifecycle_image *i)
{
	_cleanup_(policy_freep) struct policy *p = i->trained ? learn_policy(d, i, NULL) : NULL;
	_cleanup_free_ char *dir = NULL;
	unsigned mode = LUTRA_MODE_AUDIT;

	if (p && asprintf(&dir, "%s/%s", d->config->policies_dir, i->policy) > 0 &&
	    modes_get(d->config, dir, p, &mode, NULL) < 0)
		return LUTRA_MODE_AUDIT;
	return mode;
}

static json_t *image_json(const struct daemon *d, const struct lifecycle_image *i)
{
	json_t *j = lifecycle_image_to_json(i, &d->config->life, mode_of(d, i));

	json_object_set_new(j, "training", json_boolean(learn_training(d, i)));
	return j;
}

json_t *learn_json(const struct daemon *d)
{
	json_t *images = json_array();

	for (const struct lifecycle_image *i = d->learn->lifecycle.images; i; i = i->next)
		json_array_append_new(images, image_json(d, i));
	return images;
}

static struct lifecycle_image *named(struct daemon *d, const char *image, struct err *err)
{
	struct lifecycle_image *i = lifecycle_find(&d->learn->lifecycle, image);

	if (!i)
		err_set(err, -ENOENT, "%.200s: is not learned; `lutra learn` lists what is", image);
	return i;
}

json_t *learn_start(struct daemon *d, json_t *q, struct err *err)
{
	json_int_t runs = (json_int_t)d->config->life.runs;
	const char *cmd, *image;
	struct lifecycle_image *i;
	json_error_t je;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s, s?I}", "cmd", &cmd, "image", &image,
			   "runs", &runs) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	if (runs < 1 || runs > CONFIG_LIFE_RUNS_MAX) {
		err_set(err, -EINVAL, "runs: 1 to %d", CONFIG_LIFE_RUNS_MAX);
		return NULL;
	}
	i = lifecycle_find(&d->learn->lifecycle, image);
	if (!i && lifecycle_add(&d->learn->lifecycle, image, &i, err) < 0)
		return NULL;
	i->learning = true;
	i->wanted = (uint32_t)runs;
	i->fresh = lifecycle_waiting_runs(i) > 0;
	d->learn->lifecycle.changed = true;
	learn_save(d);
	daemon_log(d, LOG_LEVEL_INFO, "%s: learned from its next %u runs", i->image, i->wanted);
	return json_pack("{s:b, s:o}", "ok", 1, "image", image_json(d, i));
}

json_t *learn_stop(struct daemon *d, json_t *q, struct err *err)
{
	const char *cmd, *image;
	struct lifecycle_image *i;
	json_error_t je;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s}", "cmd", &cmd, "image", &image) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	i = named(d, image, err);
	if (!i)
		return NULL;
	if (learn_training(d, i))
		learn_train_end(d);
	learn_halt(d, i, "learning was stopped");
	daemon_log(d, LOG_LEVEL_INFO, "%s: no longer learned", i->image);
	return json_pack("{s:b, s:o}", "ok", 1, "image", image_json(d, i));
}

json_t *learn_status(struct daemon *d, json_t *q, struct err *err)
{
	const char *cmd, *image = NULL;
	struct lifecycle_image *i;
	json_error_t je;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s?s}", "cmd", &cmd, "image", &image) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	if (!image)
		return json_pack("{s:b, s:o}", "ok", 1, "images", learn_json(d));
	i = named(d, image, err);
	return i ? json_pack("{s:b, s:[o]}", "ok", 1, "images", image_json(d, i)) : NULL;
}
