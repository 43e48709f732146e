/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles: made of policies, joined, read from hostile files, asked and installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <string.h>

#include "lib/abi/syscall_traits.h"
#include "lib/trace/trace.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/seccomp/cbpf.h"
#include "user/seccomp/check.h"
#include "user/seccomp/export.h"
#include "user/seccomp/filter.h"
#include "user/seccomp/merge.h"
#include "user/seccomp/relatives.h"

#define EPERM_ACTION SCMP_ACT_ERRNO(EPERM)
#define ENOSYS_ACTION SCMP_ACT_ERRNO(ENOSYS)
#define NO_FAMILY SCMP_ACT_ERRNO(EAFNOSUPPORT)

static void know_syscall(struct policy *p, unsigned nr)
{
	p->token[LUTRA_ROLE_STEADY][nr] = LUTRA_TOKEN0;
}

static void know_value(struct policy *p, unsigned nr, uint64_t value)
{
	know_syscall(p, nr);
	policy_args_add(&p->args, (unsigned)policy_args_find("x86_64", nr), value);
}

static struct profile *export_as(const struct policy *p, bool notify)
{
	const struct export_options o = {.notify = notify, .listener = "/run/agent.sock"};
	struct profile *profile;
	unsigned unnamed;
	struct err err;

	if (export_profile(p, &o, &profile, &unnamed, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(unnamed, 0);
	return profile;
}

/* What the filter of a profile says of a call. */
static uint32_t filter_action(const struct profile *p, uint32_t arch, unsigned nr, uint64_t arg0,
			      uint64_t arg1)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {arg0, arg1}};
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = NULL;
	_cleanup_free_ struct sock_filter *program = NULL;
	struct err err = {};
	uint32_t action;
	size_t n = 0;

