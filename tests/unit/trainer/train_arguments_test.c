/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's scalar arguments: collected from runs, bounded, saved, loaded, joined by updates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <string.h>
#include <assert.h>
#include <sys/syscall.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"
#include "lib/trace/trace.h"
#include "tests/support/scratch.h"
#include "trainer/model/tables/update.h"
#include "trainer/train.h"

enum { SOCKET, SOCKETPAIR, CLONE, PERSONALITY, PRCTL, UNSHARE, SETNS };

struct fixture {
	char *dir, *policy;
};

static int train_arguments_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	f->policy = scratch_path(f->dir, "p");
	*state = f;
	return 0;
}

static int train_arguments_teardown(void **state)
{
	struct fixture *f = *state;

	scratch_remove(f->dir);
	free(f->policy);
	free(f);
	return 0;
}

/* A call with arguments. */
struct step {
	unsigned nr;
	uint32_t first, second;
};

/* A trace of these calls, in dir. */
static char *write_trace(const char *dir, const char *name, const char *source,
			 const struct step *steps, size_t n)
{
	char *path = scratch_path(dir, name);
	struct trace_meta meta = {.image = strdup("made"),
				  .container_id = strdup(""),
				  .host = strdup(""),
				  .kernel = strdup(""),
				  .arch = strdup("x86_64"),
				  .source = strdup(source)};
	struct trace_writer *w;
	struct err err = {};

	if (trace_writer_new(&w, path, &meta, &err) < 0)
		fail_msg("%s", err.msg);
	trace_meta_done(&meta);
	for (size_t i = 0; i < n; i++) {
		struct lutra_record rec = {.type = LUTRA_RECORD_SYSCALL,
					   .tid = 10,
					   .tgid = 10,
					   .ts_ns = 1000000 * (i + 1),
					   .nr = (uint16_t)steps[i].nr,
					   .arg = steps[i].first | (uint64_t)steps[i].second << 32};

		assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	}
	assert_int_equal(trace_writer_close(w, 0, NULL), 0);
	return path;
}

/* Train on the trace at path, which is removed; old: a policy to update, or NULL. */
static void train_on(const char *path, const struct policy *old, struct policy **ret)
{
	const struct train_options options = {
		.old = old, .image = "made", .seed = 1, .threads = 1, .mode = LUTRA_MODE_AUDIT};
	_cleanup_(corpus_done) struct corpus c;
	struct err err = {};

	assert_int_equal(corpus_init(&c), 0);
	if (old && update_restore_corpus(old, &c, &err) < 0)
		fail_msg("%s", err.msg);
	if (corpus_load(&c, path, false, &err) < 0 ||
	    train_policy(&c, &options, NULL, ret, &err) < 0)
		fail_msg("%s", err.msg);
	assert(*ret);
}

static void assert_values(const struct policy *p, unsigned i, const uint64_t *want, uint32_t n)
{
	assert_false(p->args.call[i].any);
	assert_int_equal(p->args.call[i].n, n);
	assert_memory_equal(p->args.call[i].value, want, n * sizeof(*want));
}

static const struct step benign[] = {
	{SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC},
	{SYS_socket, AF_INET, SOCK_STREAM},
	{SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK},
	{SYS_prctl, PR_SET_NAME, 0x1234},
	{SYS_clone, CLONE_VM | CLONE_THREAD, 77},
	{SYS_unshare, CLONE_NEWNET | CLONE_FILES, 0},
	{SYS_setns, CLONE_NEWNET, 5},
	{SYS_read, 9, 9},
};
#define N_BENIGN (sizeof(benign) / sizeof(benign[0]))

static void train_arguments_keep_those_a_filter_can_compare(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = write_trace(f->dir, "a.ltr", "lsm", benign, N_BENIGN);
	_cleanup_(policy_freep) struct policy *p = NULL;
	const uint64_t sockets[] = {AF_UNIX | 1ull << 32, AF_INET | 1ull << 32};
	const uint64_t prctls[] = {PR_SET_NAME}, none[] = {0}, net[] = {CLONE_NEWNET};

	train_on(path, NULL, &p);
	assert_values(p, SOCKET, sockets, 2);
	assert_values(p, PRCTL, prctls, 1);
	assert_values(p, CLONE, none, 1);
	assert_values(p, UNSHARE, net, 1);
	assert_values(p, SETNS, net, 1);
	assert_int_equal(p->args.call[PERSONALITY].n, 0);
	assert_false(p->args.call[PERSONALITY].any);
}

