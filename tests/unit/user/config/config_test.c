/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/config/config.h"

#define KEY "ed25519:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void config_parse_of_nothing_gives_the_defaults(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse("{}", 2, &c, NULL), 0);
	assert_string_equal(c->socket, "/run/lutra/lutrad.sock");
	assert_string_equal(c->state_dir, "/var/lib/lutra");
	assert_string_equal(c->policies_dir, "/etc/lutra/policies.d");
	assert_null(c->events_jsonl);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_false(c->no_lsm);
	assert_false(c->no_calls);
	assert_string_equal(c->pin_dir, "/sys/fs/bpf/lutra");
	assert_int_equal(c->policy_keys.n, 0);
	assert_string_equal(c->engines[0], "/run/docker.sock");
	assert_string_equal(c->engines[1], "/run/podman/podman.sock");
	assert_null(c->engines[2]);
	assert_non_null(c->bundles[3]);
	assert_null(c->bundles[4]);
}

static void config_parse_takes_every_key(void **state)
{
	static const char text[] = "{\"socket\": \"/s\", \"state_dir\": \"/d\", \"policies_dir\": "
				   "\"/p\", \"events_jsonl\": \"-\", \"log_level\": \"debug\", "
				   "\"no_lsm\": true, \"calls\": \"off\", "
				   "\"engines\": [\"/e\"], \"bundles\": [], "
				   "\"pin_dir\": null, \"policy_keys\": [\"" KEY "\"]}";
	_cleanup_(config_freep) struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), &c, NULL), 0);
	assert_string_equal(c->socket, "/s");
	assert_string_equal(c->state_dir, "/d");
	assert_string_equal(c->policies_dir, "/p");
	assert_string_equal(c->events_jsonl, "-");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_true(c->no_lsm);
	assert_true(c->no_calls);
	assert_null(c->pin_dir);
	assert_string_equal(c->engines[0], "/e");
	assert_null(c->engines[1]);
	assert_null(c->bundles[0]);
	assert_int_equal(c->policy_keys.n, 1);
	assert_int_equal(c->policy_keys.key[0][31], 0x1f);
}

static void config_parse_refuses_bad_values(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{\"sokcet\": \"/s\"}",
		"{\"socket\": \"/s\", \"socket\": \"/t\"}",
		"{\"socket\": 5}",
		"{\"socket\": null}",
		"{\"socket\": \"relative\"}",
		"{\"state_dir\": \"\"}",
		"{\"events_jsonl\": 5}",
		"{\"events_jsonl\": \"relative\"}",
		"{\"log_level\": \"loud\"}",
		"{\"no_lsm\": \"yes\"}",
		"{\"calls\": false}",
		"{\"pin_dir\": 1}",
		"{\"pin_dir\": \"relative\"}",
		"{\"calls\": \"of\"}",
		"{\"http\": 5}",
		"{\"http\": {\"listens\": \"127.0.0.1:1\"}}",
		"{\"http\": {\"listen\": 9477}}",
		"{\"http\": {\"listen\": \"localhost:9477\"}}",
		"{\"http\": {\"token_file\": \"token\"}}",
		"{\"http\": {\"hosts\": \"a\"}}",
		"{\"http\": {\"hosts\": [\"a:1\"]}}",
		"{\"http\": {\"hosts\": [\"\"]}}",
		"{\"program_stats\": 1}",
		"{\"door\": true}",
		"{\"door\": \"closed\"}",
		"{\"door_cgroup\": \"docker\"}",
		"{\"engines\": \"/run/docker.sock\"}",
		"{\"engines\": [\"docker.sock\"]}",
		"{\"engines\": [5]}",
		"{\"engines\": [\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\",\"/7\",\"/8\",\"/9\"]}",
		"{\"bundles\": [null]}",
		"{\"store\": 5}",
		"{\"store\": {\"max_age\": 5}}",
		"{\"store\": {\"max_age_days\": -1}}",
		"{\"store\": {\"max_mib\": \"5\"}}",
		"{\"store\": {\"max_mib\": 99999999999}}",
	};
	struct config *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {};

		assert_int_equal(config_parse(bad[i], strlen(bad[i]), &c, &err), -EBADMSG);
		assert_int_not_equal(err.msg[0], '\0');
		assert_null(strchr(err.msg, '\n'));
	}
	assert_null(c);
}

