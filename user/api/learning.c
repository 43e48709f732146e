/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle of policies, as `lutra learn` shows and changes it. */
#include <errno.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/api/api_impl.h"
#include "user/api/control_impl.h"
#include "user/learn/learn.h"

static json_t *image_to_json(const struct api_parts *parts, const struct lifecycle_image *i)
{
	json_t *j = lifecycle_image_to_json(i, &parts->config->life,
					    learn_policy_mode(parts->learn, i));

	json_object_set_new(j, "training", json_boolean(learn_is_training(parts->learn, i)));
	return j;
}

json_t *api_learning_json(const struct api *a)
{
	json_t *images = json_array();

	for (const struct lifecycle_image *i = a->parts.lifecycle->images; i; i = i->next)
		json_array_append_new(images, image_to_json(&a->parts, i));
	return images;
}

int control_learn(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	json_int_t runs = (json_int_t)parts->config->life.runs;
	const struct lifecycle_image *i;
	const char *cmd, *image;
	json_error_t je;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s, s?I}", "cmd", &cmd, "image",
			   &image, "runs", &runs) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = learn_start(parts->learn, image, runs < 0 ? 0 : (uint64_t)runs, &i, err);
	if (r == 0)
		*ret = json_pack("{s:b, s:o}", "ok", 1, "image", image_to_json(parts, i));
	return r;
}

int control_learn_stop(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const struct lifecycle_image *i;
	const char *cmd, *image;
	json_error_t je;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s}", "cmd", &cmd, "image",
			   &image) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = learn_stop(parts->learn, image, &i, err);
	if (r == 0)
		*ret = json_pack("{s:b, s:o}", "ok", 1, "image", image_to_json(parts, i));
	return r;
}

int control_learn_status(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const struct lifecycle_image *i;
	const char *cmd, *image = NULL;
	json_error_t je;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s?s}", "cmd", &cmd, "image",
			   &image) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (!image) {
		*ret = json_pack("{s:b, s:o}", "ok", 1, "images", api_learning_json(c->api));
		return 0;
	}
	i = lifecycle_find(parts->lifecycle, image);
	if (!i)
		return err_set(err, -ENOENT,
			       "%.200s: is not learned; `lutra learn` lists what is learned",
			       image);
	*ret = json_pack("{s:b, s:[o]}", "ok", 1, "images", image_to_json(parts, i));
	return 0;
}
