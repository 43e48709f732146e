/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance of images: what is under way, its begin and its end. */
#include <errno.h>

#include "user/api/routes/api_impl.h"
#include "user/sys/clock.h"

int api_maintenance(struct api_call *c, json_t **ret, struct err *err)
{
	(void)err;
	*ret = json_pack("{s:o}", "maintenance",
			 maintenance_to_json(pipeline_maintenance(c->api->parts.pipeline),
					     clock_realtime_ns()));
	return 0;
}

int api_maintenance_begin(struct api_call *c, json_t **ret, struct err *err)
{
	struct maintenance_request q = {.now_ns = clock_realtime_ns()};
	json_int_t seconds;
	int r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s, s:I, s:s, s?s}", "image", &q.image,
			    "seconds", &seconds, "reason", &q.reason, "by", &q.by) < 0 ||
	    api_user(c, &q.by, err) < 0)
		return -EINVAL;
	if (seconds < 1 || seconds > MAINTENANCE_MAX_S)
		return err_set(err, -EINVAL, "seconds: 1 to %d", MAINTENANCE_MAX_S);
	q.until_ns = q.now_ns + (uint64_t)seconds * NSEC_PER_SEC;
	r = maintenance_begin(pipeline_maintenance(c->api->parts.pipeline), &q, err);
	return r < 0 ? r : api_maintenance(c, ret, err);
}

int api_maintenance_end(struct api_call *c, json_t **ret, struct err *err)
{
	const char *image;
	int r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s}", "image", &image) < 0)
		return -EINVAL;
	r = maintenance_end(pipeline_maintenance(c->api->parts.pipeline), image,
			    clock_realtime_ns(), err);
	return r < 0 ? r : api_maintenance(c, ret, err);
}
