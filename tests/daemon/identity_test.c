/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hooks and engines say that is not so, or no longer: the daemon lives on, takes nobody for
 * another, and its log says what happened. The engine is a fake one, with answers as Docker gives
 * them.
 */
#include "tests/support/daemon/lutrad.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <signal.h>
#include "tests/support/scratch.h"
#include "tests/support/daemon/fake_engine.h"
#include "user/sys/process/cgroup.h"
#include "lib/policy/policy.h"
#include "lib/base/file.h"
#include "lib/base/cleanup.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ALIKE "2f1eaaaa33445566778899aabbccddeeff00112233445566778899aabbccddee"
#define THIRD "ffee2233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define IMAGE "sha256:c0ffee2233445566778899aabbccddeeff00112233445566778899aabbccddee"
#define SHOP "example.org/shop:1"

/* A process in a cgroup named as Docker names that of a container. */
struct fake {
	char *cgroup;
	pid_t pid;
};

static void fake_start(const struct fixture *f, struct fake *c, const char *id)
{
	char pid[16];

	assert_true(asprintf(&c->cgroup, "%s/docker-%s.scope", f->cgroup, id) > 0);
	assert_int_equal(mkdir(c->cgroup, 0755), 0);
	c->pid = fork();
	if (c->pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(pid, sizeof(pid), "%d", (int)c->pid);
	assert_int_equal(cgroup_write(c->cgroup, "cgroup.procs", pid), 0);
}

static void fake_end(struct fake *c)
{
	kill(c->pid, SIGKILL);
	lutrad_exit_code(c->pid);
	cgroup_destroy(c->cgroup);
	free(c->cgroup);
	*c = (struct fake){};
}

static bool log_has(const struct fixture *f, const char *words)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log"), *text = NULL;
	size_t len;

	return file_read(AT_FDCWD, path, 1 << 20, &text, &len, NULL) == 0 &&
	       memmem(text, len, words, strlen(words));
}

/* For lutrad_becomes(): what the log shall say, what shall be guarded. */
static const char *wanted;
static size_t wanted_n;

static bool says_wanted(struct fixture *f)
{
	return log_has(f, wanted);
}

static void log_says(struct fixture *f, const char *words)
{
	wanted = words;
	if (!lutrad_becomes(says_wanted, f))
		fail_msg("the log never said: %s", words);
}

static bool guards_wanted(struct fixture *f)
{
	json_auto_t *j = lutrad_status(f);

	return j && json_array_size(json_object_get(j, "containers")) == wanted_n;
}

static void assert_guards(struct fixture *f, size_t n)
{
	wanted_n = n;
	assert_true(lutrad_becomes(guards_wanted, f));
}

/* A string that the status has of the container of an id; "" if there is none. */
static void read_status_text(const struct fixture *f, const char *id, const char *key,
			     char buf[static 256])
{
	json_auto_t *j = lutrad_status(f);
	const json_t *c;
	size_t i;

	buf[0] = '\0';
	json_array_foreach (json_object_get(j, "containers"), i, c) {
		const char *s = json_string_value(json_object_get(c, key));

		if (strcmp(json_string_value(json_object_get(c, "id")), id) == 0)
			snprintf(buf, 256, "%s", s ? s : "");
	}
}

static json_t *say_start(const struct fixture *f, const char *id, const char *image, pid_t pid,
			 struct err *err)
{
	return lutrad_ask(f, "hook",
			  json_pack("{s:s, s:i, s:{s:s, s:s, s:s?}}", "event", "start", "pid",
				    (int)pid, "who", "engine", "docker", "id", id, "image", image),
			  err);
}

/* ---- what hooks say ---- */

static void identity_hook_s_container_is_guarded_by_its_image_s_policy(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};
	json_auto_t *answer = NULL;
	char text[256];

	fake_start(f, &c, ID);
	answer = say_start(f, ID, SHOP, c.pid, &err);
	assert_non_null(answer);
	read_status_text(f, ID, "image", text);
	assert_string_equal(text, SHOP);
	read_status_text(f, ID, "cgroup", text);
	assert_string_equal(text, c.cgroup);
	fake_end(&c);
	assert_guards(f, 0);
}

