/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a webhook's request, as its receiver wants it: a JSON value in whose strings "${NAME}"
 * stands for a field of the alert. NAME is a name in the alert's output_fields, or one of the alert's
 * own members, such as output and priority, or one of
 *
 *	alert	the whole alert as JSON text
 *	time_s, time_ms, time_ns	the time since 1970, as a decimal number
 *
 * "${NAME|FILTER}" passes the text through a filter: html writes & < > as entities, lower writes A
 * to Z in lower case. A string that is one field without a filter becomes the value itself,
 * with its type. "$${" stands for "${". A field that the alert does not have is empty text.
 */
#ifndef LUTRA_USER_CONFIG_BODY_TEMPLATE_H
#define LUTRA_USER_CONFIG_BODY_TEMPLATE_H

#include <jansson.h>

#include "lib/base/err.h"

#define BODY_TEMPLATE_DEPTH 16 /* of lists and objects in each other */

/*
 * Checks the strings of a template, and how deep it is. -EBADMSG: err says what is wrong with which
 * string.
 */
int body_template_check(json_t *template, struct err *err);

/*
 * Fills a checked template in with an alert, whose JSON text json is. The caller frees the text. NULL:
 * out of memory, or json is no alert.
 */
char *body_template_fill(json_t *template, const char *json);

#endif
