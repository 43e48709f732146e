/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of a trace, and its JSON. */
#include "lib/trace/trace_format.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/op_set.h"
#include "lib/base/text.h"

void trace_meta_done(struct trace_meta *meta)
{
	free(meta->image);
	free(meta->container_id);
	free(meta->host);
	free(meta->kernel);
	free(meta->arch);
	free(meta->source);
	memset(meta, 0, sizeof(*meta));
}

bool trace_meta_has_arguments(const struct trace_meta *meta)
{
	return strcmp(meta->source, "lsm") == 0 || strcmp(meta->source, "tracepoint") == 0 ||
	       strcmp(meta->source, "services") == 0;
}

int trace_meta_encode(const struct trace_meta *meta, char **ret, size_t *ret_len)
{
	json_auto_t *j = NULL;
	_cleanup_free_ char *s = NULL;
	size_t len;

	j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "image",
		      text_json_keep(meta->image), "container_id",
		      text_json_keep(meta->container_id), "host", text_json_keep(meta->host),
		      "kernel", text_json_keep(meta->kernel), "arch", text_json_keep(meta->arch),
		      "source", text_json_keep(meta->source), "start_realtime_ns",
		      (json_int_t)meta->start_realtime_ns, "start_monotonic_ns",
		      (json_int_t)meta->start_monotonic_ns, "ops", op_set_to_json(meta->ops));
	if (!j)
		return -ENOMEM;
	s = json_dumps(j, JSON_COMPACT);
	if (!s)
		return -ENOMEM;
	len = strlen(s);
	if (len > TRACE_JSON_MAX)
		return -EINVAL;
	*ret = TAKE_PTR(s);
	*ret_len = len;
	return 0;
}

int trace_meta_decode(const char *json, size_t len, struct trace_meta *ret, struct err *err)
{
	_cleanup_(trace_meta_done) struct trace_meta m = {};
	json_auto_t *j = NULL;
	json_error_t je;
	const char *s[6];
	json_int_t t[2];
	json_t *ops;

	j = json_loadb(json, len, JSON_REJECT_DUPLICATES, &je);
	if (!j ||
	    json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o}",
			   "image", &s[0], "container_id", &s[1], "host", &s[2], "kernel", &s[3],
			   "arch", &s[4], "source", &s[5], "start_realtime_ns", &t[0],
			   "start_monotonic_ns", &t[1], "ops", &ops) < 0)
		return err_set(err, -EBADMSG, "metadata: %s", je.text);
	if (op_set_from_json(ops, &m.ops) < 0 || t[0] < 0 || t[1] < 0)
		return err_set(err, -EBADMSG,
			       "metadata: ops names an unknown operation, or a time is negative");
	m.image = strdup(s[0]);
	m.container_id = strdup(s[1]);
	m.host = strdup(s[2]);
	m.kernel = strdup(s[3]);
	m.arch = strdup(s[4]);
	m.source = strdup(s[5]);
	m.start_realtime_ns = (uint64_t)t[0];
	m.start_monotonic_ns = (uint64_t)t[1];
	if (!m.image || !m.container_id || !m.host || !m.kernel || !m.arch || !m.source)
		return err_oom(err);
	*ret = m;
	memset(&m, 0, sizeof(m));
	return 0;
}