/* A hook of a newer version may send what this version does not know. */
static void identity_hook_of_a_newer_version_is_understood(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};
	json_auto_t *answer = NULL;
	char text[256];

	fake_start(f, &c, ID);
	answer = lutrad_ask(f, "hook",
			    json_pack("{s:s, s:i, s:i, s:{s:s, s:s, s:s, s:s}}", "event", "start",
				      "pid", (int)c.pid, "version", 99, "who", "engine",
				      "of-tomorrow", "id", ID, "image", SHOP, "flavour", "new"),
			    &err);
	if (!answer)
		fail_msg("%s", err.msg);
	read_status_text(f, ID, "image", text);
	assert_string_equal(text, SHOP);
	fake_end(&c);
	assert_guards(f, 0);
}

/* Where nothing can be denied: in audit, and all that was said of it is known all the same. */
static void identity_hook_s_container_of_a_policy_that_denies_is_known(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};
	json_auto_t *answer = NULL;
	struct policy *p = NULL;
	char text[256];

	assert_int_equal(policy_load(&p, f->policy, &err), 0);
	p->mode = LUTRA_MODE_DENY;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	policy_free(p);
	fake_start(f, &c, ID);
	answer = lutrad_ask(f, "hook",
			    json_pack("{s:s, s:i, s:{s:s, s:s, s:s, s:s, s:s}}", "event", "start",
				      "pid", (int)c.pid, "who", "engine", "podman", "id", ID,
				      "image", SHOP, "digest", "sha256:" OTHER, "pod", "till"),
			    &err);
	assert_non_null(answer);
	read_status_text(f, ID, "mode", text);
	assert_string_equal(text, log_has(f, "in mode audit") ? "audit" : "deny");
	read_status_text(f, ID, "engine", text);
	assert_string_equal(text, "podman");
	read_status_text(f, ID, "digest", text);
	assert_string_equal(text, "sha256:" OTHER);
	read_status_text(f, ID, "pod", text);
	assert_string_equal(text, "till");
	fake_end(&c);
	assert_guards(f, 0);
}

static void identity_hook_for_a_container_that_vanished_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};
	pid_t pid;

	fake_start(f, &c, ID);
	pid = c.pid;
	fake_end(&c);
	assert_null(say_start(f, ID, SHOP, pid, &err));
	assert_non_null(strstr(err.msg, "no process"));
	assert_guards(f, 0);
}

static void identity_hook_with_another_container_s_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};

	fake_start(f, &c, ID);
	assert_null(say_start(f, OTHER, SHOP, c.pid, &err));
	assert_non_null(strstr(err.msg, "belongs to container 2f1e00c9d4b8"));
	assert_guards(f, 0);
	fake_end(&c);
}

static void identity_hook_s_nested_process_belongs_to_the_container(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *inner = NULL;
	struct fake c;
	struct err err = {};
	json_auto_t *answer = NULL;
	char text[256], pid[16];

	fake_start(f, &c, ID);
	inner = scratch_path(c.cgroup, "init.scope");
	assert_int_equal(mkdir(inner, 0755), 0);
	snprintf(pid, sizeof(pid), "%d", (int)c.pid);
	assert_int_equal(cgroup_write(inner, "cgroup.procs", pid), 0);
	answer = say_start(f, ID, SHOP, c.pid, &err);
	assert_non_null(answer);
	read_status_text(f, ID, "cgroup", text);
	assert_string_equal(text, c.cgroup);
	fake_end(&c);
}

static void identity_image_without_a_name_has_no_policy_and_runs(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	struct err err = {};
	json_auto_t *answer = NULL;

	fake_start(f, &c, ID);
	answer = say_start(f, ID, NULL, c.pid, &err);
	assert_true(json_is_null(json_object_get(answer, "container")));
	assert_non_null(json_string_value(json_object_get(answer, "why")));
	log_says(f, "not guarded: ");
	assert_guards(f, 0);
	fake_end(&c);
}