static void config_parse_refuses_a_socket_path_that_is_too_long(void **state)
{
	struct config *c = NULL;
	struct err err = {};
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "{\"socket\": \"/%0107d\"}", 0);
	assert_int_equal(config_parse(text, strlen(text), &c, &err), -EBADMSG);
	snprintf(text, sizeof(text), "{\"socket\": \"/%0106d\"}", 0);
	assert_int_equal(config_parse(text, strlen(text), &c, &err), 0);
	config_free(c);
}

static void config_parse_refuses_what_is_no_public_key(void **state)
{
	static const struct {
		const char *before, *after;
	} bad[] = {{"\"", "\""},    {"[5, \"", "\"]"},		 {"[\"\", \"", "\"]"},
		   {"[\"", "0\"]"}, {"[\"lutra-secret-", "\"]"}, {"{\"a\": \"", "\"}"}};
	struct config *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {};
		char text[256];
		int n = snprintf(text, sizeof(text), "{\"policy_keys\": %s%s%s}", bad[i].before,
				 KEY, bad[i].after);

		assert_int_equal(config_parse(text, (size_t)n, &c, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "policy_keys"));
	}
	assert_null(c);
}

static void config_parse_takes_sixteen_policy_keys_and_no_more(void **state)
{
	struct config *c = NULL;
	struct err err = {};
	char text[2048];

	(void)state;
	for (int n = 16; n <= 17; n++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "{\"policy_keys\": [\"" KEY "\"");

		for (int i = 1; i < n; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, ", \"" KEY "\"");
		len += (size_t)snprintf(text + len, sizeof(text) - len, "]}");
		assert_int_equal(config_parse(text, len, &c, &err), n == 16 ? 0 : -EBADMSG);
	}
	assert_int_equal(c->policy_keys.n, 16);
	config_free(c);
}

static void config_parse_takes_where_http_listens(void **state)
{
	static const char off[] = "{\"http\": null}",
			  on[] = "{\"http\": {\"listen\": \"[::1]:80\", \"token_file\": \"/t\","
				 " \"hosts\": [\"a\", \"b\"]}, \"program_stats\": true}";
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse("{}", 2, &c, NULL), 0);
	assert_string_equal(c->http_listen, "127.0.0.1:9477");
	assert_null(c->http_token_file);
	assert_false(c->program_stats);
	config_free(c);
	assert_int_equal(config_parse(off, strlen(off), &c, NULL), 0);
	assert_null(c->http_listen);
	config_free(c);
	assert_int_equal(config_parse(on, strlen(on), &c, NULL), 0);
	assert_string_equal(c->http_listen, "[::1]:80");
	assert_string_equal(c->http_token_file, "/t");
	assert_string_equal(c->http_hosts[1], "b");
	assert_null(c->http_hosts[2]);
	assert_true(c->program_stats);
	config_free(c);
}

static void config_parse_takes_limits_of_the_store(void **state)
{
	static const char text[] = "{\"store\": {\"max_age_days\": 0, \"max_mib\": 64}}";
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse("{}", 2, &c, NULL), 0);
	assert_int_equal(c->store_max_age_days, 30);
	assert_int_equal(c->store_max_mib, 1024);
	config_free(c);
	assert_int_equal(config_parse(text, strlen(text), &c, NULL), 0);
	assert_int_equal(c->store_max_age_days, 0);
	assert_int_equal(c->store_max_mib, 64);
	config_free(c);
}

static void config_load_of_a_named_file_that_is_missing_is_enoent(void **state)
{
	struct config *c = NULL;
	struct err err;

	(void)state;
	assert_int_equal(config_load("/no/such/config.json", &c, &err), -ENOENT);
}

