/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: configuration, files, throttle, syslog and journal. */
#include "tests/support/made_alert.h"
#include "tests/support/scratch.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/file.h"
#include "user/sys/clock.h"
#include "user/outputs/outputs.h"

#define PATIENCE_NS 60000000000ull

static void parse_outputs(const char *outputs, const char *throttle, struct outputs_config *ret)
{
	json_auto_t *list = json_loads(outputs, 0, NULL);
	json_auto_t *rate = throttle ? json_loads(throttle, JSON_DECODE_ANY, NULL) : NULL;
	struct err err = {};

	assert_non_null(list);
	if (outputs_config_parse(list, rate, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

/* ---- configuration ---- */

static void outputs_config_takes_every_kind(void **state)
{
	static const char text[] =
		"[{\"type\": \"stdout\", \"min_priority\": \"notice\", \"all\": true},"
		" {\"type\": \"file\", \"path\": \"/a\", \"name\": \"a-1\"}, {\"type\": "
		"\"syslog\"},"
		" {\"type\": \"journal\", \"min_priority\": \"critical\"},"
		" {\"type\": \"webhook\", \"url\": \"https://h/x\", \"headers\": {\"A\": \"b c\"},"
		"  \"ca_file\": \"/ca\", \"timeout_s\": 3, \"queue_mib\": 5},"
		" {\"type\": \"falcosidekick\", \"url\": \"http://h:2801/\"},"
		" {\"type\": \"elasticsearch\", \"url\": \"http://h:9200\", \"index\": \"x.y\"}]";
	struct outputs_config c;

	(void)state;
	parse_outputs(text, "{\"per_second\": 3, \"burst\": 4}", &c);
	assert_int_equal(c.n, OUTPUT_TYPES);
	for (int i = 0; i < OUTPUT_TYPES; i++)
		assert_int_equal(c.output[i].type, i);
	assert_int_equal(c.output[0].level, LOG_NOTICE);
	assert_true(c.output[0].all);
	assert_string_equal(c.output[1].name, "a-1");
	assert_int_equal(c.output[2].level, LOG_WARNING);
	assert_false(c.output[2].all);
	assert_string_equal(c.output[3].path, JOURNAL_SOCKET);
	assert_string_equal(c.output[4].header[0], "A: b c");
	assert_int_equal(c.output[4].timeout_s, 3);
	assert_int_equal(c.output[4].queue_mib, 5);
	assert_int_equal(c.output[5].queue_mib, 64);
	assert_string_equal(c.output[6].index, "x.y");
	assert_true(c.output[6].all);
	assert_int_equal(c.rate.per_second, 3);
	assert_int_equal(c.rate.burst, 4);
	outputs_config_done(&c);
}

static void outputs_config_errors_name_the_key(void **state)
{
	static const struct {
		const char *text, *throttle, *names;
	} bad[] = {
		{"{}", NULL, "outputs:"},
		{"[5]", NULL, "outputs[0]"},
		{"[{}]", NULL, "outputs[0].type"},
		{"[{\"type\": \"smoke\"}]", NULL, "outputs[0].type"},
		{"[{\"type\": \"stdout\", \"colour\": 1}]", NULL, "colour"},
		{"[{\"type\": \"stdout\", \"path\": \"/a\"}]", NULL, "takes no path"},
		{"[{\"type\": \"file\"}]", NULL, "outputs[0].path"},
		{"[{\"type\": \"stdout\", \"body\": {}}]", NULL, "takes no body"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"body\": [\"${a\"]}]", NULL,
		 "outputs[0].body: must be a template of JSON: \"${a\""},
		{"[{\"type\": \"file\", \"path\": \"a\"}]", NULL, "outputs[0].path"},
		{"[{\"type\": \"file\", \"path\": \"/a\", \"url\": \"http://a\"}]", NULL,
		 "takes no url"},
		{"[{\"type\": \"stdout\"}, {\"type\": \"stdout\"}]", NULL, "outputs[1].name"},
		{"[{\"type\": \"stdout\", \"name\": \"A\"}]", NULL, "outputs[0].name"},
		{"[{\"type\": \"stdout\", \"name\": \"../a\"}]", NULL, "outputs[0].name"},
		{"[{\"type\": \"stdout\", \"name\": \"events_jsonl\"}]", NULL, "outputs[0].name"},
		{"[{\"type\": \"stdout\", \"min_priority\": \"loud\"}]", NULL, "min_priority"},
		{"[{\"type\": \"stdout\", \"all\": 1}]", NULL, "outputs[0].all"},
		{"[{\"type\": \"webhook\"}]", NULL, "outputs[0].url"},
		{"[{\"type\": \"webhook\", \"url\": \"file:///etc/shadow\"}]", NULL, "url"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a b\"}]", NULL, "url"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"headers\": []}]", NULL,
		 "headers"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"headers\":"
		 " {\"A\": \"b\\r\\nC: d\"}}]",
		 NULL, "headers"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"timeout_s\": 0}]", NULL,
		 "timeout_s"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"queue_mib\": \"1\"}]", NULL,
		 "queue_mib"},
		{"[{\"type\": \"webhook\", \"url\": \"http://a\", \"index\": \"a\"}]", NULL,
		 "takes no index"},
		{"[{\"type\": \"elasticsearch\", \"url\": \"http://a\", \"index\": \"A/b\"}]", NULL,
		 "index"},
		{"[]", "5", "throttle"},
		{"[]", "{\"per_second\": -1}", "throttle.per_second"},
		{"[]", "{\"burst\": 0}", "throttle.burst"},
		{"[]", "{\"bursts\": 5}", "bursts"},
	};
	struct outputs_config c = {};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_auto_t *list = json_loads(bad[i].text, 0, NULL);
		json_auto_t *rate =
			bad[i].throttle ? json_loads(bad[i].throttle, JSON_DECODE_ANY, NULL) : NULL;
		struct err err = {};

		assert_int_equal(outputs_config_parse(list, rate, &c, &err), -EBADMSG);
		if (!strstr(err.msg, bad[i].names))
			fail_msg("%s: \"%s\" does not name %s", bad[i].text, err.msg, bad[i].names);
	}
	assert_null(c.output);
}

/* ---- files ---- */

static void config_of_file(const char *path, const char *more, const char *throttle,
			   struct outputs_config *ret)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text, "[{\"type\": \"file\", \"path\": \"%s\"%s}]", path, more) > 0);
	parse_outputs(text, throttle, ret);
}

