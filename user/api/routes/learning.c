/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle of policies, as `lutra learn` shows and changes it. */
#include <errno.h>

#include "user/api/routes/api_impl.h"
#include "user/learn/learn.h"
#include "user/sys/clock.h"

/* Returns lifecycle_image_to_json() and whether the trainer works on it. */
static json_t *learning_image_to_json(const struct api *a, const struct lifecycle_image *i)
{
	const struct api_parts *parts = &a->parts;
	json_t *j = lifecycle_image_to_json(
		i, &parts->config->life, learn_policy_mode(parts->learn, i), clock_realtime_ns());

	json_object_set_new(j, "training", json_boolean(learn_is_training(parts->learn, i)));
	return j;
}

json_t *api_learning_json(const struct api *a)
{
	json_t *images = json_array();

	for (const struct lifecycle_image *i = a->parts.lifecycle->images; i; i = i->next)
		json_array_append_new(images, learning_image_to_json(a, i));
	return images;
}

int api_learn_start(struct api_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	struct learn_request ask = {};
	json_int_t runs = -1;
	const struct lifecycle_image *i;
	int r, accept_new = 0, anew = 0;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s, s?I, s?b, s?b}", "image", &ask.image,
			    "runs", &runs, "accept_new", &accept_new, "anew", &anew) < 0)
		return -EINVAL;
	if (accept_new && anew)
		return err_set(err, -EINVAL,
			       "accept_new is for an update: it does not go with anew");
	if (runs == 0 || runs > CONFIG_LIFE_RUNS_MAX)
		return err_set(err, -EINVAL, "runs: 1 to %d", CONFIG_LIFE_RUNS_MAX);
	ask.runs = runs < 0 ? 0 : (uint32_t)runs;
	ask.accept_new = accept_new != 0;
	ask.anew = anew != 0;
	r = learn_start(parts->learn, &ask, &i, err);
	if (r == 0)
		*ret = learning_image_to_json(c->api, i);
	return r;
}

int api_learn_stop(struct api_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const struct lifecycle_image *i;
	const char *image;
	int r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s}", "image", &image) < 0)
		return -EINVAL;
	r = learn_stop(parts->learn, image, &i, err);
	if (r == 0)
		*ret = learning_image_to_json(c->api, i);
	return r;
}

int api_learn_drop(struct api_call *c, json_t **ret, struct err *err)
{
	struct learn_run run;
	const struct lifecycle_image *i;
	json_int_t number;
	int r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s, s:I}", "image", &run.image, "run",
			    &number) < 0)
		return -EINVAL;
	if (number < 1 || number > UINT32_MAX)
		return err_set(err, -EINVAL, "run: the number of a run");
	run.number = (unsigned)number;
	r = learn_drop_run(c->api->parts.learn, &run, &i, err);
	if (r == 0)
		*ret = learning_image_to_json(c->api, i);
	return r;
}

int api_learn_forget(struct api_call *c, json_t **ret, struct err *err)
{
	struct learn_forgotten gone;
	const char *image;
	int r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s}", "image", &image) < 0)
		return -EINVAL;
	r = learn_forget(c->api->parts.learn, image, &gone, err);
	if (r == 0)
		*ret = json_pack("{s:I, s:o}", "runs", (json_int_t)gone.n_runs, "policy",
				 gone.has_policy ? json_string(gone.policy) : json_null());
	return r;
}

int api_learn_status(struct api_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const char *image = http_query(c->q, "image");
	const struct lifecycle_image *i;

	if (!image) {
		*ret = json_pack("{s:o}", "images", api_learning_json(c->api));
		return 0;
	}
	i = lifecycle_find(parts->lifecycle, image);
	if (!i)
		return err_set(err, -ENOENT,
			       "%.200s: is not learned; `lutra learn` lists what is learned",
			       image);
	*ret = json_pack("{s:[o]}", "images", learning_image_to_json(c->api, i));
	return 0;
}
