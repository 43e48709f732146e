/* SPDX-License-Identifier: Apache-2.0 */
/* States that hooks get, annotations, bundles and container storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/scratch.h"
#include "user/identity/bundle.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"
#define IMAGE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST "sha256:c0ffee2233445566778899aabbccddeeff00112233445566778899aabbccddee"

/* ---- states ---- */

static void state_says_id_process_bundle_and_annotations(void **state)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.2\",\"id\":\"" ID "\",\"status\":\"creating\",\"pid\":4711,"
		"\"bundle\":\"/b\",\"annotations\":{\"io.kubernetes.pod.name\":\"web\"},"
		"\"root\":\"/r\"}";
	_cleanup_(oci_state_done) struct oci_state s = {};
	_cleanup_(identity_done) struct identity w = {};

	(void)state;
	assert_int_equal(oci_state_from_json(text, strlen(text), &s, NULL), 0);
	assert_string_equal(s.id, ID);
	assert_string_equal(s.bundle, "/b");
	assert_int_equal(s.pid, 4711);
	assert_int_equal(identity_from_annotations(&w, s.annotations), 0);
	assert_string_equal(w.pod, "web");
}

/* At poststop there is no process. */
static void state_may_have_no_process(void **state)
{
	static const char text[] = "{\"id\":\"shop\",\"annotations\":null}";
	_cleanup_(oci_state_done) struct oci_state s = {};

	(void)state;
	assert_int_equal(oci_state_from_json(text, strlen(text), &s, NULL), 0);
	assert_int_equal(s.pid, 0);
	assert_null(s.bundle);
	assert_null(s.annotations);
}

static void state_that_is_none_is_ebadmsg(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"id\":\"\"}",
		"{\"id\":7}",
		"{\"id\":\"x\",\"pid\":-1}",
		"{\"id\":\"x\",\"pid\":4294967296}",
		"{\"id\":\"x\",\"pid\":\"1\"}",
		"{\"id\":\"x\",\"bundle\":{}}",
		"{\"id\":\"x\"} {",
		"{\"id\":\"x\\u0000y\"}",
	};
	struct oci_state s = {};
	struct err err = {};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("# %s\n", bad[i]);
		assert_int_equal(oci_state_from_json(bad[i], strlen(bad[i]), &s, &err), -EBADMSG);
		assert_null(s.id);
	}
}

static void state_with_a_bundle_that_is_no_path_is_ebadmsg(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct oci_state s = {};

	(void)state;
	assert_true(asprintf(&text, "{\"id\":\"x\",\"bundle\":\"/%0*d\"}", PATH_MAX, 0) > 0);
	assert_int_equal(oci_state_from_json(text, strlen(text), &s, NULL), -EBADMSG);
}

/* ---- annotations ---- */

static void annotations_of_cri_o_and_containerd_are_known(void **state)
{
	json_auto_t *crio = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "io.kubernetes.pod.name", "web-7f",
		"io.kubernetes.pod.namespace", "prod", "io.kubernetes.pod.uid", "u-1",
		"io.kubernetes.container.name", "nginx", "io.kubernetes.cri-o.ImageName",
		"registry.example/a/nginx:1", "io.kubernetes.cri-o.ImageRef",
		"registry.example/a/nginx@" DIGEST, "io.kubernetes.cri-o.Name",
		"k8s_nginx_web-7f_prod_u-1_0", "io.kubernetes.cri-o.Created", 5);
	json_auto_t *cri = json_pack(
		"{s:s, s:s, s:s, s:s, s:s}", "io.kubernetes.cri.sandbox-name", "web-7f",
		"io.kubernetes.cri.sandbox-namespace", "prod", "io.kubernetes.cri.sandbox-uid",
		"u-1", "io.kubernetes.cri.container-name", "nginx", "io.kubernetes.cri.image-name",
		"registry.example/a/nginx:1@" DIGEST);
	const json_t *const both[] = {crio, cri};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(identity_done) struct identity w = {};

		assert_int_equal(identity_from_annotations(&w, both[i]), 0);
		assert_int_equal(w.engine, i == 0 ? ENGINE_CRIO : ENGINE_CONTAINERD);
		assert_string_equal(w.pod, "web-7f");
		assert_string_equal(w.pod_namespace, "prod");
		assert_string_equal(w.pod_uid, "u-1");
		assert_string_equal(w.pod_container, "nginx");
		assert_int_equal(strncmp(w.image, "registry.example/a/nginx:1", 26), 0);
		assert_string_equal(w.digest, DIGEST);
	}
}