static char *read_content(const char *path)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 64 << 20, &text, &len, NULL), 0);
	return text;
}

static size_t count_lines(const char *path)
{
	_cleanup_free_ char *text = read_content(path);
	size_t n = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static bool becomes_sent(struct outputs *o, uint64_t n)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 5000000};
	struct sink_stats s = {};

	while (s.sent < n && clock_now_ns() < until) {
		outputs_stats(o, 0, &s);
		nanosleep(&pause, NULL);
	}
	return s.sent == n;
}

static void outputs_write_what_is_severe_enough(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "alerts.jsonl"), *text = NULL;
	struct sink_env env = {.state_dir = f->dir};
	struct outputs_config c;
	struct outputs *o = NULL;

	config_of_file(path, ", \"min_priority\": \"critical\"", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 3);
	f->ev.verdict = LUTRA_VERDICT_ALERT;
	made_alert_put(f, o, 3);
	outputs_free(o);
	assert_int_equal(count_lines(path), 3);
	text = read_content(path);
	assert_non_null(strstr(text, "\"rule\":\"Program never executed in training\""));
	outputs_config_done(&c);
}

static void outputs_reopen_a_file_that_was_renamed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "alerts.jsonl");
	_cleanup_free_ char *old = scratch_path(f->dir, "alerts.jsonl.1");
	struct sink_env env = {.state_dir = f->dir};
	struct outputs_config c;
	struct outputs *o = NULL;

	config_of_file(path, "", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 2);
	assert_true(becomes_sent(o, 2));
	assert_int_equal(rename(path, old), 0);
	made_alert_put(f, o, 2);
	assert_true(becomes_sent(o, 4));
	assert_int_equal(access(path, F_OK), -1);
	outputs_reopen(o);
	made_alert_put(f, o, 3);
	outputs_free(o);
	assert_int_equal(count_lines(old), 4);
	assert_int_equal(count_lines(path), 3);
	outputs_config_done(&c);
}

static void outputs_new_refuses_a_file_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "no/such");
	struct sink_env env = {.state_dir = f->dir};
	struct outputs_config c;
	struct outputs *o = NULL;
	struct err err;

	config_of_file(path, "", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	outputs_config_done(&c);
}

