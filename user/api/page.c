/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the files of the web page. */
#include "user/api/page.h"

#include <string.h>

/* Scripts, styles and pictures of this server only; nothing inline; no text becomes code. */
#define CSP                                                                                        \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "        \
	"require-trusted-types-for 'script'"

int page_get(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	int r;

	(void)ctx;
	for (const struct page_file *f = page_files; f->path; f++) {
		if (strcmp(f->path, q->path) != 0)
			continue;
		r = http_text(ret, MHD_HTTP_OK, f->type, f->data, (size_t)(f->end - f->data));
		ret->csp = CSP;
		return r;
	}
	return http_error(ret, MHD_HTTP_NOT_FOUND, "nothing is there");
}
