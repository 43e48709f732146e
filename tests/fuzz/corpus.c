/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what the fuzzers start from to DIR: a small trace, a small policy, recordings. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/files/policy_format.h"
#include "lib/policy/files/policy_sign.h"
#include "lib/trace/trace_format.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

/* path's bytes behind a first one, to dir/name. */
static int write_seed(const char *path, char first, const char *dir, const char *name)
{
	_cleanup_free_ char *data = NULL, *whole = NULL, *out = scratch_path(dir, name);
	size_t len;
	int r;

	r = file_read(AT_FDCWD, path, 1 << 24, &data, &len, NULL);
	if (r < 0)
		return r;
	whole = malloc(len + 1);
	if (!whole)
		return -ENOMEM;
	whole[0] = first;
	memcpy(whole + 1, data, len);
	unlink(out);
	return file_create(AT_FDCWD, out, 0644, whole, len + 1);
}

/* The first chunk of a trace, its numbers and what its frame unpacks to, behind a first byte. */
static int seed_chunk(const char *path, char first, const char *dir, const char *name)
{
	_cleanup_free_ char *data = NULL, *out = scratch_path(dir, name);
	_cleanup_free_ uint8_t *raw = malloc(1 << 20);
	uint32_t meta, packed;
	const char *chunk;
	size_t len, n;
	int r;

	r = file_read(AT_FDCWD, path, 1 << 20, &data, &len, NULL);
	if (r < 0 || !raw)
		return r < 0 ? r : -ENOMEM;
	memcpy(&meta, data + 8, sizeof(meta));
	chunk = data + sizeof(struct trace_head) + meta;
	memcpy(&packed, chunk + 16, sizeof(packed));
	raw[0] = (uint8_t)first;
	memcpy(raw + 1, chunk + 4, 12);
	n = ZSTD_decompress(raw + 13, (1 << 20) - 13, chunk + sizeof(struct trace_chunk_head),
			    packed);
	if (ZSTD_isError(n))
		return -EBADMSG;
	unlink(out);
	return file_create(AT_FDCWD, out, 0644, raw, 13 + n);
}

static int write_trace(const char *path)
{
	struct trace_meta m = {.arch = NULL};
	struct trace_writer *w;
	int r;

	r = trace_writer_new(&w, path, &m, NULL);
	for (unsigned i = 0; r == 0 && i < 16; i++) {
		struct lutra_record rec = {.ts_ns = i, .tid = 7, .nr = (__u16)(i & 7)};

		r = trace_writer_add(w, &rec, i & 1 ? "/etc/passwd" : NULL, i & 1 ? 11 : 0);
	}
	for (unsigned i = 0; r == 0 && i < 4; i++) { /* arguments that are no part of the event */
		struct lutra_record rec = {.ts_ns = (__u64)i << 40, .arg = i, .nr = 8};

		r = trace_writer_add(w, &rec, NULL, 0);
	}
	return r < 0 ? r : trace_writer_close(w, 0, NULL);
}

/* A model of one run with two histories and one object, and of one code. */
static int write_model(const char *path)
{
	float head[2] = {1, 2};
	uint64_t histories[2] = {0, 1};
	struct policy_history_count counts[2] = {{0, 3, 0}, {1, 1, 5}};
	struct policy_run_histories run = {counts, 2};
	uint8_t roles[1] = {3};
	char etc[] = "/etc/hosts";
	struct policy_seen seen = {{.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH}, etc, 10, roles};
	struct policy_model m = {.n_runs = 1,
				 .histories = histories,
				 .n_histories = 2,
				 .runs = &run,
				 .seen = &seen,
				 .n_seen = 1};
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r;

	m.calls[0][0] = 5;
	for (int i = 0; i < POLICY_MODEL_LAYERS; i++)
		m.layer[i] = (struct policy_layer){i ? 1 : 2, 1, head, head};
	r = policy_model_encode(&m, &data, &len);
	unlink(path);
	return r < 0 ? r : file_create(AT_FDCWD, path, 0644, data, len);
}