static void outputs_write_a_line_an_alert(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "events.jsonl"), *text = NULL;
	struct sink_env env = {.state_dir = f->dir};
	struct outputs_config c;
	struct outputs *o = NULL;
	struct alert_fields fields;
	struct alert_json *a;
	size_t len;

	config_of_file(path, "", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 2);
	outputs_free(o);
	made_alert_fields(f, &fields);
	a = alert_json_new(&fields, 0);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, &len, NULL), 0);
	assert_int_equal(count_lines(path), 2);
	assert_memory_equal(text + len - 1 - a->len, a->text, a->len);
	assert_int_equal(text[len - 2 - a->len], '\n');
	alert_json_unref(a);
	outputs_config_done(&c);
}

/* Opening a pipe to write waits for a reader: nothing may wait for that. */
static void outputs_to_a_pipe_begin_with_its_reader(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "pipe");
	struct sink_env env = {.state_dir = f->dir};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct sink_stats s = {};
	struct outputs_config c;
	struct outputs *o = NULL;
	char line[16384];
	int fd;

	signal(SIGPIPE, SIG_IGN); /* as lutrad does */
	assert_int_equal(mkfifo(path, 0600), 0);
	config_of_file(path, "", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	outputs_stats(o, 0, &s);
	assert_true(s.failing);
	made_alert_put(f, o, 2);
	while (s.lost < 2 && clock_now_ns() < until)
		outputs_stats(o, 0, &s);
	assert_int_equal(s.lost, 2);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	made_alert_put(f, o, 1);
	assert_true(becomes_sent(o, 1));
	assert_true(read(fd, line, sizeof(line)) > 2);
	/* The reader goes, and another one comes. */
	close(fd);
	made_alert_put(f, o, 1);
	while (s.lost < 3 && clock_now_ns() < until)
		outputs_stats(o, 0, &s);
	assert_int_equal(s.lost, 3);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	made_alert_put(f, o, 1);
	assert_true(becomes_sent(o, 2));
	outputs_stats(o, 0, &s);
	assert_false(s.failing);
	close(fd);
	outputs_free(o);
	outputs_config_done(&c);
}

static void outputs_count_what_a_full_disk_does_not_take(void **state)
{
	struct fixture *f = *state;
	struct sink_env env = {.state_dir = f->dir};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct sink_stats s = {};
	struct outputs_config c;
	struct outputs *o = NULL;

	config_of_file("/dev/full", "", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 2);
	while (s.lost < 2 && clock_now_ns() < until)
		outputs_stats(o, 0, &s);
	assert_int_equal(s.lost, 2);
	assert_true(s.failing);
	outputs_free(o);
	outputs_config_done(&c);
}

/* Lines of a container, and what they say was folded. */
static void sum_folded(const char *path, const char *container, uint64_t *ret_lines,
		       uint64_t *ret_folded)
{
	_cleanup_free_ char *text = read_content(path);
	char *save = NULL;

	*ret_lines = *ret_folded = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_auto_t *j = json_loads(line, 0, NULL);
		const json_t *o = json_object_get(j, "output_fields");
		const char *name = json_string_value(json_object_get(o, "container.name"));
		const char *rule = json_string_value(json_object_get(j, "rule"));

		assert_non_null(name);
		if (strcmp(name, container) != 0)
			continue;
		*ret_lines += strcmp(rule, "Alerts folded") != 0;
		*ret_folded += (uint64_t)json_integer_value(json_object_get(o, "lutra.folded"));
	}
}

static void outputs_fold_what_a_container_floods(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "a"), *all = scratch_path(f->dir, "b");
	_cleanup_free_ char *text = NULL;
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 50000000};
	struct sink_env env = {.state_dir = f->dir};
	uint64_t n, folded;
	struct outputs_config c;
	struct outputs *o = NULL;

	assert_true(asprintf(&text,
			     "[{\"type\": \"file\", \"path\": \"%s\"}, {\"type\": \"file\","
			     " \"name\": \"b\", \"path\": \"%s\", \"all\": true}]",
			     path, all) > 0);
	parse_outputs(text, "{\"per_second\": 10, \"burst\": 20}", &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 1000);
	f->container.name = "mail";
	f->container.cgroup = "/sys/fs/cgroup/mail";
	made_alert_put(f, o, 5);
	/* Until the flood has been reported, and every bucket is full again. */
	while (outputs_tick(o) && clock_now_ns() < until)
		nanosleep(&pause, NULL);
	assert_int_equal(count_lines(all), 1005);
	outputs_free(o);
	sum_folded(path, "shop", &n, &folded);
	assert_int_equal(n + folded, 1000);
	assert_in_range(n, 20, 200);
	sum_folded(path, "mail", &n, &folded);
	assert_int_equal(n, 5);
	assert_int_equal(folded, 0);
	outputs_config_done(&c);
}