/* The member "unguarded" of the overview. */
static json_t *read_unguarded(const struct fixture *f)
{
	json_auto_t *j = lutrad_ask(f, "overview?limit=0", NULL, NULL);

	assert_non_null(j);
	assert_int_equal(json_array_size(json_object_get(j, "containers")), 0);
	return json_incref(json_object_get(j, "unguarded"));
}

static bool lists_no_unguarded(struct fixture *f)
{
	json_auto_t *j = read_unguarded(f);

	return json_integer_value(json_object_get(j, "total")) == 0;
}

static void identity_container_without_a_policy_is_listed_as_unguarded_until_it_ends(void **state)
{
	struct fixture *f = *state;
	struct fake guarded, other;
	json_auto_t *answer = NULL, *with_policy = NULL, *j = NULL;
	const json_t *c;

	assert_true(lists_no_unguarded(f));
	fake_start(f, &guarded, ID);
	fake_start(f, &other, OTHER);
	with_policy = say_start(f, ID, SHOP, guarded.pid, NULL);
	assert_non_null(json_object_get(with_policy, "container"));
	answer = say_start(f, OTHER, "example.org/unknown:1", other.pid, NULL);
	assert_true(json_is_null(json_object_get(answer, "container")));
	j = read_unguarded(f);
	assert_int_equal(json_integer_value(json_object_get(j, "total")), 1);
	c = json_array_get(json_object_get(j, "containers"), 0);
	assert_string_equal(json_string_value(json_object_get(c, "id")), OTHER);
	assert_string_equal(json_string_value(json_object_get(c, "image")),
			    "example.org/unknown:1");
	assert_string_equal(json_string_value(json_object_get(c, "cgroup")), other.cgroup);
	assert_non_null(strstr(json_string_value(json_object_get(c, "why")),
			       "has no policy and is not learned"));
	fake_end(&other);
	assert_true(lists_no_unguarded(f));
	fake_end(&guarded);
}

static void identity_container_that_is_enrolled_later_is_unguarded_no_more(void **state)
{
	struct fixture *f = *state;
	struct fake c;
	json_auto_t *answer = NULL, *enrolled = NULL;

	fake_start(f, &c, ID);
	answer = say_start(f, ID, "example.org/unknown:1", c.pid, NULL);
	assert_non_null(answer);
	assert_false(lists_no_unguarded(f));
	enrolled = lutrad_ask(f, "enroll",
			      json_pack("{s:s, s:s}", "cgroup", c.cgroup, "policy", "shop"), NULL);
	assert_non_null(enrolled);
	assert_true(lists_no_unguarded(f));
	fake_end(&c);
}

/* Returns how many stored events have the rule unguarded. last: the object of the newest one, or "". */
static unsigned count_unguarded_alerts(const struct fixture *f, char last[static 256])
{
	json_auto_t *j = lutrad_ask(f, "events?limit=200", NULL, NULL);
	const json_t *event;
	unsigned n = 0;
	size_t i;

	*last = '\0';
	json_array_foreach (json_object_get(j, "events"), i, event) {
		const json_t *fields = json_object_get(event, "output_fields");
		const char *rule = json_string_value(json_object_get(fields, "lutra.group"));

		if (!rule || strcmp(rule, "unguarded") != 0)
			continue;
		if (n++ == 0)
			snprintf(last, 256, "%s %s",
				 json_string_value(json_object_get(fields, "container.image")),
				 json_string_value(json_object_get(fields, "lutra.object")));
	}
	return n;
}

static bool unguarded_alert_is_stored(struct fixture *f)
{
	char last[256];

	return count_unguarded_alerts(f, last) > 0;
}

