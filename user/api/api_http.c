/* SPDX-License-Identifier: Apache-2.0 */
/* Turns an HTTP request into one of the API. */
#include <errno.h>
#include <string.h>

#include "user/api/routes/api.h"
#include "user/api/api_http.h"

static const char *query_argument(void *ctx, const char *name)
{
	return http_query(ctx, name);
}

static bool is_gone(void *ctx)
{
	return http_is_gone(ctx);
}

/* Browsers name the site that a request comes from. Those of another site's page are refused. */
static bool is_cross_site(const struct http_request *q)
{
	const char *site =
		MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Sec-Fetch-Site");

	return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

int api_http(struct api *a, const struct http_request *q, struct http_reply *ret)
{
	union {
		const struct http_request *read_only;
		void *any;
	} request = {.read_only = q};
	const struct api_request r = {.method = q->method,
				      .path = q->rest,
				      .arg = query_argument,
				      .ctx = request.any,
				      .body = q->body,
				      .body_len = q->body_len,
				      .is_local = q->is_local,
				      .is_gone = is_gone};
	_cleanup_free_ char *text = NULL;
	json_auto_t *answer = NULL;
	unsigned status;

	if (strcmp(q->method, "GET") != 0 && is_cross_site(q))
		return http_error(ret, MHD_HTTP_FORBIDDEN, "not from a page of another site");
	status = api_handle(a, &r, &answer);
	text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(12));
	if (!text)
		return -ENOMEM;
	return http_text(ret, status, "application/json", text, strlen(text));
}