static void write_config(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Loads a file that the next call of reload_text() replaces. */
static struct config *load_text(char *path, const char *text)
{
	struct config *c = NULL;

	close(mkstemp(path));
	write_config(path, text);
	assert_int_equal(config_load(path, &c, NULL), 0);
	return c;
}

/* Returns the names of the keys that need a new start. */
static const char *reload_text(struct config *c, const char *text)
{
	static char fixed[CONFIG_NAMES];

	write_config(c->file, text);
	assert_int_equal(config_reload(c, fixed, NULL), 0);
	return fixed;
}

static void config_reload_takes_what_needs_no_new_start(void **state)
{
	char path[] = "/tmp/lutra-config-XXXXXX";
	_cleanup_(config_freep) struct config *c = load_text(path, "{\"socket\": \"/a\"}");

	(void)state;
	assert_string_equal(reload_text(c, "{\"socket\": \"/a\", \"log_level\": \"error\", "
					   "\"policy_keys\": [\"" KEY "\"]}"),
			    "");
	assert_int_equal(c->policy_keys.n, 1);
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	assert_string_equal(reload_text(c, "{\"socket\": \"/a\", \"throttle\": {\"burst\": 3}, "
					   "\"alert_unguarded\": true, "
					   "\"life\": {\"runs\": 7}, "
					   "\"store\": {\"max_mib\": 5, \"max_age_days\": 6}}"),
			    "");
	assert_int_equal(c->outputs.rate.burst, 3);
	assert_true(c->alert_unguarded);
	assert_int_equal(c->life.runs, 7);
	assert_int_equal(c->store_max_mib, 5);
	assert_int_equal(c->store_max_age_days, 6);
	/* A key that is not given any more has its default again. */
	assert_string_equal(reload_text(c, "{\"socket\": \"/a\"}"), "");
	assert_int_equal(c->policy_keys.n, 0);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_false(c->alert_unguarded);
	assert_int_equal(c->store_max_mib, 1024);
	unlink(path);
}

static void config_reload_takes_http_and_outputs(void **state)
{
	char path[] = "/tmp/lutra-config-XXXXXX";
	_cleanup_(config_freep) struct config *c = load_text(path, "{}");

	(void)state;
	assert_string_equal(reload_text(c, "{\"http\": {\"listen\": \"127.0.0.1:80\", "
					   "\"hosts\": [\"here\"], \"token_file\": \"/t\", "
					   "\"read_without_token\": true}}"),
			    "");
	assert_string_equal(c->http_listen, "127.0.0.1:80");
	assert_string_equal(c->http_hosts[0], "here");
	assert_string_equal(c->http_token_file, "/t");
	assert_true(c->http_read_without_token);
	assert_string_equal(reload_text(c, "{\"http\": null}"), "");
	assert_null(c->http_listen);
	assert_null(c->http_hosts[0]);
	assert_string_equal(reload_text(c, "{\"events_jsonl\": \"/e\", "
					   "\"outputs\": [{\"type\": \"syslog\"}]}"),
			    "");
	assert_string_equal(c->http_listen, CONFIG_HTTP_LISTEN);
	assert_int_equal(c->outputs.n, 2);
	assert_string_equal(c->outputs.output[0].name, "syslog");
	assert_string_equal(c->outputs.output[1].path, "/e");
	unlink(path);
}

static void config_reload_names_the_keys_that_need_a_new_start(void **state)
{
	static const struct {
		const char *text, *fixed;
	} cases[] = {
		{"{\"socket\": \"/b\"}", "socket"},
		{"{\"socket\": \"/a\", \"state_dir\": \"/s\", \"policies_dir\": \"/p\"}",
		 "state_dir, policies_dir"},
		{"{\"socket\": \"/a\", \"pin_dir\": null}", "pin_dir"},
		{"{\"socket\": \"/a\", \"calls\": \"off\", \"door\": \"on\"}", "calls, door"},
		{"{\"socket\": \"/a\", \"door_cgroup\": \"/c\"}", "door_cgroup"},
		{"{\"socket\": \"/a\", \"no_lsm\": true, \"program_stats\": true}",
		 "no_lsm, program_stats"},
		{"{\"socket\": \"/a\", \"engines\": []}", "engines"},
		{"{\"socket\": \"/a\", \"bundles\": [\"/b\"]}", "bundles"},
		/* A key that is given with the value that it had before */
		{"{\"socket\": \"/a\", \"state_dir\": \"/var/lib/lutra\", \"no_lsm\": false}", ""},
	};
	char path[] = "/tmp/lutra-config-XXXXXX";
	_cleanup_(config_freep) struct config *c = load_text(path, "{\"socket\": \"/a\"}");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(reload_text(c, cases[i].text), cases[i].fixed);
		assert_string_equal(c->socket, "/a");
		assert_string_equal(c->state_dir, "/var/lib/lutra");
		assert_string_equal(c->pin_dir, CONFIG_PIN_DIR);
		assert_false(c->no_lsm);
		assert_non_null(c->engines[0]);
	}
	unlink(path);
}

