/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle of policies, as `lutra learn` shows it. */
#include "user/api/routes/api_impl.h"
#include "user/learn/learn.h"

json_t *api_image_json(const struct api *a, const struct lifecycle_image *i)
{
	const struct api_parts *parts = &a->parts;
	json_t *j = lifecycle_image_to_json(i, &parts->config->life,
					    learn_policy_mode(parts->learn, i));

	json_object_set_new(j, "training", json_boolean(learn_is_training(parts->learn, i)));
	return j;
}

json_t *api_learning_json(const struct api *a)
{
	json_t *images = json_array();

	for (const struct lifecycle_image *i = a->parts.lifecycle->images; i; i = i->next)
		json_array_append_new(images, api_image_json(a, i));
	return images;
}
