/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and answers of Elasticsearch's bulk API, and the shape that Falco's alerts have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "tests/support/elastic_index.h"
#include "tests/support/made_alert.h"
#include "user/outputs/alert_shapes.h"
#include "user/outputs/elastic.h"

static json_t *shaped_fields(const char *text)
{
	json_auto_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return json_incref(json_object_get(j, "output_fields"));
}

/* Elasticsearch reads a dot in a name as an object: no name may be the beginning of another. */
static void assert_one_document(json_t *fields)
{
	const char *a, *b;
	json_t *x, *y;

	json_object_foreach (fields, a, x)
		json_object_foreach (fields, b, y)
			if (strncmp(a, b, strlen(a)) == 0 && b[strlen(a)] == '.')
				fail_msg("%s and %s cannot be in one document", a, b);
}

static void elastic_document_of_an_alert_can_be_indexed(void **state)
{
	char digest[] = "sha256:00", image[] = "docker.io/library/shop:1";
	struct fixture *f = *state;
	json_auto_t *alert = NULL, *fields = NULL, *doc = NULL;
	_cleanup_free_ char *text = NULL, *shaped = NULL;
	const json_t *hash;

	f->identity.digest = digest;
	f->identity.image = image;
	alert = made_alert_json(f);
	text = json_dumps(alert, JSON_COMPACT);
	shaped = alert_shape_elastic(text);
	fields = shaped_fields(shaped);
	assert_one_document(fields);
	assert_string_equal(json_string_value(json_object_get(fields, "container.image.name")),
			    image);
	hash = json_object_get(fields, "container.image.hash.all");
	assert_string_equal(json_string_value(json_array_get(hash, 0)), digest);
	assert_non_null(json_object_get(fields, "container.runtime"));
	assert_int_equal(json_object_size(fields),
			 json_object_size(json_object_get(alert, "output_fields")));
	doc = json_loads(shaped, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(doc, "@timestamp")),
			    json_string_value(json_object_get(alert, "time")));
}

static void falco_alert_has_falco_s_names(void **state)
{
	static const struct {
		const char *image, *repository, *tag;
	} cases[] = {
		{"docker.io/library/shop:1", "docker.io/library/shop", "1"},
		{"localhost:5000/shop", "localhost:5000/shop", ""},
		{"localhost:5000/shop:2@sha256:00", "localhost:5000/shop", "2"},
		{"shop@sha256:00", "shop", ""},
		{"shop", "shop", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *j =
			json_pack("{s:{s:s, s:s, s:n}}", "output_fields", "container.image",
				  cases[i].image, "container.engine", "docker", "k8s.pod.name");
		json_auto_t *fields = NULL;
		_cleanup_free_ char *text = json_dumps(j, 0), *shaped = alert_shape_falco(text);

		fields = shaped_fields(shaped);
		print_message("# %s\n", shaped);
		assert_one_document(fields);
		assert_string_equal(json_string_value(json_object_get(fields, "container.type")),
				    "docker");
		assert_string_equal(
			json_string_value(json_object_get(fields, "container.image.repository")),
			cases[i].repository);
		assert_string_equal(
			json_string_value(json_object_get(fields, "container.image.tag")),
			cases[i].tag);
		assert_null(json_object_get(fields, "container.engine"));
	}
}

static const struct {
	const char *answer;
	enum outcome outcome;
	const char *why;
} answers[] = {
	{"{\"items\":[{\"create\":{\"status\":201}}]}", ARRIVED, ""},
	{"{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}", ARRIVED, ""},
	/* No answer of the bulk API */
	{"", AGAIN, "not that of"},
	{"<html>sign in</html>", AGAIN, "not that of"},
	{"{}", AGAIN, "not that of"},
	{"[]", AGAIN, "not that of"},
	{"{\"errors\":false,\"items\":[]}", AGAIN, "not that of"},
	{"{\"items\":[{},{}]}", AGAIN, "not that of"},
	{"{\"errors\":false,\"items\":[{}]}", AGAIN, "no reason given"},
	/* What passes: the index, the cluster or the account is in the way */
	{"{\"items\":[{\"create\":{\"status\":403,\"error\":{\"type\":"
	 "\"cluster_block_exception\",\"reason\":\"index [x] blocked\"}}}]}",
	 AGAIN, "blocked"},
	{"{\"items\":[{\"create\":{\"status\":403,\"error\":{\"type\":"
	 "\"security_exception\"}}}]}",
	 AGAIN, "security_exception"},
	{"{\"items\":[{\"create\":{\"status\":404,\"error\":{\"type\":"
	 "\"index_not_found_exception\"}}}]}",
	 AGAIN, "index_not_found"},
	{"{\"items\":[{\"create\":{\"status\":429}}]}", AGAIN, "429"},
	{"{\"items\":[{\"create\":{\"status\":503}}]}", AGAIN, "503"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"index_closed_exception\"}}}]}",
	 AGAIN, "index_closed"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"illegal_argument_exception\",\"reason\":\"no write index is defined for alias "
	 "[lutra]\"}}}]}",
	 AGAIN, "no write index"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"illegal_argument_exception\",\"reason\":\"pipeline with id [geo] does not "
	 "exist\"}}}]}",
	 AGAIN, "pipeline"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"document_parsing_exception\",\"reason\":\"Limit of total fields [1000] has "
	 "been exceeded\"}}}]}",
	 AGAIN, "Limit of total fields"},
	/* What does not */
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"illegal_argument_exception\",\"reason\":\"immense term in field\"}}}]}",
	 REFUSED, "immense term"},
	/* A container chose the value. */
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"document_parsing_exception\",\"reason\":\"failed to parse field [a] of type [long]. "
	 "Preview of field's value: 'pipeline with id ['\"}}}]}",
	 REFUSED, "Preview"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"illegal_argument_exception\",\"reason\":\"Provided Grok expressions do not match "
	 "field value: [normal shards open]\"}}}]}",
	 REFUSED, "Grok"},
	{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
	 "\"document_parsing_exception\",\"reason\":\"object mapping\"}}}]}",
	 REFUSED, "an alert is refused (400): object mapping; document_parsing_exception"},
	{"{\"items\":[{\"create\":{\"status\":413}}]}", REFUSED, "413"},
};

