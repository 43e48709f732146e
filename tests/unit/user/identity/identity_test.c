/* SPDX-License-Identifier: Apache-2.0 */
/* Containers by their cgroups' paths, policies by images, identities as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "user/identity/identity.h"
#include "user/identity/patterns.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define UID "6a4d1c3e-90ab-4f5d-8c11-2233445566aa"
#define UID_ "6a4d1c3e_90ab_4f5d_8c11_2233445566aa"
#define HASH "0123456789abcdef0123456789abcdef"

/* ---- paths ---- */

struct path_case {
	const char *path;
	enum engine engine;
	const char *own; /* the container's own cgroup; NULL: the whole path */
	const char *pod_uid;
};

static const struct path_case containers[] = {
	/* Docker */
	{"/docker/" ID, ENGINE_DOCKER, NULL, ""},
	{"/sys/fs/cgroup/docker/" ID, ENGINE_DOCKER, NULL, ""},
	{"/sys/fs/cgroup/unified/docker/" ID, ENGINE_DOCKER, NULL, ""},
	{"/system.slice/docker-" ID ".scope", ENGINE_DOCKER, NULL, ""},
	{"/sys/fs/cgroup/system.slice/docker-" ID ".scope/init.scope", ENGINE_DOCKER,
	 "/sys/fs/cgroup/system.slice/docker-" ID ".scope", ""},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope",
	 ENGINE_DOCKER, NULL, ""},
	{"/web.slice/docker-" ID ".scope", ENGINE_DOCKER, NULL, ""},
	{"/web/" ID, ENGINE_UNKNOWN, NULL, ""},
	/* Docker in Docker, systemd in a container, Kubernetes in Docker: the outer one's matter */
	{"/docker/" ID "/docker/" OTHER, ENGINE_DOCKER, "/docker/" ID, ""},
	{"/system.slice/docker-" ID ".scope/system.slice/docker-" OTHER ".scope", ENGINE_DOCKER,
	 "/system.slice/docker-" ID ".scope", ""},
	{"/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	 ".slice/cri-containerd-" OTHER ".scope",
	 ENGINE_DOCKER, "/docker/" ID, ""},
	{"/docker/" ID "/system.slice/nginx.service", ENGINE_DOCKER, "/docker/" ID, ""},
	/* containerd */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" ID ".scope",
	 ENGINE_CONTAINERD, NULL, UID},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope",
	 ENGINE_CONTAINERD, NULL, UID},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" HASH
	 ".slice/cri-containerd-" ID ".scope",
	 ENGINE_CONTAINERD, NULL, HASH},
	{"/kubepods/besteffort/pod" UID "/" ID, ENGINE_CONTAINERD, NULL, UID},
	{"/kubepods/burstable/pod" HASH "/" ID, ENGINE_CONTAINERD, NULL, HASH},
	{"/kubepods/pod" UID "/" ID "/nested/deep", ENGINE_CONTAINERD, "/kubepods/pod" UID "/" ID,
	 UID},
	{"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
	 ENGINE_CONTAINERD, NULL, UID},
	{"/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID, ENGINE_CONTAINERD, NULL, UID},
	{"/system.slice:docker:" ID, ENGINE_DOCKER, NULL, ""},
	{"/system.slice:other:" ID, ENGINE_UNKNOWN, NULL, ""},
	{"/system.slice/nerdctl-" ID ".scope", ENGINE_CONTAINERD, NULL, ""},
	{"/default/" ID, ENGINE_CONTAINERD, NULL, ""},
	{"/k8s.io/" ID, ENGINE_CONTAINERD, NULL, ""},
	/* CRI-O */
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/crio-" ID
	 ".scope",
	 ENGINE_CRIO, NULL, UID},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container", ENGINE_CRIO,
	 "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", UID},
	{"/kubepods/burstable/pod" UID "/crio-" ID, ENGINE_CRIO, NULL, UID},
	/* Podman */
	{"/machine.slice/libpod-" ID ".scope", ENGINE_PODMAN, NULL, ""},
	{"/machine.slice/libpod-" ID ".scope/container", ENGINE_PODMAN,
	 "/machine.slice/libpod-" ID ".scope", ""},
	{"/machine.slice/libpod-" ID ".scope/container/init.scope", ENGINE_PODMAN,
	 "/machine.slice/libpod-" ID ".scope", ""},
	{"/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope", ENGINE_PODMAN,
	 NULL, ""},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	 ENGINE_PODMAN,
	 "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ""},
	{"/libpod_parent/libpod-" ID, ENGINE_PODMAN, NULL, ""},
	{"/libpod_parent/libpod-" ID "/container", ENGINE_PODMAN, "/libpod_parent/libpod-" ID, ""},
	{"/libpod_parent/" OTHER "/libpod-" ID, ENGINE_PODMAN, NULL, ""},
	{"/system.slice/web.service/libpod-payload-" ID, ENGINE_PODMAN, NULL, ""},
};

