/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of engines, as Docker and Podman give them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "user/discovery/engine_api.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST "sha256:c0ffee2233445566778899aabbccddeeff00112233445566778899aabbccddee"

/* ---- events ---- */

static void engine_api_event_of_docker_and_podman_is_understood(void **state)
{
	static const struct {
		const char *text;
		bool started;
	} cases[] = {
		{"{\"status\":\"start\",\"id\":\"" ID
		 "\",\"from\":\"nginx\",\"Type\":\"container\","
		 "\"Action\":\"start\",\"Actor\":{\"ID\":\"" ID
		 "\",\"Attributes\":{\"image\":\"nginx\",\"name\":\"web\"}},\"scope\":\"local\","
		 "\"time\":1,\"timeNano\":2}",
		 true},
		{"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID "\"}}",
		 false},
		{"{\"status\":\"died\",\"id\":\"" ID "\"}", false},
	};
	struct engine_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(engine_event_parse(cases[i].text, strlen(cases[i].text), &e, NULL),
				 0);
		assert_string_equal(e.id, ID);
		assert_int_equal(e.started, cases[i].started);
	}
}

static void engine_api_event_of_something_else_is_enoent(void **state)
{
	static const char *const other[] = {
		"{}",
		"{\"Type\":\"image\",\"Action\":\"start\",\"Actor\":{\"ID\":\"" ID "\"}}",
		"{\"Type\":\"container\",\"Action\":\"exec_start: sh\",\"Actor\":{\"ID\":\"" ID
		"\"}}",
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"short\"}}",
		"{\"Type\":\"container\",\"Action\":\"start\"}",
		"{\"Type\":5,\"Action\":[],\"Actor\":7}",
	};
	struct engine_event e;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_int_equal(engine_event_parse(other[i], strlen(other[i]), &e, &err), -ENOENT);
}

static void engine_api_answers_that_are_garbage_are_ebadmsg(void **state)
{
	static const char *const bad[] = {"", "5", "\"x\"", "{", "\xff\xfe", "{\"Id\":", "null"};
	struct identity w = {};
	struct engine_event e;
	struct err err;
	pid_t pid = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = strlen(bad[i]);

		assert_int_equal(engine_event_parse(bad[i], n, &e, &err), -EBADMSG);
		assert_int_equal(engine_list_parse(bad[i], n, NULL, NULL, &err), -EBADMSG);
		assert_int_equal(engine_container_parse(bad[i], n, ID, &w, &pid, &err), -EBADMSG);
		assert_int_equal(engine_image_parse(bad[i], n, &w, &err), -EBADMSG);
		assert_null(strchr(err.msg, '\n'));
	}
	assert_int_equal(pid, -1);
	assert_null(w.id);
}

/* ---- lists ---- */

static void count_id(void *ctx, const char id[static ENGINE_ID_BYTES])
{
	(void)id;
	(*(int *)ctx)++;
}

