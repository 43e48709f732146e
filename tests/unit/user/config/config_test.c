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

static void config_reload_takes_what_needs_no_new_start(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	char path[] = "/tmp/lutra-config-XXXXXX";
	bool rest = true;
	struct err err;

	(void)state;
	close(mkstemp(path));
	write_config(path, "{\"socket\": \"/a\"}");
	assert_int_equal(config_load(path, &c, NULL), 0);
	write_config(path, "{\"socket\": \"/a\", \"log_level\": \"error\", "
			   "\"policy_keys\": [\"" KEY "\"]}");
	assert_int_equal(config_reload(c, &rest, NULL), 0);
	assert_false(rest);
	assert_int_equal(c->policy_keys.n, 1);
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	write_config(path, "{\"socket\": \"/a\", \"throttle\": {\"burst\": 3}, "
			   "\"http\": {\"hosts\": [\"here\"], \"read_without_token\": true}}");
	assert_int_equal(config_reload(c, &rest, NULL), 0);
	assert_false(rest);
	assert_int_equal(c->outputs.rate.burst, 3);
	assert_string_equal(c->http_hosts[0], "here");
	assert_true(c->http_read_without_token);
	write_config(path, "{\"socket\": \"/a\", \"http\": {\"listen\": \"127.0.0.1:80\"}}");
	assert_int_equal(config_reload(c, &rest, NULL), 0);
	assert_true(rest);
	assert_null(c->http_hosts[0]);
	write_config(path, "{\"socket\": \"/b\"}");
	assert_int_equal(config_reload(c, &rest, NULL), 0);
	assert_true(rest);
	assert_string_equal(c->socket, "/a");
	assert_int_equal(c->policy_keys.n, 0);
	write_config(path, "{\"log_level\": \"error\", \"policy_keys\": [\"x\"]}");
	assert_int_equal(config_reload(c, &rest, &err), -EBADMSG);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	unlink(path);
	assert_int_equal(config_reload(c, &rest, &err), -ENOENT);
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
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