static void identity_container_is_known_by_the_beginning_of_its_id(void **state)
{
	struct fixture *f = *state;
	struct fake one, two;
	json_auto_t *first = NULL, *second = NULL, *by_id = NULL, *changed = NULL;
	struct err err = {};

	fake_start(f, &one, ID);
	fake_start(f, &two, ALIKE);
	first = say_start(f, ID, SHOP, one.pid, NULL);
	second = say_start(f, ALIKE, SHOP, two.pid, NULL);
	assert_non_null(first);
	assert_non_null(second);
	by_id = lutrad_ask(f, "containers/2f1e00c9", NULL, NULL);
	assert_string_equal(json_string_value(json_object_get(by_id, "id")), ID);
	changed = lutrad_ask(f, "containers/2f1eaaaa/mode",
			     json_pack("{s:s, s:s}", "mode", "audit", "by", "operator"), NULL);
	assert_string_equal(json_string_value(json_object_get(changed, "id")), ALIKE);
	assert_null(lutrad_ask(f, "containers/2f1e", NULL, &err));
	assert_non_null(strstr(err.msg, "several ids begin so"));
	assert_null(lutrad_ask(f, "containers/2f1", NULL, &err));
	fake_end(&one);
	fake_end(&two);
}

static void identity_container_without_a_policy_alerts_once_where_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct fake silent, first, second;
	json_auto_t *one = NULL, *two = NULL, *again = NULL, *guarded = NULL;
	char last[256];

	fake_start(f, &silent, ID);
	one = say_start(f, ID, "example.org/unknown:1", silent.pid, NULL);
	assert_non_null(one);
	f->extra = ", \"alert_unguarded\": true";
	lutrad_write_config(f);
	kill(f->daemon, SIGHUP);
	log_says(f, "SIGHUP");
	fake_start(f, &first, OTHER);
	two = say_start(f, OTHER, "example.org/other:2", first.pid, NULL);
	assert_non_null(two);
	assert_true(lutrad_becomes(unguarded_alert_is_stored, f));
	again = say_start(f, OTHER, "example.org/other:2", first.pid, NULL);
	fake_start(f, &second, THIRD);
	guarded = say_start(f, THIRD, SHOP, second.pid, NULL);
	assert_non_null(again);
	assert_non_null(json_object_get(guarded, "container"));
	assert_int_equal(count_unguarded_alerts(f, last), 1);
	assert_non_null(strstr(last, "example.org/other:2 no guard: "));
	assert_non_null(strstr(last, "has no policy and is not learned"));
	fake_end(&silent);
	fake_end(&first);
	fake_end(&second);
}

static void identity_two_containers_of_one_image_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct fake a, b;
	json_auto_t *one = NULL, *two = NULL;
	struct err err = {};
	char text[256];

	fake_start(f, &a, ID);
	fake_start(f, &b, OTHER);
	one = say_start(f, ID, SHOP, a.pid, &err);
	two = say_start(f, OTHER, SHOP, b.pid, &err);
	assert_non_null(one);
	assert_non_null(two);
	assert_guards(f, 2);
	fake_end(&a);
	assert_guards(f, 1);
	read_status_text(f, OTHER, "cgroup", text);
	assert_string_equal(text, b.cgroup);
	fake_end(&b);
}

/* The same path, and another cgroup: what was known of the first is nothing to the second. */
static void identity_cgroup_that_was_made_anew_is_another_container_s(void **state)
{
	struct fixture *f = *state;
	json_auto_t *one = NULL, *two = NULL;
	struct fake c;
	struct err err = {};

	fake_start(f, &c, ID);
	one = say_start(f, ID, SHOP, c.pid, &err);
	assert_non_null(one);
	/* The daemon does not look meanwhile. */
	kill(f->daemon, SIGSTOP);
	fake_end(&c);
	fake_start(f, &c, ID);
	kill(f->daemon, SIGCONT);
	two = say_start(f, ID, "other.example/shop", c.pid, &err);
	assert_non_null(two);
	assert_true(json_is_null(json_object_get(two, "container")));
	assert_guards(f, 0);
	fake_end(&c);
}

static void identity_hook_s_garbage_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"event\": \"start\", \"who\": {}, \"pid\": 1}",
		"{\"event\": \"start\", \"who\": {\"id\": \"x\"}}",
		"{\"event\": \"go\", \"who\": {\"id\": \"x\"}, \"pid\": 1}",
		"{\"event\":\"start\",\"who\":{\"id\":\"x\"},\"pid\":-4}",
		"{\"event\": \"start\", \"who\": {\"id\": 5}, \"pid\": 1}",
	};
	struct fixture *f = *state;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(lutrad_ask(f, "hook", json_loads(bad[i], 0, NULL), &err));
	assert_guards(f, 0);
}

