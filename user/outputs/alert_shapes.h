/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts in the form that a receiver reads. The JSON of lutra has the form of Falco's. These functions
 * give fields the names that the receiver uses. They are pure.
 */
#ifndef LUTRA_USER_OUTPUTS_ALERT_SHAPES_H
#define LUTRA_USER_OUTPUTS_ALERT_SHAPES_H

#include <stddef.h>

/*
 * Prints an alert as a document of Elasticsearch: "@timestamp", where Kibana looks for it, and no field
 * whose name is the beginning of another one's, which Elasticsearch cannot index. The fields of the
 * container have their names of the Elastic Common Schema. The caller frees it. NULL: out of memory, or
 * json is no alert.
 */
char *alert_shape_elastic(const char *json);

/* Prints an alert with Falco's names of a container's fields. As alert_shape_elastic(). */
char *alert_shape_falco(const char *json);

#endif