static void pattern_finds_the_containers_of_engines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
		const struct path_case *c = &containers[i];
		const char *own = c->own ? c->own : c->path;
		struct pattern p;

		print_message("# %s\n", c->path);
		assert_true(pattern_match(c->path, &p));
		assert_int_equal(p.engine, c->engine);
		assert_string_equal(p.id, ID);
		assert_int_equal(p.len, strlen(own));
		assert_string_equal(p.pod_uid, c->pod_uid);
	}
}

static void pattern_takes_nothing_else_for_a_container(void **state)
{
	static const char *const none[] = {
		"",
		"/",
		"//",
		"/docker",
		"/docker/",
		"/system.slice/docker.service",
		"/system.slice/containerd.service",
		"/init.scope",
		"/machine.slice/libpod-conmon-" ID ".scope",
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-" ID
		".scope",
		"/libpod_parent/conmon",
		"/libpod_parent/" ID, /* a pod */
		"/machine.slice/machine-libpod_pod_" ID ".slice",
		"/system.slice/web.service/supervisor",
		"/kubepods.slice/kubepods-pod" UID_ ".slice",
		"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope",
		"/kubepods/besteffort/pod" UID,
		"/kubepods/besteffort/pod" UID "/crio-conmon-" ID,
		"/docker/buildkit",
		"/system.slice/docker-" ID ".mount",
		"/system.slice/docker-" ID "0.scope",
		"/system.slice/docker-2f1e00c9.scope",
		"/docker/2F1E00C9D4B8A7765544332211FFEEDDCCBBAA99887766554433221100ABCDEF",
		"/system.slice/" ID ".scope",
		"/a:" ID,
		"/a:b:" ID "0",
		"::",
	};
	struct pattern p;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		print_message("# %s\n", none[i]);
		assert_false(pattern_match(none[i], &p));
	}
}

/* ---- images ---- */