	if (filter_new(&f, p, &err) < 0 || filter_program(f, &program, &n, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(cbpf_run(program, n, &data, &action), 0);
	return action;
}

#define ASK(p, nr, a, b) filter_action(p, AUDIT_ARCH_X86_64, nr, a, b)

/* A policy of a service with some sockets and a thread. */
static struct policy *service_policy(void)
{
	struct policy *p = sample_policy();

	know_value(p, SYS_socket, AF_INET | 1ull << 32);
	know_value(p, SYS_socket, AF_UNIX | 2ull << 32);
	know_syscall(p, SYS_clone3);
	know_syscall(p, SYS_getuid);
	return p;
}

static const struct {
	uint64_t nr, arg0, arg1;
	uint32_t want;
} answers[] = {
	{SYS_read, 0, 0, SCMP_ACT_ALLOW},
	{SYS_getuid, 0, 0, SCMP_ACT_ALLOW},
	{SYS_restart_syscall, 0, 0, SCMP_ACT_ALLOW},
	{SYS_execve, 0, 0, SCMP_ACT_ALLOW},
	{SYS_getitimer, 0, 0, ENOSYS_ACTION},
	{499, 0, 0, ENOSYS_ACTION},
	{SYS_mount, 0, 0, EPERM_ACTION},
	{SYS_ptrace, 0, 0, EPERM_ACTION},
	{SYS_bpf, 0, 0, EPERM_ACTION},
	{SYS_keyctl, 0, 0, EPERM_ACTION},
	{SYS_unshare, CLONE_NEWUSER, 0, EPERM_ACTION},
	{SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, SCMP_ACT_ALLOW},
	{SYS_socket, 0xabcd00000000 | AF_INET, SOCK_STREAM, SCMP_ACT_ALLOW},
	{SYS_socket, AF_INET, SOCK_DGRAM, EPERM_ACTION},
	{SYS_socket, AF_INET, SOCK_RAW | SOCK_CLOEXEC, EPERM_ACTION},
	{SYS_socket, AF_UNIX, SOCK_DGRAM, SCMP_ACT_ALLOW},
	{SYS_socket, AF_NETLINK, SOCK_RAW, NO_FAMILY},
	{SYS_socket, AF_VSOCK, SOCK_STREAM, NO_FAMILY},
	{SYS_socket, 63, SOCK_STREAM, NO_FAMILY},
	{SYS_socket, 64, SOCK_STREAM, NO_FAMILY},
	{SYS_socket, UINT32_MAX, SOCK_STREAM, NO_FAMILY},
	{SYS_socketpair, AF_UNIX, SOCK_STREAM, NO_FAMILY},
	{SYS_kill, INT32_MAX, SIGKILL, ENOSYS_ACTION},
	{SYS_kill, INT32_MAX, 0, SCMP_ACT_ALLOW},
	{SYS_kill, 0, SIGTERM, SCMP_ACT_ALLOW},
	{SYS_tkill, INT32_MAX, SIGABRT, SCMP_ACT_ALLOW},
	{SYS_tkill, INT32_MAX, SIGKILL, ENOSYS_ACTION},
	{SYS_getpeername, 0, 0, SCMP_ACT_ALLOW},
	{SYS_pipe, 0, 0, SCMP_ACT_ALLOW},
	{SYS_dup2, 0, 0, SCMP_ACT_ALLOW},
	{SYS_connect, 0, 0, ENOSYS_ACTION},
	{SYS_clone3, 0, 0, ENOSYS_ACTION},
	{SYS_clone, CLONE_VM | CLONE_THREAD, 0, SCMP_ACT_ALLOW},
	{SYS_clone, CLONE_NEWUSER | 17, 0, EPERM_ACTION},
	{SYS_clone, CLONE_NEWNET | CLONE_VM, 0, EPERM_ACTION},
	{SYS_prctl, PR_CAPBSET_DROP, 1, SCMP_ACT_ALLOW},
	{SYS_prctl, PR_SET_MM, 1, ENOSYS_ACTION},
};
#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

static void seccomp_export_allows_what_was_seen_and_refuses_the_rest(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = export_as(p, false);

	(void)state;
	for (size_t i = 0; i < N_ANSWERS; i++) {
		print_message("call %u %#llx\n", (unsigned)answers[i].nr,
			      (unsigned long long)answers[i].arg0);
		assert_int_equal(
			ASK(profile, (unsigned)answers[i].nr, answers[i].arg0, answers[i].arg1),
			answers[i].want);
	}
	assert_int_equal(filter_action(profile, AUDIT_ARCH_I386, 3, 0, 0), SCMP_ACT_KILL_THREAD);
	assert_int_equal(ASK(profile, 0x40000000, 0, 0), SCMP_ACT_KILL_THREAD);
}

/* The calls that do nothing where they are refused, made by a child under the filter. */
static void seccomp_kernel_answers_as_the_interpreter_does(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = export_as(p, false);
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = NULL;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(filter_new(&f, profile, NULL), 0);
	assert_int_equal(filter_try(f, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	for (size_t i = 0; pid == 0 && i < N_ANSWERS; i++) {
		long r;

		if (i == 0 && filter_install(f) < 0)
			_exit(100);
		if (answers[i].want == SCMP_ACT_ALLOW)
			continue;
		r = syscall((long)answers[i].nr, answers[i].arg0, answers[i].arg1, 0, 0, 0);
		if (r != -1 || errno != (int)(answers[i].want & SECCOMP_RET_DATA))
			_exit((int)i + 1);
	}
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void seccomp_export_reads_back_as_the_same_bytes(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = export_as(p, true), *again = NULL;
	_cleanup_free_ char *a = NULL, *b = NULL;
	struct err err = {};

	(void)state;
	a = profile_to_json(profile);
	assert_non_null(a);
	if (profile_from_json(&again, a, strlen(a), &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(again->listener, "/run/agent.sock");
	b = profile_to_json(again);
	assert_non_null(b);
	assert_string_equal(a, b);
}

static void seccomp_export_asks_the_agent_about_dangerous_calls_that_are_known(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = NULL, *plain = NULL;

	(void)state;
	know_syscall(p, SYS_mount);
	know_value(p, SYS_unshare, CLONE_NEWNET);
	know_value(p, SYS_clone, CLONE_NEWPID);
	plain = export_as(p, false);
	profile = export_as(p, true);
	assert_null(plain->listener);
	assert_int_equal(ASK(plain, SYS_mount, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(profile, SYS_mount, 0, 0), SCMP_ACT_NOTIFY);
	assert_int_equal(ASK(profile, SYS_unshare, CLONE_NEWNET | CLONE_FS, 0), SCMP_ACT_NOTIFY);
	assert_int_equal(ASK(profile, SYS_unshare, CLONE_NEWUSER, 0), EPERM_ACTION);
	assert_int_equal(ASK(profile, SYS_clone, CLONE_NEWPID | 17, 0), SCMP_ACT_NOTIFY);
	assert_int_equal(ASK(profile, SYS_clone, 17, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(profile, SYS_read, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(profile, SYS_umount2, 0, 0), EPERM_ACTION);
}

static void seccomp_export_of_any_namespace_lets_clone3_through(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = NULL;

	(void)state;
	policy_args_add_any(&p->args, (unsigned)policy_args_find("x86_64", SYS_clone));
	know_syscall(p, SYS_clone);
	profile = export_as(p, false);
	assert_int_equal(ASK(profile, SYS_clone3, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(profile, SYS_clone, CLONE_NEWUSER, 0), SCMP_ACT_ALLOW);
}

static void seccomp_export_of_another_machine_is_enotsup(void **state)
{
	const struct export_options o = {0};
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	struct profile *profile = NULL;
	unsigned unnamed;
	struct err err;

	(void)state;
	free(p->arch);
	p->arch = strdup("i386");
	assert_int_equal(export_profile(p, &o, &profile, &unnamed, &err), -ENOTSUP);
	assert_null(profile);
}

/* ---- merging ---- */

static struct profile *merge_two(struct profile *a, struct profile *b)
{
	struct profile *ret;
	struct err err;

	if (merge_profiles(a, b, &ret, &err) < 0)
		fail_msg("%s", err.msg);
	return ret;
}

static void seccomp_merge_allows_what_any_allows(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy(), *q = sample_policy();
	_cleanup_(profile_freep) struct profile *a = export_as(p, false), *b = NULL, *m = NULL;

	(void)state;
	know_value(q, SYS_socket, AF_NETLINK | 3ull << 32);
	know_value(q, SYS_clone, CLONE_NEWNET);
	know_syscall(q, SYS_mount);
	b = export_as(q, false);
	m = merge_two(a, b);
	assert_int_equal(ASK(m, SYS_mount, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_getuid, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_socket, AF_NETLINK, SOCK_RAW), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_socket, AF_INET, SOCK_STREAM), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_socket, AF_VSOCK, SOCK_STREAM), NO_FAMILY);
	assert_int_equal(ASK(m, SYS_clone, CLONE_NEWNET, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_clone, CLONE_NEWUSER, 0), EPERM_ACTION);
	assert_int_equal(ASK(m, SYS_ptrace, 0, 0), EPERM_ACTION);
	assert_int_equal(ASK(m, SYS_getitimer, 0, 0), ENOSYS_ACTION);
}

static void seccomp_merge_with_itself_changes_nothing(void **state)
{
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *a = export_as(p, true), *b = export_as(p, true);
	_cleanup_(profile_freep) struct profile *m = merge_two(a, b);
	_cleanup_free_ char *text_a = NULL, *text_m = NULL;

	(void)state;
	text_a = profile_to_json(a);
	assert_non_null(text_a);
	text_m = profile_to_json(m);
	assert_non_null(text_m);
	assert_string_equal(text_a, text_m);
}

static struct profile *decode_profile(const char *json)
{
	struct profile *p;
	struct err err;

	if (profile_from_json(&p, json, strlen(json), &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

#define HEAD "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\"],"
#define CONDITION(v) "\"args\":[{\"index\":0,\"value\":" v ",\"op\":\"SCMP_CMP_EQ\"}]"
#define RULE(name, action) "{\"names\":[\"" name "\"],\"action\":\"" action "\""

static void seccomp_merge_prefers_what_lets_more_through(void **state)
{
	_cleanup_(profile_freep) struct profile *a =
		decode_profile(HEAD "\"syscalls\":[" RULE("mount", "SCMP_ACT_NOTIFY") "}," RULE(
			"personality",
			"SCMP_ACT_ALLOW") "," CONDITION("8") "}],"
							     "\"listenerPath\":\"/run/a\"}");
	_cleanup_(profile_freep) struct profile *b = decode_profile(HEAD "\"syscalls\":[" RULE(
		"mount", "SCMP_ACT_ALLOW") "}," RULE("personality", "SCMP_ACT_ALLOW") "}]}");
	_cleanup_(profile_freep) struct profile *m = merge_two(a, b);

	(void)state;
	assert_int_equal(m->n_entries, 2);
	assert_string_equal(m->listener, "/run/a");
	assert_int_equal(ASK(m, SYS_mount, 0, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(m, SYS_personality, 3, 0), SCMP_ACT_ALLOW);
}

static void seccomp_merge_of_what_cannot_be_joined_is_einval(void **state)
{
	_cleanup_(profile_freep) struct profile *a =
		decode_profile(HEAD "\"listenerPath\":\"/run/a\",\"syscalls\":[]}");
	_cleanup_(profile_freep) struct profile *b =
		decode_profile(HEAD "\"listenerPath\":\"/run/b\",\"syscalls\":[]}");
	_cleanup_(profile_freep) struct profile *c =
		decode_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	struct profile *m = NULL;
	struct err err;

	(void)state;
	assert_int_equal(merge_profiles(a, b, &m, &err), -EINVAL);
	assert_int_equal(merge_profiles(a, c, &m, &err), -EINVAL);
	assert_null(m);
}

static void seccomp_conditions_on_one_argument_are_alternatives(void **state)
{
	_cleanup_(profile_freep) struct profile *p = decode_profile(HEAD "\"syscalls\":[" RULE(
		"personality",
		"SCMP_ACT_ALLOW") ",\"args\":["
				  "{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"},"
				  "{\"index\":0,\"value\":3,\"op\":\"SCMP_CMP_EQ\"}]}]}");

	(void)state;
	assert_int_equal(ASK(p, SYS_personality, 8, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(p, SYS_personality, 3, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(p, SYS_personality, 4, 0), EPERM_ACTION);
}

static void seccomp_decode_takes_many_conditions_on_one_argument_as_alternatives(void **state)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_free_ char *json = NULL;
	size_t len;
	FILE *f = open_memstream(&json, &len);

	(void)state;
	assert_non_null(f);
	fputs(HEAD "\"syscalls\":[" RULE("personality", "SCMP_ACT_ALLOW") ",\"args\":[", f);
	for (int i = 0; i < 8; i++)
		fprintf(f, "%s{\"index\":0,\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}", i ? "," : "", i);
	fputs("]}]}", f);
	assert_int_equal(fclose(f), 0);
	p = decode_profile(json);
	assert_int_equal(ASK(p, SYS_personality, 7, 0), SCMP_ACT_ALLOW);
	assert_int_equal(ASK(p, SYS_personality, 8, 0), EPERM_ACTION);
}

static void seccomp_merge_keeps_flags_and_metadata(void **state)
{
	_cleanup_(profile_freep) struct profile *a =
		decode_profile(HEAD "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]}");
	_cleanup_(profile_freep) struct profile *b =
		decode_profile(HEAD "\"listenerMetadata\":\"shop\"}");
	_cleanup_(profile_freep) struct profile *m = merge_two(a, b);

	(void)state;
	assert_true(m->has_flags);
	assert_int_equal(m->flags, SECCOMP_FILTER_FLAG_LOG);
	assert_string_equal(m->metadata, "shop");
}

static void seccomp_relatives_are_never_dangerous(void **state)
{
	size_t n, n_values;
	const struct relatives *list = relatives_list(&n);
	const struct relatives_value *values = relatives_values(&n_values);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const unsigned short *nr = list[i].then[0] ? list[i].then : list[i].of;

		assert_non_null(list[i].reason);
		for (unsigned k = 0; k < RELATIVES_MAX && nr[k]; k++)
			assert_false(syscall_traits(nr[k] - 1u)->traits & SYSCALL_DANGEROUS);
	}
	for (size_t i = 0; i < n_values; i++)
		assert_false(syscall_traits(values[i].nr)->traits & SYSCALL_DANGEROUS);
}

static void seccomp_decode_refuses_too_many_entries(void **state)
{
	_cleanup_(profile_freep) struct profile *p = profile_new();
	const struct profile_entry allowed = {.action = SCMP_ACT_ALLOW};

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < PROFILE_ENTRIES_MAX; i++)
		assert_int_equal(profile_add(p, "read", &allowed), 0);
	assert_int_equal(profile_add(p, "read", &allowed), -E2BIG);
}

static void seccomp_interpreter_refuses_programs_that_no_kernel_takes(void **state)
{
	const struct sock_filter cases[][2] = {
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_ST, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_IMM, 1)},
	};
	struct seccomp_data data = {};
	uint32_t action;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cbpf_run(cases[i], 2, &data, &action), -EINVAL);
	assert_int_equal(cbpf_run(cases[0], 0, &data, &action), -EINVAL);
}

/* ---- checking ---- */

static void write_calls(const char *path, const struct lutra_record *recs, size_t n)
{
	char none[] = "", arch[] = "x86_64", source[] = "lsm";
	struct trace_meta meta = {none, none, none, none, arch, source, 0, 0, 0};
	struct trace_writer *w;

	assert_int_equal(trace_writer_new(&w, path, &meta, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(trace_writer_add(w, &recs[i], NULL, 0), 0);
	assert_int_equal(trace_writer_close(w, 0, NULL), 0);
}

static void seccomp_check_finds_what_would_be_refused(void **state)
{
	static const struct lutra_record recs[] = {
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_read},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_socket, .arg = AF_INET | 1ull << 32},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_clone3},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_socket, .arg = AF_INET | 2ull << 32},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_getitimer},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_getitimer},
		{.type = LUTRA_RECORD_SYSCALL, .nr = 3 | LUTRA_NR_IA32},
		{.type = LUTRA_RECORD_SYSCALL, .nr = 0 | LUTRA_NR_X32},
	};
	_cleanup_(policy_freep) struct policy *p = service_policy();
	_cleanup_(profile_freep) struct profile *profile = export_as(p, false);
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = NULL;
	_cleanup_free_ struct sock_filter *program = NULL;
	struct check c = {};
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "a.ltr");
	size_t n;

	(void)state;
	write_calls(path, recs, sizeof(recs) / sizeof(recs[0]));
	assert_int_equal(filter_new(&f, profile, NULL), 0);
	assert_int_equal(filter_program(f, &program, &n, NULL), 0);
	c.program = program;
	c.n = n;
	assert_int_equal(check_trace(&c, path, NULL), 0);
	scratch_remove(dir);
	assert_int_equal(c.calls, 8);
	assert_int_equal(c.fell_back, 1);
	assert_int_equal(c.refused_calls, 5);
	assert_int_equal(c.n_refused, 4);
	assert_int_equal(c.refused[0].nr, SYS_socket);
	assert_int_equal(c.refused[0].action, EPERM_ACTION);
	assert_int_equal(c.refused[1].nr, SYS_getitimer);
	assert_int_equal(c.refused[1].count, 2);
	assert_int_equal(c.refused[2].action, SCMP_ACT_KILL_THREAD);
	assert_int_equal(c.refused[3].action, SCMP_ACT_KILL_THREAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seccomp_export_allows_what_was_seen_and_refuses_the_rest),
		cmocka_unit_test(seccomp_kernel_answers_as_the_interpreter_does),
		cmocka_unit_test(seccomp_export_reads_back_as_the_same_bytes),
		cmocka_unit_test(
			seccomp_export_asks_the_agent_about_dangerous_calls_that_are_known),
		cmocka_unit_test(seccomp_export_of_any_namespace_lets_clone3_through),
		cmocka_unit_test(seccomp_export_of_another_machine_is_enotsup),
		cmocka_unit_test(seccomp_merge_allows_what_any_allows),
		cmocka_unit_test(seccomp_merge_with_itself_changes_nothing),
		cmocka_unit_test(seccomp_merge_prefers_what_lets_more_through),
		cmocka_unit_test(seccomp_merge_of_what_cannot_be_joined_is_einval),
		cmocka_unit_test(seccomp_conditions_on_one_argument_are_alternatives),
		cmocka_unit_test(
			seccomp_decode_takes_many_conditions_on_one_argument_as_alternatives),
		cmocka_unit_test(seccomp_merge_keeps_flags_and_metadata),
		cmocka_unit_test(seccomp_relatives_are_never_dangerous),
		cmocka_unit_test(seccomp_decode_refuses_too_many_entries),
		cmocka_unit_test(seccomp_interpreter_refuses_programs_that_no_kernel_takes),
		cmocka_unit_test(seccomp_check_finds_what_would_be_refused),
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