/* ---- syslog and journal ---- */

static int bind_receiver(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Value of a field in the journal's binary form; the caller's. */
static char *journal_field(const char *data, size_t len, const char *name)
{
	const char *at = data;

	while (at < data + len) {
		const char *end = memchr(at, '\n', len - (size_t)(at - data));
		uint64_t size;

		assert_non_null(end);
		memcpy(&size, end + 1, sizeof(size));
		size = le64toh(size);
		if ((size_t)(end - at) == strlen(name) && memcmp(at, name, strlen(name)) == 0)
			return strndup(end + 9, size);
		at = end + 9 + size + 1;
	}
	return NULL;
}

static void outputs_write_to_the_journal(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "journal"), *text = NULL;
	_cleanup_free_ char *message = NULL, *level = NULL, *alert = NULL, *container = NULL;
	_cleanup_close_ int fd = bind_receiver(path);
	struct sink_env env = {.state_dir = f->dir};
	json_auto_t *j = NULL;
	struct outputs_config c;
	struct outputs *o = NULL;
	char data[65536];
	ssize_t n;

	assert_true(asprintf(&text, "[{\"type\": \"journal\", \"path\": \"%s\"}]", path) > 0);
	parse_outputs(text, NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 1);
	n = recv(fd, data, sizeof(data), 0);
	assert_true(n > 0);
	message = journal_field(data, (size_t)n, "MESSAGE");
	level = journal_field(data, (size_t)n, "PRIORITY");
	alert = journal_field(data, (size_t)n, "LUTRA_ALERT");
	container = journal_field(data, (size_t)n, "LUTRA_CONTAINER");
	assert_non_null(strstr(message, "refused: Program never executed"));
	assert_string_equal(level, "2");
	assert_string_equal(container, "shop");
	j = json_loads(alert, 0, NULL);
	assert_non_null(json_object_get(j, "output_fields"));
	outputs_free(o);
	outputs_config_done(&c);
}

static void outputs_count_what_the_journal_does_not_take(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;
	struct sink_env env = {.state_dir = f->dir};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct sink_stats s = {};
	struct outputs_config c;
	struct outputs *o = NULL;

	assert_true(asprintf(&text, "[{\"type\": \"journal\", \"path\": \"%s/none\"}]", f->dir) >
		    0);
	parse_outputs(text, NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 2);
	while (s.lost < 2 && clock_now_ns() < until)
		outputs_stats(o, 0, &s);
	assert_int_equal(s.lost, 2);
	assert_int_equal(s.sent, 0);
	assert_true(s.failing);
	outputs_free(o);
	outputs_config_done(&c);
}

/* syslog(3) knows one place only: /dev is another one in this process's mount namespace. */
static void log_one(struct fixture *f)
{
	struct sink_env env = {.state_dir = f->dir};
	struct outputs_config c;
	struct outputs *o = NULL;
	char data[8192] = "";
	int fd = bind_receiver("/dev/log");

	parse_outputs("[{\"type\": \"syslog\"}]", NULL, &c);
	assert_int_equal(outputs_new(&o, &c, &env, NULL), 0);
	made_alert_put(f, o, 1);
	assert_true(recv(fd, data, sizeof(data) - 1, 0) > 0);
	assert_int_equal(strncmp(data, "<26>", 4), 0); /* daemon, critical */
	assert_non_null(strstr(data, "lutrad["));
	assert_non_null(strstr(data, "refused: Program never executed in training in shop"));
	outputs_free(o);
	outputs_config_done(&c);
}

static void outputs_write_to_syslog(void **state)
{
	struct fixture *f = *state;

	made_alert_on_tmpfs(f, "/dev", "size=1m", log_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_config_takes_every_kind),
		cmocka_unit_test(outputs_config_errors_name_the_key),
		T(outputs_write_a_line_an_alert),
		T(outputs_to_a_pipe_begin_with_its_reader),
		T(outputs_count_what_a_full_disk_does_not_take),
		T(outputs_write_what_is_severe_enough),
		T(outputs_reopen_a_file_that_was_renamed),
		T(outputs_new_refuses_a_file_that_cannot_be),
		T(outputs_fold_what_a_container_floods),
		T(outputs_write_to_the_journal),
		T(outputs_count_what_the_journal_does_not_take),
		T(outputs_write_to_syslog),
	};

	return cmocka_run_group_tests_name("outputs", tests, NULL, NULL);
}
