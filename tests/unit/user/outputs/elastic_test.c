/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and answers of Elasticsearch's bulk API, and the shape that Falco's alerts have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

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

static void elastic_answer_tells_what_passes_from_what_does_not(void **state)
{
	static const struct {
		const char *answer;
		enum outcome outcome;
		const char *why;
	} cases[] = {
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
		{"{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":"
		 "\"document_parsing_exception\",\"reason\":\"object mapping\"}}}]}",
		 REFUSED, "an alert is refused (400): object mapping; document_parsing_exception"},
		{"{\"items\":[{\"create\":{\"status\":413}}]}", REFUSED, "413"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spooled one = {.outcome = REFUSED};
		struct err why = {};

		print_message("# %s\n", cases[i].answer);
		elastic_read_answer(cases[i].answer, strlen(cases[i].answer), &one, 1, &why);
		assert_int_equal(one.outcome, cases[i].outcome);
		assert_non_null(strstr(why.msg, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(elastic_document_of_an_alert_can_be_indexed),
		cmocka_unit_test(falco_alert_has_falco_s_names),
		cmocka_unit_test(elastic_answer_tells_what_passes_from_what_does_not),
	};

	return cmocka_run_group_tests_name("elastic", tests, NULL, NULL);
}
