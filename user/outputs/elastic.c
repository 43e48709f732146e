/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elasticsearch's bulk API. Only a document that cannot be indexed is refused for good. A fault of the
 * index, the cluster or the account may pass, so the alert waits.
 */
#include "user/outputs/elastic.h"

#include <errno.h>
#include <string.h>

#include "user/outputs/alert_shapes.h"

char *elastic_request(const char *index, const struct spooled *list, size_t n, size_t *ret_len)
{
	char *body = NULL;
	FILE *f = open_memstream(&body, ret_len);
	bool ok = true;

	if (!f)
		return NULL;
	for (size_t i = 0; i < n && ok; i++) {
		_cleanup_free_ char *document = alert_shape_elastic(list[i].json);

		ok = document != NULL;
		if (ok)
			fprintf(f, "{\"create\":{\"_index\":\"%s\"}}\n%s\n", index, document);
	}
	if (fclose(f) == 0 && ok)
		return body;
	free(body);
	return NULL;
}

/*
 * Returns the length of the part of a reason that holds no value of the document. A container chooses
 * values, so its words must not decide whether an alert waits.
 */
static size_t len_before_value(const char *reason)
{
	static const char *const marks[] = {"value: ", "unable to ", "input string: "};
	size_t len = strlen(reason);

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = memmem(reason, len, marks[i], strlen(marks[i]));

		if (mark)
			len = (size_t)(mark - reason);
	}
	return len;
}

/*
 * Returns true if a status of 400 is about the index or the cluster, not about the document.
 * illegal_argument_exception may be about either: the reason tells.
 */
static bool is_about_the_index(const char *type, const char *reason)
{
	static const char *const passing[] = {
		"index_closed_exception",
		"cluster_block_exception",
		"validation_exception",
		"invalid_index_name_exception",
		"invalid_index_template_exception",
		"process_cluster_event_timeout_exception",
	};
	static const char *const reasons[] = {
		"no write index is defined", "pipeline with id [", "Limit of total fields [",
		"is not a data stream",	     "normal shards open",
	};
	size_t len = len_before_value(reason);

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strcmp(type, passing[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (memmem(reason, len, reasons[i], strlen(reasons[i])))
			return true;
	return false;
}

static const char *error_text(const json_t *error, const char *key)
{
	const char *s = json_string_value(json_object_get(error, key));

	return s ? s : "";
}

/* Reads the answer about one document. */
static enum outcome read_item(const json_t *item, struct err *why)
{
	const json_t *one = json_object_get(item, "create");
	const json_t *error = json_object_get(one, "error");
	json_int_t status = json_integer_value(json_object_get(one, "status"));
	const char *reason = error_text(error, "reason"), *type = error_text(error, "type");
	bool refused = (status == 400 && !is_about_the_index(type, reason)) || status == 413 ||
		       status == 422;

	if (status >= 200 && status < 300)
		return ARRIVED;
	err_set(why, 0, "%s (%d): %.200s%s%.100s", refused ? "an alert is refused" : "not indexed",
		(int)status, *reason ? reason : "no reason given", *type ? "; " : "", type);
	return refused ? REFUSED : AGAIN;
}

void elastic_read_answer(const char *answer, size_t len, struct spooled *list, size_t n,
			 struct err *why)
{
	json_auto_t *j = answer ? json_loadb(answer, len, 0, NULL) : NULL;
	const json_t *items = json_object_get(j, "items");

	if (json_array_size(items) != n) {
		err_set(why, 0,
			"the answer is not that of Elasticsearch's bulk API: does url lead to a "
			"proxy, or to Kibana?");
		for (size_t i = 0; i < n; i++)
			list[i].outcome = AGAIN;
		return;
	}
	for (size_t i = 0; i < n; i++)
		list[i].outcome = read_item(json_array_get(items, i), why);
}