static void elastic_answer_tells_what_passes_from_what_does_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct spooled one = {.outcome = REFUSED};
		struct err why = {};

		print_message("# %s\n", answers[i].answer);
		elastic_read_answer(answers[i].answer, strlen(answers[i].answer), &one, 1, &why);
		assert_int_equal(one.outcome, answers[i].outcome);
		assert_non_null(strstr(why.msg, answers[i].why));
	}
}

/* The mock refuses what Elasticsearch refuses: else the tests that use it prove nothing. */
static void elastic_index_refuses_conflicts(void **state)
{
	static const struct {
		const char *first, *second, *why; /* why: NULL: both are taken */
	} cases[] = {
		{"{\"a\": 1}", "{\"a\": 2, \"b\": \"x\"}", NULL},
		{"{\"a\": \"x\"}", "{\"a\": 1}", NULL},
		{"{\"a\": [\"x\", \"y\"]}", "{\"a\": null}", NULL},
		{"{\"a.b\": 1}", "{\"a\": {\"b\": 2}}", NULL},
		/* Text and object, in one document and in two, with a dot and without */
		{"{}", "{\"a\": \"x\", \"a.b\": 1}", "failed to parse field [a] of type [text]"},
		{"{}", "{\"a.b\": 1, \"a\": \"x\"}", "object mapping for [a]"},
		{"{\"a\": \"x\"}", "{\"a\": {\"b\": 1}}", "failed to parse field [a]"},
		{"{\"a\": {}}", "{\"a\": 1}", "object mapping for [a]"},
		{"{\"a\": {\"b.c\": 1}}", "{\"a.b\": 2}", "object mapping for [a.b]"},
		{"{}", "{\"a\": [1, {\"b\": 2}]}", "failed to parse field [a] of type [long]"},
		/* A type that the field had first */
		{"{\"a\": 1}", "{\"a\": \"x\"}", "failed to parse field [a] of type [long]"},
		{"{\"a\": 1}", "{\"a\": \"2\"}", NULL},
		{"{\"a\": true}", "{\"a\": \"x\"}", "of type [boolean]"},
		{"{\"a\": \"2027-01-31T12:00:00Z\"}", "{\"a\": \"x\"}", "of type [date]"},
		/* Types of the Elastic Common Schema, also of a field that is new */
		{"{}", "{\"@timestamp\": \"now\"}", "[@timestamp] of type [date]"},
		{"{}", "{\"output_fields\": {\"container.image\": \"x\"}}",
		 "object mapping for [output_fields.container.image]"},
		{"{}", "{\"output_fields\": {\"container.image.hash\": \"x\"}}", "object mapping"},
		{"{}", "{\"output_fields\": {\"container.name\": {\"a\": 1}}}",
		 "of type [keyword]"},
		{"{}", "{\"process\": {\"pid\": \"x\"}}", "[process.pid] of type [long]"},
		{"{}", "no document", "failed to parse"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *index = json_object(), *before = NULL;
		struct err err;
		int r;

		print_message("# %s %s\n", cases[i].first, cases[i].second);
		assert_int_equal(elastic_index_add(index, cases[i].first, NULL), 0);
		before = json_deep_copy(index);
		r = elastic_index_add(index, cases[i].second, &err);
		assert_int_equal(r, cases[i].why ? -EBADMSG : 0);
		if (!cases[i].why)
			continue;
		assert_non_null(strstr(err.msg, cases[i].why));
		assert_true(json_equal(index, before));
	}
}

/* The alert as it is cannot be indexed, so the mock would notice a shape that is not applied. */
static void elastic_index_refuses_an_alert_without_its_shape(void **state)
{
	char digest[] = "sha256:00";
	struct fixture *f = *state;
	json_auto_t *alert = NULL, *index = json_object();
	_cleanup_free_ char *text = NULL, *shaped = NULL;
	struct err err;

	f->identity.digest = digest;
	alert = made_alert_json(f);
	text = json_dumps(alert, JSON_COMPACT);
	assert_int_equal(elastic_index_add(index, text, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "container.image"));
	shaped = alert_shape_elastic(text);
	assert_int_equal(elastic_index_add(index, shaped, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(elastic_document_of_an_alert_can_be_indexed),
		cmocka_unit_test(falco_alert_has_falco_s_names),
		cmocka_unit_test(elastic_index_refuses_conflicts),
		T(elastic_index_refuses_an_alert_without_its_shape),
		cmocka_unit_test(elastic_answer_tells_what_passes_from_what_does_not),
	};

	return cmocka_run_group_tests_name("elastic", tests, NULL, NULL);
}
