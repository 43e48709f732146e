/* SPDX-License-Identifier: Apache-2.0 */
/* Joins evidence and container into an alert. Any thread. */
#include "user/alerts/alert.h"

#include <string.h>

#include "user/sys/clock.h"

static size_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* Copies a text to *at and moves *at behind it. */
static const char *append_text(char **at, const char *s)
{
	char *copy = *at;

	if (!s)
		return NULL;
	*at = stpcpy(copy, s) + 1;
	return copy;
}

struct alert *alert_new(const struct lutra_evidence *ev, const char *str, size_t str_len,
			const struct alert_container *c)
{
	static const struct identity unknown = {};
	const struct identity *identity = c->identity ? c->identity : &unknown;
	size_t bytes = str_len + ev->starter_len;
	size_t size = sizeof(struct alert) + bytes + text_bytes(c->name) + text_bytes(c->cgroup) +
		      text_bytes(c->policy_dir) + text_bytes(c->policy_sha256) +
		      text_bytes(c->accepted_sha256) + identity_packed_bytes(identity);
	struct alert *a = malloc(size);
	char *at;

	if (!a)
		return NULL;
	*a = (struct alert){
		.item.bytes = size, .time_ns = clock_to_realtime(ev->ts_ns), .evidence = *ev};
	a->evidence.str_len = (uint32_t)str_len;
	at = a->evidence.str;
	if (bytes)
		memcpy(at, str, bytes);
	at = identity_pack(identity, &a->identity, at + bytes);
	a->name = append_text(&at, c->name);
	a->cgroup = append_text(&at, c->cgroup);
	a->policy_dir = append_text(&at, c->policy_dir);
	a->policy_sha256 = append_text(&at, c->policy_sha256);
	a->accepted_sha256 = append_text(&at, c->accepted_sha256);
	return a;
}
