/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of Elasticsearch with dynamic mapping, as far as it refuses documents: a field keeps the
 * type that it had first, and fields of the Elastic Common Schema have the types that this defines.
 */
#ifndef LUTRA_TESTS_SUPPORT_ELASTIC_INDEX_H
#define LUTRA_TESTS_SUPPORT_ELASTIC_INDEX_H

#include <jansson.h>

#include "lib/base/err.h"

/*
 * Adds a document to the index, which is a JSON object of types by field and begins empty.
 * -EBADMSG: it cannot be indexed, and err has the reason as Elasticsearch gives it; the index is as
 * it was.
 */
int elastic_index_add(json_t *index, const char *document, struct err *err);

#endif
