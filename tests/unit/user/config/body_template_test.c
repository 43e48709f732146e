/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of webhooks' requests, those of the documentation among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/file.h"
#include "user/config/body_template.h"
#include "user/config/config_outputs.h"

#define RECIPES "docs/alerts.md"
#define RECIPES_BEGIN "### Recipes"
#define FENCE "```"

static const char alert[] =
	"{\"time\": \"2026-01-31T12:34:56.000000001Z\", \"rule\": \"Fresh file executed\","
	" \"priority\": \"Critical\", \"hostname\": \"node-7\","
	" \"output\": \"refused: a <!channel> & \\\"b\\\" ${rule} in web\","
	" \"output_fields\": {\"evt.time\": 1769862896000000001, \"container.name\": \"web\","
	" \"proc.name\": null, \"lutra.refused\": true, \"lutra.score\": 1.5,"
	" \"lutra.kinds\": [\"exec\"]}}";

static json_t *fill_sample(const char *template)
{
	json_auto_t *j = json_loads(template, JSON_DECODE_ANY, NULL);
	_cleanup_free_ char *text = NULL;
	struct err err = {};

	assert_non_null(j);
	if (body_template_check(j, &err) < 0)
		fail_msg("%s", err.msg);
	text = body_template_fill(j, alert);
	assert_non_null(text);
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static void assert_fills(const char *template, const char *expected)
{
	json_auto_t *got = fill_sample(template),
		    *want = json_loads(expected, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (!json_equal(got, want)) {
		_cleanup_free_ char *text = json_dumps(got, JSON_ENCODE_ANY);

		fail_msg("%s becomes %s", template, text);
	}
}

/* ---- fields ---- */

static void body_template_puts_fields_into_text(void **state)
{
	(void)state;
	assert_fills("\"${priority} in ${container.name}, ${time_s}\"",
		     "\"Critical in web, 1769862896\"");
	assert_fills("[\"${time_ms}\", {\"at\": \"${time_ns}\"}, 7, null]",
		     "[\"1769862896000\", {\"at\": \"1769862896000000001\"}, 7, null]");
}

static void body_template_keeps_the_type_of_a_field_alone(void **state)
{
	(void)state;
	assert_fills("{\"a\": \"${lutra.refused}\", \"b\": \"${lutra.kinds}\", \"c\": "
		     "\"${lutra.score}\"}",
		     "{\"a\": true, \"b\": [\"exec\"], \"c\": 1.5}");
	assert_fills("\"${lutra.refused}, ${lutra.kinds}, ${lutra.score}\"",
		     "\"true, [\\\"exec\\\"], 1.5\"");
}

static void body_template_has_no_text_for_what_is_absent(void **state)
{
	(void)state;
	assert_fills("\"<${no.such}|${proc.name}>\"", "\"<|>\"");
	assert_fills("\"${no.such}\"", "\"\"");
}

static void body_template_filters(void **state)
{
	(void)state;
	assert_fills("\"${output|html}\"",
		     "\"refused: a &lt;!channel&gt; &amp; \\\"b\\\" ${rule} in web\"");
	assert_fills("\"${priority|lower}\"", "\"critical\"");
}

/* What an alert says is never read as a template. */
static void body_template_fills_in_once(void **state)
{
	(void)state;
	assert_fills("\"x ${output}\"", "\"x refused: a <!channel> & \\\"b\\\" ${rule} in web\"");
	assert_fills("\"$${rule} $ {rule} $5\"", "\"${rule} $ {rule} $5\"");
}

static void body_template_has_the_whole_alert(void **state)
{
	json_auto_t *j = fill_sample("{\"text\": \"${alert}\"}");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(j, "text")), alert);
}

static void body_template_takes_no_alert_that_is_none(void **state)
{
	json_auto_t *j = json_string("${output}");

	(void)state;
	assert_null(body_template_fill(j, "{\"output\": "));
}

/* ---- bad ---- */

static void body_template_names_what_is_wrong(void **state)
{
	static const char *const bad[] = {
		"${",	      "${}",	     "${a b}",	      "x ${output",
		"${output|}", "${output|u}", "${output|html", "${a${b}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_auto_t *j = json_pack("{s:[s]}", "text", bad[i]);
		struct err err = {};

		assert_int_equal(body_template_check(j, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, strstr(bad[i], "${")));
	}
}