static void annotations_tell_an_image_s_id_from_a_digest(void **state)
{
	static const struct {
		const char *key, *value, *image_id, *digest;
	} cases[] = {
		{"io.kubernetes.cri-o.ImageRef", IMAGE, "sha256:" IMAGE, NULL},
		{"io.kubernetes.cri-o.ImageRef", "sha256:" IMAGE, "sha256:" IMAGE, NULL},
		{"io.kubernetes.cri-o.ImageRef", "a/b@" DIGEST, NULL, DIGEST},
		{"io.kubernetes.cri.image-name", "sha256:" IMAGE, "sha256:" IMAGE, NULL},
		{"io.kubernetes.cri.image-name", "a/b@" DIGEST, NULL, DIGEST},
		{"io.kubernetes.cri.image-name", "a/b:1", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(identity_done) struct identity w = {};
		json_auto_t *j = json_pack("{s:s}", cases[i].key, cases[i].value);

		print_message("# %s\n", cases[i].value);
		assert_int_equal(identity_from_annotations(&w, j), 0);
		assert_string_equal(w.image_id ? w.image_id : "",
				    cases[i].image_id ? cases[i].image_id : "");
		assert_string_equal(w.digest ? w.digest : "",
				    cases[i].digest ? cases[i].digest : "");
	}
}

static void annotations_that_say_nothing_leave_nothing(void **state)
{
	json_auto_t *j =
		json_pack("{s:s, s:i, s:s}", "io.kubernetes.pod.name", "", "io.kubernetes.pod.uid",
			  5, "io.kubernetes.cri-o.ImageRef", "no digest");
	struct identity w = {};

	(void)state;
	assert_int_equal(identity_from_annotations(&w, j), 0);
	assert_int_equal(identity_from_annotations(&w, NULL), 0);
	assert_null(w.pod);
	assert_null(w.pod_uid);
	assert_null(w.digest);
}

/* ---- bundles ---- */

struct fixture {
	char *dir;
	char *bundle;
	struct identity w;
};

static void write_bundle_file(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = scratch_path(dir, name);

	scratch_write(path, text, strlen(text));
}

static void make_bundle_dir(const char *dir, const char *name)
{
	_cleanup_free_ char *path = scratch_path(dir, name);

	assert_int_equal(mkdir(path, 0700), 0);
}

static int bundle_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->dir = scratch_dir();
	make_bundle_dir(f->dir, "vfs-images");
	make_bundle_dir(f->dir, "vfs-containers");
	make_bundle_dir(f->dir, "vfs-containers/" ID);
	make_bundle_dir(f->dir, "vfs-containers/" ID "/userdata");
	f->bundle = scratch_path(f->dir, "vfs-containers/" ID "/userdata");
	return identity_set(&f->w.id, ID);
}

static int bundle_teardown(void **state)
{
	struct fixture *f = *state;

	identity_done(&f->w);
	free(f->bundle);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static void put_storage(const struct fixture *f)
{
	write_bundle_file(
		f->dir, "vfs-containers/containers.json",
		"[{\"id\":\"other\",\"names\":[\"o\"],\"image\":\"" ID "\"},"
		"{\"id\":\"" ID "\",\"names\":[\"web\"],\"image\":\"" IMAGE
		"\",\"metadata\":\"{\\\"image-name\\\":\\\"localhost/shop:1\\\",\\\"name\\\":"
		"\\\"web\\\"}\"}]");
	write_bundle_file(f->dir, "vfs-images/images.json",
			  "[{\"id\":\"" IMAGE "\",\"digest\":\"" DIGEST "\"}]");
}

static void bundle_in_container_storage_names_container_and_image(void **state)
{
	struct fixture *f = *state;
	struct err err;

	put_storage(f);
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), 0);
	assert_string_equal(f->w.name, "web");
	assert_string_equal(f->w.image, "localhost/shop:1");
	assert_string_equal(f->w.image_id, "sha256:" IMAGE);
	assert_string_equal(f->w.digest, DIGEST);
}

static void bundle_s_annotations_come_before_the_storage(void **state)
{
	struct fixture *f = *state;
	struct err err;

	put_storage(f);
	write_bundle_file(f->bundle, "config.json",
			  "{\"annotations\":{\"io.kubernetes.cri-o.ImageName\":\"registry.example/"
			  "a/shop:1\"}}");
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), 0);
	assert_int_equal(f->w.engine, ENGINE_CRIO);
	assert_string_equal(f->w.image, "registry.example/a/shop:1");
	assert_string_equal(f->w.name, "web");
}