static void train_arguments_survive_saving_with_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = write_trace(f->dir, "a.ltr", "tracepoint", benign, N_BENIGN);
	_cleanup_free_ char *again = scratch_path(f->dir, "q"), *a = NULL, *b = NULL;
	_cleanup_free_ char *file_a = scratch_path(f->policy, POLICY_JSON_FILE);
	_cleanup_free_ char *file_b = scratch_path(again, POLICY_JSON_FILE);
	_cleanup_(policy_freep) struct policy *p = NULL, *q = NULL;
	size_t len;

	train_on(path, NULL, &p);
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_memory_equal(&p->args, &q->args, sizeof(p->args));
	assert_int_equal(policy_load_model(q, f->policy, NULL), 0);
	assert_int_equal(policy_save(q, again, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, file_a, POLICY_JSON_MAX, &a, &len, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, file_b, POLICY_JSON_MAX, &b, &len, NULL), 0);
	assert_string_equal(a, b);
}

static void train_arguments_past_the_bound_are_any(void **state)
{
	struct fixture *f = *state;
	struct step steps[POLICY_ARGS_VALUES + 1];
	_cleanup_free_ char *path = NULL;
	_cleanup_(policy_freep) struct policy *p = NULL;

	for (uint32_t i = 0; i <= POLICY_ARGS_VALUES; i++)
		steps[i] = (struct step){SYS_prctl, 100 - i, 0};
	path = write_trace(f->dir, "a.ltr", "lsm", steps, POLICY_ARGS_VALUES + 1);
	train_on(path, NULL, &p);
	assert_true(p->args.call[PRCTL].any);
	assert_int_equal(p->args.call[PRCTL].n, 0);
}

static void train_arguments_are_any_if_a_recording_has_none(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = write_trace(f->dir, "a.ltr", "adfa-ld", benign, N_BENIGN);
	_cleanup_(policy_freep) struct policy *p = NULL;

	train_on(path, NULL, &p);
	assert_true(p->args.call[SOCKET].any);
	assert_false(p->args.call[SOCKETPAIR].any);
}

static void train_arguments_are_merged_in_an_update(void **state)
{
	static const struct step more[] = {{SYS_socket, AF_INET6, SOCK_DGRAM},
					   {SYS_prctl, PR_SET_NAME, 0},
					   {SYS_personality, 8, 0}};
	struct fixture *f = *state;
	_cleanup_free_ char *one = write_trace(f->dir, "a.ltr", "lsm", benign, N_BENIGN);
	_cleanup_free_ char *two = write_trace(f->dir, "b.ltr", "lsm", more, 3);
	_cleanup_(policy_freep) struct policy *p = NULL, *old = NULL, *q = NULL;
	const uint64_t sockets[] = {AF_UNIX | 1ull << 32, AF_INET | 1ull << 32,
				    AF_INET6 | 2ull << 32};
	const uint64_t prctls[] = {PR_SET_NAME}, personalities[] = {8};

	train_on(one, NULL, &p);
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	assert_int_equal(policy_load(&old, f->policy, NULL), 0);
	assert_int_equal(policy_load_model(old, f->policy, NULL), 0);
	train_on(two, old, &q);
	assert_values(q, SOCKET, sockets, 3);
	assert_values(q, PRCTL, prctls, 1);
	assert_values(q, PERSONALITY, personalities, 1);
}

/* The policy's json with one thing replaced; what loading it says. */
static int load_edited(const struct fixture *f, const char *from, const char *to,
		       struct policy **ret)
{
	_cleanup_free_ char *file = scratch_path(f->policy, POLICY_JSON_FILE), *json = NULL;
	_cleanup_free_ char *out = NULL;
	struct err err = {};
	size_t len;
	char *at;