/* ---- what engines say ---- */

static char sock[108];

static int setup_engine(void **state)
{
	struct fixture *f;
	static char list[128];

	lutrad_setup(state);
	f = *state;
	snprintf(sock, sizeof(sock), "%s/engine.sock", f->dir);
	snprintf(list, sizeof(list), "\"%s\"", sock);
	lutrad_stop(f);
	f->engines = list;
	lutrad_write_config(f);
	return 0;
}

static void start_daemon(struct fixture *f)
{
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
}

#define LIST "[{\"Id\":\"" ID "\"}]"

/* As Docker 20.10 answers, in short. */
static char *inspect_of(const char *id, const char *image, pid_t pid)
{
	char *s;

	assert_true(asprintf(&s,
			     "{\"Id\":\"%s\",\"Created\":\"2024-01-01T00:00:00Z\",\"State\":{"
			     "\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Pid\":%d},"
			     "\"Image\":\"" IMAGE
			     "\",\"Name\":\"/web\",\"Driver\":\"overlay2\",\"HostConfig\":{"
			     "\"CgroupParent\":\"\"},\"Config\":{\"Hostname\":\"2f1e00c9d4b8\","
			     "\"Image\":\"%s\",\"Labels\":{}}}",
			     id, (int)pid, image) > 0);
	return s;
}

static void add_route(struct fake_engine *s, const char *path, const char *body)
{
	fake_engine_add_route(s, path, 200, body, strlen(body));
}

static void identity_engine_s_running_container_is_discovered(void **state)
{
	static const char image[] = "{\"Id\":\"" IMAGE "\",\"RepoDigests\":[\"example.org/"
				    "shop@sha256:" OTHER "\"]}";
	_cleanup_free_ char *inspect = NULL;
	struct fixture *f = *state;
	struct fake_engine s = {};
	struct fake c;
	char text[256];

	fake_start(f, &c, ID);
	inspect = inspect_of(ID, SHOP, c.pid);
	add_route(&s, "/containers/json", LIST);
	add_route(&s, "/containers/" ID "/json", inspect);
	add_route(&s, "/images/" IMAGE "/json", image);
	fake_engine_start(&s, sock);
	start_daemon(f);
	assert_guards(f, 1);
	read_status_text(f, ID, "name", text);
	assert_string_equal(text, "web");
	read_status_text(f, ID, "engine", text);
	assert_string_equal(text, "docker");
	read_status_text(f, ID, "image", text);
	assert_string_equal(text, SHOP);
	read_status_text(f, ID, "digest", text);
	assert_string_equal(text, "sha256:" OTHER);
	fake_engine_stop(&s);
	log_says(f, "docker is gone");
	assert_guards(f, 1);
	fake_engine_start(&s, sock);
	fake_end(&c);
	assert_guards(f, 0);
	fake_engine_stop(&s);
}

static void identity_engine_s_container_that_vanishes_is_said(void **state)
{
	static const char event[] =
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"" OTHER "\"}}\n";
	_cleanup_free_ char *inspect = NULL;
	struct fixture *f = *state;
	struct fake_engine s = {};
	struct fake c;

	/* One is gone when it is looked at, the other's process is when its cgroup is. */
	fake_start(f, &c, ID);
	inspect = inspect_of(ID, SHOP, c.pid);
	fake_end(&c);
	add_route(&s, "/containers/json", LIST);
	add_route(&s, "/containers/" ID "/json", inspect);
	fake_engine_start(&s, sock);
	start_daemon(f);
	log_says(f, "2f1e00c9d4b8: cannot be guarded: no process");
	fake_engine_send_event(&s, event, strlen(event));
	log_says(f, "001122334455: gone before it could be inspected");
	assert_guards(f, 0);
	fake_engine_stop(&s);
}