static void bundle_that_is_not_there_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err;

	assert_int_equal(identity_from_bundle(&f->w, "/no/such/bundle", &err), 0);
	assert_int_equal(identity_from_bundle(&f->w, "", &err), 0);
	assert_int_equal(identity_from_bundle(&f->w, "/userdata", &err), 0);
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), 0);
	assert_null(f->w.image);
}

static void bundle_s_garbage_is_refused_and_the_rest_taken(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	put_storage(f);
	write_bundle_file(f->bundle, "config.json", "{\"annotations\":{");
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "config.json"));
	assert_string_equal(f->w.image, "localhost/shop:1");
}

static void storage_garbage_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = {};

	write_bundle_file(f->dir, "vfs-containers/containers.json", "[{\"id\":");
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "containers.json"));
	write_bundle_file(f->dir, "vfs-containers/containers.json",
			  "[5, {\"id\":5}, {\"id\":\"" ID
			  "\",\"names\":5,\"image\":\"short\",\"metadata\":\"{\"}]");
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), 0);
	assert_null(f->w.name);
	assert_null(f->w.image_id);
}

/* Podman keeps a container of `podman run --rm` there, and nothing of it in containers.json. */
static void storage_has_a_second_list_of_containers(void **state)
{
	static const char *const first[] = {NULL, "[]", "[{\"id\":"};
	struct fixture *f = *state;

	write_bundle_file(f->dir, "vfs-containers/volatile-containers.json",
			  "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"image\":\"" IMAGE
			  "\",\"metadata\":\"{\\\"image-name\\\":\\\"localhost/shop:1\\\"}\"}]");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct err err = {};
		int r;

		identity_done(&f->w);
		assert_int_equal(identity_set(&f->w.id, ID), 0);
		if (first[i])
			write_bundle_file(f->dir, "vfs-containers/containers.json", first[i]);
		r = identity_from_bundle(&f->w, f->bundle, &err);
		assert_int_equal(r, i == 2 ? -EBADMSG : 0);
		assert_string_equal(f->w.name, "web");
		assert_string_equal(f->w.image, "localhost/shop:1");
	}
}

static void storage_names_an_image_that_was_started_by_its_id(void **state)
{
	struct fixture *f = *state;
	struct err err;

	write_bundle_file(f->dir, "vfs-containers/containers.json",
			  "[{\"id\":\"" ID "\",\"image\":\"" IMAGE
			  "\",\"metadata\":\"{\\\"image-name\\\":\\\"001122334455\\\"}\"}]");
	write_bundle_file(f->dir, "vfs-images/images.json",
			  "[{\"id\":\"" IMAGE "\",\"digest\":\"" DIGEST
			  "\",\"names\":[5,\"localhost/shop:1\",\"localhost/shop:2\"],"
			  "\"big-data-digests\":{\"manifest\":\"" DIGEST
			  "\",\"manifest-2\":\"sha256:" ID "\",\"sig\":\"sha256:" IMAGE "\"}}]");
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), 0);
	assert_string_equal(f->w.image, "localhost/shop:1");
	assert_string_equal(f->w.digest, DIGEST);
	assert_string_equal(f->w.aliases, "@sha256:" ID " localhost/shop:2");
	assert_true(identity_has_digest(&f->w, "sha256:" ID));
	assert_false(identity_has_digest(&f->w, "sha256:" IMAGE));
}

static void config_that_is_huge_is_efbig(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->bundle, "config.json");
	struct err err = {};

	write_bundle_file(f->bundle, "config.json", "{}");
	assert_int_equal(truncate(path, OCI_CONFIG_MAX + 1), 0);
	assert_int_equal(identity_from_bundle(&f->w, f->bundle, &err), -EFBIG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, bundle_setup, bundle_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_says_id_process_bundle_and_annotations),
		cmocka_unit_test(state_may_have_no_process),
		cmocka_unit_test(state_that_is_none_is_ebadmsg),
		cmocka_unit_test(state_with_a_bundle_that_is_no_path_is_ebadmsg),
		cmocka_unit_test(annotations_of_cri_o_and_containerd_are_known),
		cmocka_unit_test(annotations_tell_an_image_s_id_from_a_digest),
		cmocka_unit_test(annotations_that_say_nothing_leave_nothing),
		T(bundle_in_container_storage_names_container_and_image),
		T(bundle_s_annotations_come_before_the_storage),
		T(bundle_that_is_not_there_says_nothing),
		T(bundle_s_garbage_is_refused_and_the_rest_taken),
		T(storage_garbage_is_refused),
		T(storage_has_a_second_list_of_containers),
		T(storage_names_an_image_that_was_started_by_its_id),
		T(config_that_is_huge_is_efbig),
	};

	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