/* A signature, by a key that is thrown away. */
static int write_signature(const char *dir, const char *policy)
{
	_cleanup_free_ char *key = scratch_path(dir, "sample.key"),
			    *pub = scratch_path(dir, "sample.key.pub"),
			    *sig = scratch_path(policy, POLICY_SIGNATURE_FILE),
			    *policies = scratch_path(dir, "policy");
	char public[POLICY_KEY_TEXT];
	int r;

	unlink(key);
	unlink(pub);
	r = policy_key_new(key, public, NULL);
	if (r == 0)
		r = policy_sign(policy, key, public, NULL);
	return r < 0 ? r : write_seed(sig, 4, policies, "signature");
}

/* What the tests import, each behind the number of its format. */
static int write_recordings(const char *dir)
{
	static const char *const files[] = {"adfa-ld/one.txt", "unm.txt",   "strace.txt",
					    "lid-ds-2021.txt", "falco.txt", "strace-plain.txt",
					    "lid-ds-2019.txt"};
	static const char formats[] = {0, 1, 2, 3, 4, 2, 3};
	_cleanup_free_ char *recordings = scratch_path(dir, "import");
	int r = 0;

	mkdir(recordings, 0755);
	for (size_t i = 0; r == 0 && i < sizeof(formats); i++) {
		char path[128], name[16];

		snprintf(path, sizeof(path), "tests/golden/import/%s", files[i]);
		snprintf(name, sizeof(name), "%zu", i);
		r = write_seed(path, formats[i], recordings, name);
	}
	return r;
}

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"

/* What runtimes and engines say, each behind the number of what it is. */
static int write_answers(const char *dir)
{
	static const char *const answers[] = {
		"\0{\"ociVersion\":\"1.0.2\",\"id\":\"" ID
		"\",\"status\":\"creating\",\"pid\":4711,\"bundle\":\"/b\",\"annotations\":{"
		"\"io.kubernetes.pod.name\":\"web\",\"io.kubernetes.cri-o.ImageRef\":\"a@sha256:" ID
		"\"}}",
		"\1[{\"Id\":\"" ID "\",\"Names\":[\"/web\"],\"State\":\"running\"}]",
		"\2{\"Id\":\"" ID "\",\"State\":{\"Running\":true,\"Pid\":4711},\"Image\":"
		"\"sha256:" ID "\",\"Name\":\"/web\",\"Config\":{\"Image\":\"nginx:1\",\"Labels\":{"
		"\"io.kubernetes.pod.namespace\":\"prod\"}}}",
		"\3{\"RepoDigests\":[\"nginx@sha256:" ID "\"],\"Digest\":\"sha256:" ID "\"}",
		"\4{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"" ID "\"}}",
		"\5/kubepods.slice/kubepods-pod6a4d1c3e_90ab_4f5d_8c11_2233445566aa.slice/crio-" ID
		".scope/container",
		"\6docker.io/library/nginx:1@sha256:" ID ",nginx:1",
	};
	_cleanup_free_ char *to = scratch_path(dir, "identity");

	mkdir(to, 0755);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char name[16];
		_cleanup_free_ char *path = NULL;

		snprintf(name, sizeof(name), "%zu", i);
		path = scratch_path(to, name);
		scratch_write(path, answers[i], 1 + strlen(answers[i] + 1));
	}
	return 0;
}

/* Package databases, each behind the number of what it is. */
static int write_packages(const char *dir)
{
	static const char *const databases[] = {
		"\0/.\n/lib/libz.so.1\n/usr/share/doc\n",
		"\1Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2.13.dfsg-1\n\n",
		"\2P:zlib1g\nV:1.2.4-r2\nF:lib\nR:libz.so.1\na:0:0:755\n\n",
	};
	_cleanup_free_ char *to = scratch_path(dir, "package");

	mkdir(to, 0755);
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		char name[16];
		_cleanup_free_ char *path = NULL;

		snprintf(name, sizeof(name), "%zu", i);
		path = scratch_path(to, name);
		scratch_write(path, databases[i], 1 + strlen(databases[i] + 1));
	}
	return 0;
}

/*
 * What a person accepted for the policy: a delta of each kind of entry, signed, replaced, and the
 * signature.
 */