static void config_reload_of_a_wrong_file_changes_nothing(void **state)
{
	char path[] = "/tmp/lutra-config-XXXXXX", fixed[CONFIG_NAMES];
	_cleanup_(config_freep) struct config *c =
		load_text(path, "{\"throttle\": {\"burst\": 3}}");
	struct err err;

	(void)state;
	write_config(path, "{\"log_level\": \"error\", \"policy_keys\": [\"x\"]}");
	assert_int_equal(config_reload(c, fixed, &err), -EBADMSG);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->outputs.rate.burst, 3);
	unlink(path);
	assert_int_equal(config_reload(c, fixed, &err), -ENOENT);
}

static void parse_webhook(const char *more, struct outputs_config *ret)
{
	char text[512];
	json_auto_t *list = NULL;

	snprintf(text, sizeof(text), "[{\"type\": \"webhook\", \"url\": \"http://a/\"%s}]", more);
	list = json_loads(text, 0, NULL);
	assert_int_equal(outputs_config_parse(list, NULL, ret, NULL), 0);
}

static void config_outputs_that_differ_in_a_key_are_not_equal(void **state)
{
	static const char *const others[] = {
		"",
		", \"name\": \"b\"",
		", \"min_priority\": \"critical\"",
		", \"all\": true",
		", \"ca_file\": \"/c\"",
		", \"headers\": {\"a\": \"1\"}",
		", \"headers\": {\"a\": \"2\"}",
		", \"body\": [1]",
		", \"body\": [2]",
		", \"timeout_s\": 1",
		", \"queue_mib\": 1",
	};
	const size_t n = sizeof(others) / sizeof(others[0]);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		struct outputs_config a, b;
		struct output_config copy;

		parse_webhook(others[i / n], &a);
		parse_webhook(others[i % n], &b);
		assert_int_equal(output_config_copy(&a.output[0], &copy), 0);
		outputs_config_done(&a);
		assert_int_equal(output_config_equal(&copy, &b.output[0]), i / n == i % n);
		output_config_done(&copy);
		outputs_config_done(&b);
	}
}

static void config_load_keys_reads_no_other_key(void **state)
{
	static const char *const wanted[] = {"socket", NULL};
	_cleanup_(config_freep) struct config *c = NULL, *none = NULL;
	char path[] = "/tmp/lutra-config-XXXXXX";
	struct err err;

	(void)state;
	close(mkstemp(path));
	write_config(path, "{\"socket\": \"/a\", \"htpp\": 1, \"log_level\": \"loud\"}");
	assert_int_equal(config_load_keys(path, wanted, &c, NULL), 0);
	assert_string_equal(c->socket, "/a");
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	write_config(path, "{\"socket\": \"a\"}");
	assert_int_equal(config_load_keys(path, wanted, &none, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "socket"));
	unlink(path);
}

static void config_outputs_add_lines_makes_its_own_room(void **state)
{
	struct outputs_config c = {};

	(void)state;
	assert_int_equal(outputs_config_add_lines(&c, "/tmp/a.jsonl"), 0);
	assert_int_equal(outputs_config_add_lines(&c, "-"), 0);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.output[0].type, OUTPUT_FILE);
	assert_string_equal(c.output[0].path, "/tmp/a.jsonl");
	assert_int_equal(c.output[1].type, OUTPUT_STDOUT);
	outputs_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse_of_nothing_gives_the_defaults),
		cmocka_unit_test(config_parse_takes_every_key),
		cmocka_unit_test(config_parse_refuses_bad_values),
		cmocka_unit_test(config_parse_refuses_a_socket_path_that_is_too_long),
		cmocka_unit_test(config_parse_refuses_what_is_no_public_key),
		cmocka_unit_test(config_parse_takes_sixteen_policy_keys_and_no_more),
		cmocka_unit_test(config_parse_takes_where_http_listens),
		cmocka_unit_test(config_parse_takes_limits_of_the_store),
		cmocka_unit_test(config_load_keys_reads_no_other_key),
		cmocka_unit_test(config_outputs_add_lines_makes_its_own_room),
		cmocka_unit_test(config_load_of_a_named_file_that_is_missing_is_enoent),
		cmocka_unit_test(config_reload_takes_what_needs_no_new_start),
		cmocka_unit_test(config_reload_takes_http_and_outputs),
		cmocka_unit_test(config_reload_names_the_keys_that_need_a_new_start),
		cmocka_unit_test(config_reload_of_a_wrong_file_changes_nothing),
		cmocka_unit_test(config_outputs_that_differ_in_a_key_are_not_equal),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