static void image_match_compares_references_as_engines_complete_them(void **state)
{
	static const struct {
		const char *theirs, *ours;
		enum image_match match;
	} cases[] = {
		{"docker.io/library/nginx:1.25", "nginx:1.25", IMAGE_REFERENCE},
		{"nginx:1.25", "docker.io/library/nginx:1.25", IMAGE_REFERENCE},
		{"nginx", "nginx:latest", IMAGE_REFERENCE},
		{"nginx:latest", "nginx", IMAGE_ANY_TAG},
		{"nginx:1.25", "nginx", IMAGE_ANY_TAG},
		{"nginx:1.25", "nginx:1.26", IMAGE_NO_MATCH},
		{"nginx:1.25", "nginx:1.2", IMAGE_NO_MATCH},
		{"nginx2", "nginx", IMAGE_NO_MATCH},
		{"localhost/shop:1", "shop:1", IMAGE_REFERENCE},
		{"localhost:5000/shop:1", "localhost:5000/shop:1", IMAGE_REFERENCE},
		{"localhost:5000/shop", "localhost:5000/shop:latest", IMAGE_REFERENCE},
		{"localhost:5000/shop", "localhost", IMAGE_NO_MATCH},
		{"registry.example/a/nginx:1", "nginx:1", IMAGE_NO_MATCH},
		{"docker.io/a/nginx:1", "a/nginx:1", IMAGE_REFERENCE},
		{"index.docker.io/a/nginx:1", "a/nginx:1", IMAGE_REFERENCE},
		/* The registry counts: who may build here is not who may push there. */
		{"docker.io/library/shop:1", "localhost/shop:1", IMAGE_NO_MATCH},
		{"shop:1", "localhost/shop:1", IMAGE_NO_MATCH},
		{"localhost/shop:1", "docker.io/library/shop:1", IMAGE_NO_MATCH},
		{"localhost/shop:1", "docker.io/shop:1", IMAGE_NO_MATCH},
		{"localhost:5000/shop:1", "localhost/shop:1", IMAGE_NO_MATCH},
		{"localhost:5000/shop:1", "shop:1", IMAGE_NO_MATCH},
		{"quay.io/shop:1", "shop:1", IMAGE_NO_MATCH},
		{"quay.io/library/shop:1", "quay.io/shop:1", IMAGE_NO_MATCH},
		{"localhost/a/shop:1", "a/shop:1", IMAGE_REFERENCE},
		{"localhost/library/shop:1", "shop:1", IMAGE_NO_MATCH},
		{"registry.example/a/b@sha256:" ID, "registry.example/a/b", IMAGE_ANY_TAG},
		{"registry.example/a/b@sha256:" ID, "registry.example/a/b:latest", IMAGE_NO_MATCH},
		{"registry.example/a/b:2@sha256:" ID, "registry.example/a/b:2", IMAGE_REFERENCE},
		{"registry.example/a/b@sha256:" ID, "registry.example/a/b@sha256:" ID,
		 IMAGE_DIGEST},
		{"registry.example/a/b@sha256:" ID, "registry.example/a/b@sha256:" OTHER,
		 IMAGE_ANY_TAG},
		/* No tag, no name: nothing but a digest tells */
		{"sha256:" ID, "sha256:" ID, IMAGE_NO_MATCH},
		{ID, ID, IMAGE_NO_MATCH},
		{"<none>:<none>", "<none>:<none>", IMAGE_NO_MATCH},
		{"", "", IMAGE_NO_MATCH},
		{NULL, "nginx", IMAGE_NO_MATCH},
		{":1", ":1", IMAGE_NO_MATCH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(identity_done) struct identity w = {};
		bool other;

		print_message("# %s, %s\n", cases[i].theirs ? cases[i].theirs : "-", cases[i].ours);
		assert_int_equal(identity_set(&w.image, cases[i].theirs), 0);
		assert_int_equal(image_match(&w, cases[i].ours, NULL, &other), cases[i].match);
		assert_false(other);
	}
}

static void image_match_by_digest_is_the_best_and_says_which_has_changed(void **state)
{
	char image[] = "nginx:1.25", digest[] = "sha256:" ID, id[] = "sha256:" OTHER;
	struct identity w = {.image = image, .digest = digest, .image_id = id};
	struct identity nameless = {.image_id = id};
	bool other;

	(void)state;
	assert_int_equal(image_match(&w, "nginx:1.25", digest, &other), IMAGE_DIGEST);
	assert_int_equal(image_match(&w, "renamed", digest, &other), IMAGE_DIGEST);
	assert_int_equal(image_match(&w, "renamed", id, &other), IMAGE_DIGEST);
	assert_false(other);
	assert_int_equal(image_match(&nameless, "nginx", id, &other), IMAGE_DIGEST);
	assert_int_equal(image_match(&w, "nginx:1.25", "sha256:ff", &other), IMAGE_REFERENCE);
	assert_true(other);
	assert_int_equal(image_match(&w, "nginx", "sha256:ff", &other), IMAGE_ANY_TAG);
	assert_true(other);
	assert_int_equal(image_match(&nameless, "nginx", "sha256:ff", &other), IMAGE_NO_MATCH);
	assert_false(other);
	w.digest = w.image_id = NULL;
	assert_int_equal(image_match(&w, "nginx:1.25", digest, &other), IMAGE_REFERENCE);
	assert_false(other);
}

static void image_match_knows_every_digest_and_each_name_of_a_nameless_image(void **state)
{
	char image[] = "nginx:1.25", digest[] = "sha256:" ID;
	_cleanup_(identity_done) struct identity w = {};
	bool other;

	(void)state;
	assert_int_equal(identity_set(&w.image, image), 0);
	assert_int_equal(identity_set(&w.digest, digest), 0);
	assert_int_equal(identity_add_alias(&w, "mirror.example/nginx@sha256:" OTHER), 0);
	assert_int_equal(identity_add_alias(&w, "mirror.example/nginx@sha256:" OTHER), 0);
	assert_string_equal(w.aliases, "mirror.example/nginx@sha256:" OTHER);
	assert_int_equal(image_match(&w, "nginx:1.25", "sha256:" OTHER, &other), IMAGE_DIGEST);
	assert_false(other);
	assert_true(identity_has_digest(&w, "sha256:" OTHER));
	assert_true(identity_has_digest(&w, digest));
	assert_false(identity_has_digest(&w, "sha256:ff"));
	assert_false(identity_has_digest(&w, NULL));
	/* The mirror's name is none that the container was started by. */
	assert_int_equal(image_match(&w, "mirror.example/nginx:1.25", NULL, &other),
			 IMAGE_NO_MATCH);
	assert_int_equal(identity_add_alias(&w, "shop:2"), 0);
	assert_int_equal(image_match(&w, "shop:2", NULL, &other), IMAGE_REFERENCE);
	assert_int_equal(image_match(&w, "shop:3", NULL, &other), IMAGE_NO_MATCH);
}

static void image_id_says_nothing_of_the_manifest_s_digest(void **state)
{
	char image[] = "nginx:1.25", id[] = "sha256:" OTHER;
	struct identity w = {.image = image, .image_id = id};
	bool other;

	(void)state;
	assert_int_equal(image_match(&w, "nginx:1.25", "sha256:" ID, &other), IMAGE_REFERENCE);
	assert_false(other);
	assert_true(image_is_id(OTHER, id));
	assert_true(image_is_id("sha256:" OTHER, id));
	assert_true(image_is_id("0011", id));
	assert_false(image_is_id("001", id));
	assert_false(image_is_id("ffff", id));
	assert_false(image_is_id("nginx", id));
	assert_false(image_is_id("0011", NULL));
}

/* ---- JSON ---- */

static void identity_survives_as_json(void **state)
{
	char id[] = ID, name[] = "web", image[] = "nginx", pod[] = "web-7f", uid[] = UID;
	struct identity w = {.engine = ENGINE_CRIO,
			     .id = id,
			     .name = name,
			     .image = image,
			     .pod = pod,
			     .pod_uid = uid},
			back = {};
	json_auto_t *j = identity_to_json(&w);
	struct err err = {};

	(void)state;
	assert_int_equal(identity_from_json(j, false, &back, &err), 0);
	assert_int_equal(back.engine, ENGINE_CRIO);
	assert_string_equal(back.id, ID);
	assert_string_equal(back.name, "web");
	assert_string_equal(back.image, "nginx");
	assert_null(back.digest);
	assert_string_equal(back.pod, "web-7f");
	assert_string_equal(back.pod_uid, UID);
	identity_done(&back);
}

static void identity_that_is_none_is_ebadmsg(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{\"id\": 5}",
		"{\"engine\": \"lxc\"}",
		"{\"engine\": null}",
		"{\"ID\": \"x\"}",
	};
	json_auto_t *large = json_object();
	struct identity w = {};
	struct err err;
	char text[IDENTITY_TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_auto_t *j = json_loads(bad[i], 0, NULL);

		assert_int_equal(identity_from_json(j, false, &w, &err), -EBADMSG);
		assert_null(w.id);
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_object_set_new(large, "name", json_string(text));
	assert_int_equal(identity_from_json(large, false, &w, &err), -EBADMSG);
	assert_int_equal(identity_from_json(NULL, false, &w, &err), -EBADMSG);
}

static void identity_fill_keeps_what_is_known(void **state)
{
	struct identity to = {}, from = {.engine = ENGINE_PODMAN};

	(void)state;
	assert_int_equal(identity_set(&to.name, "web"), 0);
	assert_int_equal(identity_set(&from.name, "other"), 0);
	assert_int_equal(identity_set(&from.image, "nginx"), 0);
	assert_int_equal(identity_set(&from.pod, ""), 0);
	assert_int_equal(identity_fill(&to, &from), 0);
	assert_int_equal(to.engine, ENGINE_PODMAN);
	assert_string_equal(to.name, "web");
	assert_string_equal(to.image, "nginx");
	assert_null(to.pod);
	assert_string_equal(from.image, "nginx");
	identity_done(&to);
	identity_done(&from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pattern_finds_the_containers_of_engines),
		cmocka_unit_test(pattern_takes_nothing_else_for_a_container),
		cmocka_unit_test(image_match_compares_references_as_engines_complete_them),
		cmocka_unit_test(image_match_by_digest_is_the_best_and_says_which_has_changed),
		cmocka_unit_test(image_match_knows_every_digest_and_each_name_of_a_nameless_image),
		cmocka_unit_test(image_id_says_nothing_of_the_manifest_s_digest),
		cmocka_unit_test(identity_survives_as_json),
		cmocka_unit_test(identity_that_is_none_is_ebadmsg),
		cmocka_unit_test(identity_fill_keeps_what_is_known),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