static void body_template_bounds_its_depth(void **state)
{
	json_t *j = json_string("${output}");
	struct err err = {};

	(void)state;
	for (int i = 0; i < BODY_TEMPLATE_DEPTH; i++)
		j = json_pack("[o]", j);
	assert_int_equal(body_template_check(j, &err), 0);
	j = json_pack("[o]", j);
	assert_int_equal(body_template_check(j, &err), -EBADMSG);
	json_decref(j);
}

/* ---- the recipes of the documentation ---- */

static void assert_texts(json_t *object, const char *a, const char *b)
{
	const char *key;
	json_t *v;

	assert_true(json_is_object(object));
	json_object_foreach (object, key, v)
		assert_true(json_is_string(v));
	assert_true(json_string_length(json_object_get(object, a)) > 0);
	assert_true(json_string_length(json_object_get(object, b)) > 0);
}

/* https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: "text" */
static void check_slack(const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "text"));

	assert_non_null(text);
	assert_non_null(strstr(text, "&lt;!channel&gt; &amp;"));
}

/* https://prometheus.io/docs/alerting/latest/clients: labels and annotations are texts */
static void check_alertmanager(const json_t *body)
{
	const json_t *one = json_array_get(body, 0);

	assert_int_equal(json_array_size(body), 1);
	assert_texts(json_object_get(one, "labels"), "alertname", "severity");
	assert_texts(json_object_get(one, "annotations"), "summary", "summary");
	assert_string_equal(json_string_value(json_object_get(one, "startsAt")),
			    "2026-01-31T12:34:56.000000001Z");
}

/* https://grafana.com/docs/loki/latest/reference/loki-http-api: values of [time in ns, line] */
static void check_loki(const json_t *body)
{
	const json_t *stream = json_array_get(json_object_get(body, "streams"), 0);
	const json_t *value = json_array_get(json_object_get(stream, "values"), 0);

	assert_texts(json_object_get(stream, "stream"), "job", "container");
	assert_int_equal(json_array_size(value), 2);
	assert_string_equal(json_string_value(json_array_get(value, 0)), "1769862896000000001");
	assert_string_equal(json_string_value(json_array_get(value, 1)), alert);
}

static const struct {
	const char *name; /* of the output */
	void (*check)(const json_t *body);
} recipes[] = {{"slack", check_slack}, {"alertmanager", check_alertmanager}, {"loki", check_loki}};
#define RECIPE_COUNT (sizeof(recipes) / sizeof(recipes[0]))

/* Returns the next list of outputs that the page gives, and moves *at behind it. NULL: no more. */
static json_t *next_recipe(const char **at)
{
	const char *begin = strstr(*at, FENCE "json\n"), *end;

	if (!begin)
		return NULL;
	begin += strlen(FENCE "json\n");
	end = strstr(begin, FENCE);
	assert_non_null(end);
	*at = end + strlen(FENCE);
	return json_loadb(begin, (size_t)(end - begin), 0, NULL);
}

static void body_template_recipes_are_what_receivers_want(void **state)
{
	_cleanup_free_ char *page = NULL;
	unsigned found = 0;
	const char *at;
	json_t *j;
	size_t len;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, RECIPES, 1 << 20, &page, &len, NULL), 0);
	at = strstr(page, RECIPES_BEGIN);
	assert_non_null(at);
	while ((j = next_recipe(&at))) {
		struct outputs_config c = {};
		_cleanup_free_ char *text = NULL;
		json_auto_t *body = NULL;
		struct err err = {};

		if (outputs_config_parse(json_object_get(j, "outputs"), NULL, &c, &err) < 0)
			fail_msg("%s", err.msg);
		text = body_template_fill(c.output[0].body, alert);
		body = json_loads(text, 0, NULL);
		for (size_t i = 0; i < RECIPE_COUNT; i++)
			if (strcmp(recipes[i].name, c.output[0].name) == 0) {
				recipes[i].check(body);
				found |= 1u << i;
			}
		outputs_config_done(&c);
		json_decref(j);
	}
	assert_int_equal(found, (1u << RECIPE_COUNT) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_template_puts_fields_into_text),
		cmocka_unit_test(body_template_keeps_the_type_of_a_field_alone),
		cmocka_unit_test(body_template_has_no_text_for_what_is_absent),
		cmocka_unit_test(body_template_filters),
		cmocka_unit_test(body_template_fills_in_once),
		cmocka_unit_test(body_template_has_the_whole_alert),
		cmocka_unit_test(body_template_takes_no_alert_that_is_none),
		cmocka_unit_test(body_template_names_what_is_wrong),
		cmocka_unit_test(body_template_bounds_its_depth),
		cmocka_unit_test(body_template_recipes_are_what_receivers_want),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