	assert_int_equal(file_read(AT_FDCWD, file, POLICY_JSON_MAX, &json, &len, NULL), 0);
	at = strstr(json, from);
	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) > 0);
	scratch_write(file, out, strlen(out));
	return policy_load(ret, f->policy, &err);
}

static void train_arguments_are_refused_if_impossible(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"\"prctl\": [", "\"prctl\": [15.5, "},
		{"\"prctl\": [", "\"prctl\": [-1, "},
		{"\"prctl\": [", "\"prctl\": [4294967296, "},
		{"\"prctl\": [", "\"prctl\": [15, "},
		{"\"prctl\": [", "\"prctl\": [[15], "},
		{"\"prctl\": [", "\"ioctl\": ["},
		{"\"prctl\": [", "\"personality\": ["},
		{"\"clone\": [", "\"clone\": [256, "},
		{"\"socket\": [", "\"socket\": [1, "},
		{"\"socket\": [", "\"socket\": [[1, 16], "},
		{"\"arguments\": {", "\"arguments\": {\"setns\": [], "},
		{"\"arguments\": {", "\"argument\": {"},
		{"\"format\": 4", "\"format\": 1"},
	};
	struct fixture *f = *state;
	_cleanup_free_ char *path = write_trace(f->dir, "a.ltr", "lsm", benign, N_BENIGN);
	_cleanup_(policy_freep) struct policy *p = NULL, *q = NULL;

	train_on(path, NULL, &p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(policy_save(p, f->policy, NULL), 0);
		print_message("%s -> %s\n", cases[i].from, cases[i].to);
		assert_int_equal(load_edited(f, cases[i].from, cases[i].to, &q), -EBADMSG);
		assert_null(q);
	}
}

static void train_arguments_are_any_in_an_older_policy(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = write_trace(f->dir, "a.ltr", "adfa-ld", benign, N_BENIGN);
	_cleanup_(policy_freep) struct policy *p = NULL, *q = NULL;

	train_on(path, NULL, &p);
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	assert_int_equal(load_edited(f, ",\n \"arguments\": {}", "", &q), -EBADMSG);
	/* A policy that old has a level A in place of M. */
	assert_int_equal(load_edited(f, "\"M\": \"log\"", "\"A\": \"log\"", &q), -EBADMSG);
	assert_int_equal(load_edited(f, "\"format\": 4", "\"format\": 1", &q), 0);
	assert_true(q->args.call[PRCTL].any);
	assert_false(q->args.call[PERSONALITY].any);
}

static void train_arguments_have_words(void **state)
{
	static const struct {
		unsigned i;
		uint64_t value;
		const char *want;
	} cases[] = {
		{SOCKET, AF_INET | 1ull << 32, "ipv4 stream"},
		{SOCKETPAIR, AF_UNIX | 5ull << 32, "unix seqpacket"},
		{CLONE, 0, "none"},
		{UNSHARE, CLONE_NEWUSER | CLONE_NEWNET, "user+net"},
		{SETNS, 0, "of any kind"},
		{PRCTL, PR_SET_NAME, "set-name"},
		{PRCTL, 0x53564d41, "0x53564d41"},
		{PERSONALITY, 0x20000, "0x20000"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		policy_args_name(cases[i].i, cases[i].value, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].want);
	}
	policy_args_name(UNSHARE, CLONE_NEWUSER | CLONE_NEWNET, buf, 4);
	assert_string_equal(buf, "use");
}

#define T(f) cmocka_unit_test_setup_teardown(f, train_arguments_setup, train_arguments_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(train_arguments_keep_those_a_filter_can_compare),
		T(train_arguments_survive_saving_with_the_same_bytes),
		T(train_arguments_past_the_bound_are_any),
		T(train_arguments_are_any_if_a_recording_has_none),
		T(train_arguments_are_merged_in_an_update),
		T(train_arguments_are_refused_if_impossible),
		T(train_arguments_are_any_in_an_older_policy),
		T(train_arguments_have_words),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