/* The number is another process's by now. */
static void identity_engine_s_process_of_another_is_not_taken_for_the_container(void **state)
{
	_cleanup_free_ char *inspect = NULL, *wrong = NULL;
	struct fixture *f = *state;
	struct fake_engine s = {};
	struct fake c;

	fake_start(f, &c, OTHER);
	inspect = inspect_of(ID, SHOP, c.pid);
	add_route(&s, "/containers/json", "[{\"Id\":\"" ID "\"},{\"Id\":\"" OTHER "\"}]");
	add_route(&s, "/containers/" ID "/json", inspect);
	wrong = inspect_of(OTHER, SHOP, getpid());
	add_route(&s, "/containers/" OTHER "/json", wrong);
	fake_engine_start(&s, sock);
	start_daemon(f);
	log_says(f, "2f1e00c9d4b8: cannot be guarded: process");
	log_says(f, "001122334455: cannot be guarded: process");
	assert_guards(f, 0);
	fake_engine_stop(&s);
	fake_end(&c);
}

static void identity_engine_s_garbage_is_refused_and_it_is_heard_on(void **state)
{
	static const char started[] =
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"" ID "\"}}\n";
	static const char *const lines[] = {
		"\n",
		"garbage\n",
		"{\"Type\":\n",
		"[]\n",
		"{}\n",
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"../../x\"}}\n",
		started,
	};
	_cleanup_free_ char *inspect = NULL;
	struct fixture *f = *state;
	struct fake_engine s = {};
	struct fake c;

	fake_start(f, &c, ID);
	inspect = inspect_of(ID, SHOP, c.pid);
	add_route(&s, "/containers/json", "<html>");
	add_route(&s, "/containers/" ID "/json", inspect);
	add_route(&s, "/images/" IMAGE "/json", "[\"no image\"]");
	fake_engine_start(&s, sock);
	start_daemon(f);
	log_says(f, "the engine's answer is not JSON");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		fake_engine_send_event(&s, lines[i], strlen(lines[i]));
	log_says(f, "the engine's answer is not an event");
	log_says(f, "the engine's answer is not an image");
	assert_guards(f, 1);
	fake_engine_stop(&s);
	fake_end(&c);
}

static void identity_engine_s_huge_answer_is_refused(void **state)
{
	const size_t huge = 17 << 20;
	_cleanup_free_ char *body = malloc(huge + 1);
	struct fixture *f = *state;
	struct fake_engine s = {};

	memset(body, ' ', huge);
	body[huge] = '\0';
	fake_engine_add_route(&s, "/containers/json", 200, body, huge);
	fake_engine_start(&s, sock);
	start_daemon(f);
	log_says(f, "no list of containers: the engine's answer is too large");
	/* And a line without an end. */
	fake_engine_send_event(&s, body, 1 << 20);
	log_says(f, "docker is gone (the engine's answer is too large)");
	assert_guards(f, 0);
	fake_engine_stop(&s);
}

#define E(f) cmocka_unit_test_setup_teardown(f, setup_engine, lutrad_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(identity_hook_s_container_is_guarded_by_its_image_s_policy),
		T(identity_hook_of_a_newer_version_is_understood),
		T(identity_hook_s_container_of_a_policy_that_denies_is_known),
		T(identity_hook_for_a_container_that_vanished_is_refused),
		T(identity_hook_with_another_container_s_process_is_refused),
		T(identity_hook_s_nested_process_belongs_to_the_container),
		T(identity_image_without_a_name_has_no_policy_and_runs),
		T(identity_container_without_a_policy_is_listed_as_unguarded_until_it_ends),
		T(identity_container_is_known_by_the_beginning_of_its_id),
		T(identity_container_without_a_policy_alerts_once_where_it_is_asked_for),
		T(identity_container_that_is_enrolled_later_is_unguarded_no_more),
		T(identity_two_containers_of_one_image_are_kept_apart),
		T(identity_cgroup_that_was_made_anew_is_another_container_s),
		T(identity_hook_s_garbage_is_refused),
		E(identity_engine_s_running_container_is_discovered),
		E(identity_engine_s_container_that_vanishes_is_said),
		E(identity_engine_s_process_of_another_is_not_taken_for_the_container),
		E(identity_engine_s_garbage_is_refused_and_it_is_heard_on),
		E(identity_engine_s_huge_answer_is_refused),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