static void engine_api_list_leaves_out_what_has_no_id(void **state)
{
	static const char text[] =
		"[{\"Id\":\"" ID "\"},{\"Id\":\"x\"},{\"Id\":5},7,{},{\"Id\":\"" OTHER
		"\",\"Names\":[]}]";
	int n = 0;

	(void)state;
	assert_int_equal(engine_list_parse(text, strlen(text), count_id, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(engine_list_parse("{}", 2, count_id, &n, NULL), -EBADMSG);
}

/* ---- containers and images ---- */

#define INSPECT(id, state, image)                                                                  \
	"{\"Id\":\"" id "\",\"Name\":\"/web\",\"Image\":\"sha256:" OTHER "\",\"State\":" state     \
	",\"Config\":{\"Image\":" image                                                            \
	",\"Labels\":{\"io.kubernetes.pod.name\":\"web-7f\",\"io.kubernetes.pod.namespace\":"      \
	"\"prod\",\"maintainer\":\"x\"}},\"HostConfig\":{\"CgroupParent\":\"\"}}"

static void engine_api_inspect_names_container_image_and_pod(void **state)
{
	static const char text[] = INSPECT(ID, "{\"Running\":true,\"Pid\":4711}", "\"nginx:1.25\"");
	struct identity w = {};
	pid_t pid;

	(void)state;
	assert_int_equal(engine_container_parse(text, strlen(text), ID, &w, &pid, NULL), 0);
	assert_int_equal(pid, 4711);
	assert_string_equal(w.id, ID);
	assert_string_equal(w.name, "web");
	assert_string_equal(w.image, "nginx:1.25");
	assert_string_equal(w.image_id, "sha256:" OTHER);
	assert_string_equal(w.pod, "web-7f");
	assert_string_equal(w.pod_namespace, "prod");
	identity_done(&w);
}

static void engine_api_inspect_of_one_that_has_ended_has_no_process(void **state)
{
	static const char text[] = INSPECT(ID, "{\"Running\":false,\"Pid\":4711}", "null");
	struct identity w = {};
	pid_t pid;

	(void)state;
	assert_int_equal(engine_container_parse(text, strlen(text), ID, &w, &pid, NULL), 0);
	assert_int_equal(pid, 0);
	assert_null(w.image);
	identity_done(&w);
}

static void engine_api_inspect_that_cannot_be_is_ebadmsg(void **state)
{
	static const char *const bad[] = {
		INSPECT(OTHER, "{\"Running\":true,\"Pid\":4711}", "\"x\""),
		INSPECT(ID, "{\"Running\":true,\"Pid\":-1}", "\"x\""),
		INSPECT(ID, "{\"Running\":true,\"Pid\":99999999999}", "\"x\""),
		"{\"Id\":5}",
		"[]",
	};
	struct identity w = {};
	struct err err;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(engine_container_parse(bad[i], strlen(bad[i]), ID, &w, &pid, &err),
				 -EBADMSG);
	assert_null(w.id);
}

static void engine_api_image_s_digest_is_what_it_was_pulled_by(void **state)
{
	static const char pulled[] =
		"{\"Id\":\"sha256:" OTHER "\",\"RepoDigests\":[5,\"nginx@" DIGEST "\"]}";
	static const char podmans[] = "{\"RepoDigests\":[],\"Digest\":\"" DIGEST "\"}";
	static const char none[] = "{\"Id\":\"sha256:" OTHER "\",\"RepoDigests\":null}";
	struct identity a = {}, b = {}, c = {};

	(void)state;
	assert_int_equal(engine_image_parse(pulled, strlen(pulled), &a, NULL), 0);
	assert_string_equal(a.digest, DIGEST);
	assert_int_equal(engine_image_parse(podmans, strlen(podmans), &b, NULL), 0);
	assert_string_equal(b.digest, DIGEST);
	assert_int_equal(engine_image_parse(none, strlen(none), &c, NULL), 0);
	assert_null(c.digest);
	identity_done(&a);
	identity_done(&b);
}

static void engine_api_image_s_digest_is_that_of_the_container_s_repository(void **state)
{
	static const char text[] = "{\"RepoTags\":[\"shop:1\",\"shop:2\"],\"RepoDigests\":["
				   "\"mirror.example/shop@sha256:" OTHER "\",\"shop@" DIGEST "\"]}";
	_cleanup_(identity_done) struct identity w = {};

	(void)state;
	assert_int_equal(identity_set(&w.image, "docker.io/library/shop:1"), 0);
	assert_int_equal(engine_image_parse(text, strlen(text), &w, NULL), 0);
	assert_string_equal(w.digest, DIGEST);
	assert_string_equal(w.aliases, "mirror.example/shop@sha256:" OTHER);
}

static void engine_api_image_names_a_container_that_was_started_by_an_id(void **state)
{
	static const char text[] = "{\"RepoTags\":[\"<none>:<none>\",\"shop:1\",\"till:2\"],"
				   "\"RepoDigests\":[]}";
	static const char *const started_by[] = {OTHER, "sha256:" OTHER, "0011", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(started_by) / sizeof(started_by[0]); i++) {
		_cleanup_(identity_done) struct identity w = {};

		assert_int_equal(identity_set(&w.image, started_by[i]), 0);
		assert_int_equal(identity_set(&w.image_id, "sha256:" OTHER), 0);
		assert_int_equal(engine_image_parse(text, strlen(text), &w, NULL), 0);
		assert_string_equal(w.image, "shop:1");
		assert_string_equal(w.aliases, "till:2");
	}
}

static void engine_api_image_may_have_a_name_like_an_id(void **state)
{
	static const char text[] = "{\"RepoTags\":[\"0011:latest\",\"shop:1\"]}";
	_cleanup_(identity_done) struct identity w = {};

	(void)state;
	assert_int_equal(identity_set(&w.image, "0011"), 0);
	assert_int_equal(identity_set(&w.image_id, "sha256:" OTHER), 0);
	assert_int_equal(engine_image_parse(text, strlen(text), &w, NULL), 0);
	assert_string_equal(w.image, "0011");
	assert_null(w.aliases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_api_event_of_docker_and_podman_is_understood),
		cmocka_unit_test(engine_api_event_of_something_else_is_enoent),
		cmocka_unit_test(engine_api_answers_that_are_garbage_are_ebadmsg),
		cmocka_unit_test(engine_api_list_leaves_out_what_has_no_id),
		cmocka_unit_test(engine_api_inspect_names_container_image_and_pod),
		cmocka_unit_test(engine_api_inspect_of_one_that_has_ended_has_no_process),
		cmocka_unit_test(engine_api_inspect_that_cannot_be_is_ebadmsg),
		cmocka_unit_test(engine_api_image_s_digest_is_what_it_was_pulled_by),
		cmocka_unit_test(engine_api_image_s_digest_is_that_of_the_container_s_repository),
		cmocka_unit_test(engine_api_image_names_a_container_that_was_started_by_an_id),
		cmocka_unit_test(engine_api_image_may_have_a_name_like_an_id),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
