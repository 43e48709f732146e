/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the web page, which are part of the program. */
#ifndef LUTRA_USER_API_PAGE_H
#define LUTRA_USER_API_PAGE_H

#include "user/http/http.h"

/* A file of the page, as the build embeds it (web/embed). */
struct page_file {
	const char *path; /* as asked for: "/js/main.js" */
	const char *type;
	const char *data, *end;
};
extern const struct page_file page_files[]; /* ends with one without path */

/* Answers an HTTP request for a file; 404 if there is no such file. */
int page_get(void *ctx, const struct http_request *q, struct http_reply *ret);

#endif
