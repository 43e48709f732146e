/* SPDX-License-Identifier: Apache-2.0 */
/* The requests and answers of Elasticsearch's bulk API. Pure functions. */
#ifndef LUTRA_USER_OUTPUTS_ELASTIC_H
#define LUTRA_USER_OUTPUTS_ELASTIC_H

#include "user/outputs/spool.h"

/*
 * Prints a request that adds n alerts to an index: two lines each, the action and the document. The
 * caller frees it. NULL: out of memory.
 */
char *elastic_request(const char *index, const struct spooled *list, size_t n, size_t *ret_len);

/*
 * Sets the outcome of each alert from the answer to a request that was taken as a whole. An answer
 * that is not the bulk API's, such as the page of a proxy, is AGAIN for all. why: of the last alert that
 * did not arrive.
 */
void elastic_read_answer(const char *answer, size_t len, struct spooled *list, size_t n,
			 struct err *why);

#endif