static int write_accepted(const char *dir)
{
	static const char delta[] =
		"{\"format\": 2, \"policy\": \"shop\", \"entries\": ["
		"{\"id\": \"a1\", \"finding\": \"f1\", \"scope\": {\"role\": \"every\","
		" \"operation\": \"open\", \"path\": \"/srv/a.conf\", \"type\": \"file\","
		" \"write\": true, \"extension\": true}, \"text\": \"t\", \"by\": \"root\","
		" \"time\": \"2027-01-31T10:20:30Z\", \"until\": \"2027-02-01T00:00:00Z\","
		" \"reason\": \"r\", \"forced\": false},"
		"{\"id\": \"a2\", \"finding\": \"f2\", \"scope\": {\"role\": \"steady\","
		" \"operation\": \"connect\", \"family\": \"ipv4\", \"address\": \"private\","
		" \"port\": 3306, \"any_port\": true, \"call\": \"connect\"}, \"text\": \"t\","
		" \"by\": \"root\", \"time\": \"2027-01-31T10:20:30Z\", \"until\": null,"
		" \"reason\": null, \"forced\": true},"
		"{\"id\": \"a3\", \"finding\": \"f3\", \"scope\": {\"level\": \"A\","
		" \"threshold\": 4096}, \"text\": \"t\", \"by\": \"root\","
		" \"time\": \"2027-01-31T10:20:30Z\", \"until\": null, \"reason\": null,"
		" \"forced\": false},"
		"{\"id\": \"a4\", \"finding\": \"f4\", \"scope\": {\"role\": \"session\","
		" \"call\": \"ptrace\"}, \"text\": \"t\", \"by\": \"root\","
		" \"time\": \"2027-01-31T10:20:30Z\", \"until\": null, \"reason\": null,"
		" \"forced\": false},"
		"{\"id\": \"a5\", \"finding\": \"f5\", \"scope\": {\"role\": \"spawned\","
		" \"operation\": \"exec\", \"path\": \"/bin/gzip\","
		" \"starter\": \"/usr/sbin/logrotate\"}, \"text\": \"t\", \"by\": \"root\","
		" \"time\": \"2027-01-31T10:20:30Z\", \"until\": null, \"reason\": null,"
		" \"forced\": false}], \"actions\": {\"exec\": \"kill\", \"path-K\": \"log\"},"
		" \"varies\": [\"/srv/cache\"]}";
	_cleanup_free_ char *to = scratch_path(dir, "accepted");
	_cleanup_free_ char *plain = scratch_path(dir, "accepted.json");
	_cleanup_free_ char *sig = scratch_path(dir, "sample/" POLICY_SIGNATURE_FILE);
	int r = 0;

	mkdir(to, 0755);
	scratch_write(plain, delta, sizeof(delta) - 1);
	for (char kind = 0; kind < 4 && r == 0; kind++) {
		char name[] = {'0', '\0'};

		name[0] = (char)(name[0] + kind);
		r = write_seed(kind == 2 ? sig : plain, kind, to, name);
	}
	return r;
}

static int write_all(const char *dir)
{
	_cleanup_free_ char *traces = scratch_path(dir, "trace"),
			    *policies = scratch_path(dir, "policy");
	_cleanup_free_ char *trace = scratch_path(dir, "sample.ltr");
	_cleanup_free_ char *policy = scratch_path(dir, "sample");
	_cleanup_free_ char *model = scratch_path(dir, "sample.lut");
	_cleanup_free_ char *tables = scratch_path(policy, POLICY_TABLES_FILE);
	_cleanup_free_ char *json = scratch_path(policy, POLICY_JSON_FILE);
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	int r;

	mkdir(traces, 0755);
	mkdir(policies, 0755);
	unlink(trace);
	r = write_trace(trace);
	if (r == 0)
		r = policy_save(p, policy, NULL);
	if (r == 0)
		r = write_seed(trace, 0, traces, "whole");
	if (r == 0)
		r = seed_chunk(trace, 3, traces, "columns");
	if (r == 0)
		r = write_seed(tables, 1, policies, "tables");
	if (r == 0)
		r = write_model(model);
	if (r == 0)
		r = write_seed(model, 2, policies, "model");
	if (r == 0)
		r = write_signature(dir, policy);
	if (r == 0)
		r = write_recordings(dir);
	if (r == 0)
		r = write_answers(dir);
	if (r == 0)
		r = write_packages(dir);
	if (r == 0)
		r = write_accepted(dir);
	return r < 0 ? r : write_seed(json, 0, policies, "json");
}

int main(int argc, char **argv)
{
	int r = argc == 2 ? write_all(argv[1]) : -EINVAL;

	if (r < 0)
		fprintf(stderr, "corpus DIR: %s\n", strerror(-r));
	return r < 0;
}
