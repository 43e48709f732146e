/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of the OCI specification and of engines: read whole, written again, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "user/seccomp/filter.h"
#include "user/seccomp/profile/profile.h"

#define HEAD "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\"],"
#define CONDITION(v) "\"args\":[{\"index\":0,\"value\":" v ",\"op\":\"SCMP_CMP_EQ\"}]"
#define RULE(name, action) "{\"names\":[\"" name "\"],\"action\":\"" action "\""

static struct profile *read_profile(const char *json)
{
	struct profile *p;
	struct err err;

	if (profile_from_json(&p, json, strlen(json), &err) < 0)
		fail_msg("%s: %s", json, err.msg);
	return p;
}

/* A profile, and what is in the JSON that it is written as, or must not be. */
static void check_written(const char *json, const char *want, const char *want_not)
{
	_cleanup_(profile_freep) struct profile *p = read_profile(json), *again = NULL;
	_cleanup_free_ char *text = profile_to_json(p);
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = NULL;
	struct err err = {""};

	assert_non_null(text);
	if (!strstr(text, want))
		fail_msg("%s: '%s' is not in %s", json, want, text);
	if (want_not && strstr(text, want_not))
		fail_msg("%s: '%s' is in %s", json, want_not, text);
	if (profile_from_json(&again, text, strlen(text), &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	if (filter_new(&f, p, &err) < 0)
		fail_msg("%s: %s", json, err.msg);
}

/* Fields and values that the specification has, and what people and generators add. */
static void profile_read_reads_all_of_the_specification(void **state)
{
	static const struct {
		const char *json, *want, *want_not;
	} cases[] = {
		{HEAD "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":null}",
		 "SECCOMP_FILTER_FLAG_LOG", NULL},
		{HEAD "\"flags\":[]}", "\"flags\": []", NULL},
		{HEAD "\"flags\":null}", "\"syscalls\"", "flags"},
		{HEAD "\"listenerPath\":\"/run/a\",\"listenerMetadata\":\"shop\"}",
		 "\"listenerMetadata\": \"shop\"", NULL},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":null,"
		 "\"architectures\":null,\"$schema\":\"x\",\"_note\":1,\"comment\":\"c\"}",
		 "\"defaultErrnoRet\": 1", "schema"},
		{HEAD "\"syscalls\":[" RULE(
			 "read",
			 "SCMP_ACT_ALLOW") ",\"args\":null,"
					   "\"errnoRet\":null,\"comment\":\"\",\"includes\":null,"
					   "\"excludes\":{\"caps\":null,\"arches\":[]}}]}",
		 "\"read\"", "args"},
		{HEAD "\"syscalls\":[{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\"}]}",
		 "\"read\"", NULL},
		{HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ALLOW") "," CONDITION(
			 "9223372036854775808") "}]}",
		 "\"value\": 9223372036854775808,", NULL},
		{HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ALLOW") "," CONDITION("3.0") "}]}",
		 "\"value\": 3,", NULL},
		{HEAD "\"syscalls\":[" RULE("read",
					    "SCMP_ACT_ALLOW") ",\"args\":[{\"index\":1,"
							      "\"value\":18446744073709551615,"
							      "\"valueTwo\":18446744073709551614,"
							      "\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}",
		 "\"valueTwo\": 18446744073709551614", NULL},
		{"{\"ociVersion\":\"1.0.2\",\"linux\":{\"seccomp\":{\"defaultAction\":"
		 "\"SCMP_ACT_ERRNO\"}}}",
		 "SCMP_ACT_ERRNO", "linux"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENOSYS\","
		 "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":"
		 "[\"SCMP_ARCH_X86\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\","
		 "\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}]}",
		 "SCMP_ARCH_X86\"", "ARM"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_written(cases[i].json, cases[i].want, cases[i].want_not);
}

static void profile_read_knows_each_architecture_of_the_specification(void **state)
{
	static const char *const names[] = {
		"X86",	   "X86_64",	  "X32",    "ARM",	"AARCH64",     "MIPS",
		"MIPS64",  "MIPS64N32",	  "MIPSEL", "MIPSEL64", "MIPSEL64N32", "PPC",
		"PPC64",   "PPC64LE",	  "S390",   "S390X",	"PARISC",      "PARISC64",
		"RISCV64", "LOONGARCH64", "M68K",   "SH",	"SHEB",
	};
	char json[160], want[40];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(want, sizeof(want), "\"SCMP_ARCH_%s\"", names[i]);
		snprintf(json, sizeof(json),
			 "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[%s]}", want);
		check_written(json, want, NULL);
	}
}

/* As in Podman's and Docker's own profiles. */
static void profile_read_decides_what_depends_on_the_container(void **state)
{
	static const struct {
		const char *conditions;
		bool holds;
		const char *told; /* NULL: nothing */
	} cases[] = {
		{"\"includes\":{},\"excludes\":{}", true, NULL},
		{"\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", false,
		 "left out: mount (SCMP_ACT_ALLOW), only with CAP_SYS_ADMIN"},
		{"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", true,
		 "taken: mount (SCMP_ACT_ALLOW), not with CAP_SYS_ADMIN"},
		{"\"includes\":{\"caps\":[\"CAP_SYS_CHROOT\"]}", true,
		 "taken: mount (SCMP_ACT_ALLOW), only with CAP_SYS_CHROOT"},
		{"\"includes\":{\"arches\":[\"amd64\",\"x32\"]}", true,
		 "taken: mount (SCMP_ACT_ALLOW), only with amd64 or x32"},
		{"\"includes\":{\"arches\":[\"s390x\"]}", false,
		 "left out: mount (SCMP_ACT_ALLOW), only with s390x"},
		{"\"includes\":{\"minKernel\":\"4.8\"}", true,
		 "taken: mount (SCMP_ACT_ALLOW), only with kernel 4.8"},
		{"\"includes\":{\"minKernel\":\"99.0\"}", false,
		 "left out: mount (SCMP_ACT_ALLOW), only with kernel 99.0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(profile_freep) struct profile *p = NULL;
		char json[400];

		snprintf(json, sizeof(json),
			 HEAD "\"syscalls\":[" RULE("mount", "SCMP_ACT_ALLOW") ",%s}]}",
			 cases[i].conditions);
		p = read_profile(json);
		assert_int_equal(p->n_entries, cases[i].holds);
		if (!cases[i].told)
			assert_null(p->conditional);
		else if (!p->conditional || !strstr(p->conditional, cases[i].told))
			fail_msg("'%s' does not say '%s'", p->conditional, cases[i].told);
	}
}

static void profile_read_refuses_hostile_profiles(void **state)
{
	static const char *const cases[] = {
		"",
		"[]",
		"{}",
		"{\"defaultAction\":\"SCMP_ACT_PERHAPS\"}",
		"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":65536}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":\"1\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
		HEAD "\"archMap\":[{\"subArchitectures\":[]}]}",
		HEAD "\"flags\":[\"SECCOMP_FILTER_FLAG_PERHAPS\"]}",
		HEAD "\"perhaps\":1}",
		HEAD "\"listenerMetadata\":\"\\u0001184\"}",
		HEAD "\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		HEAD "\"listenerPath\":\"relative\"}",
		HEAD "\"syscalls\":{}}",
		HEAD "\"syscalls\":[1]}",
		HEAD "\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		HEAD "\"syscalls\":[{\"names\":[\"\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		HEAD "\"syscalls\":[" RULE("../read", "SCMP_ACT_ALLOW") "}]}",
		HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ALLOW") ",\"errnoRet\":1}]}",
		HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ERRNO") ",\"errnoRet\":-1}]}",
		HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ALLOW") "," CONDITION("-1") "}]}",
		HEAD "\"syscalls\":[" RULE("read", "SCMP_ACT_ALLOW") "," CONDITION(
			"99999999999999999999") "}]}",
		HEAD "\"syscalls\":[" RULE(
			"read", "SCMP_ACT_ALLOW") ",\"args\":[{\"index\":6,"
						  "\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		HEAD "\"syscalls\":[" RULE(
			"read", "SCMP_ACT_ALLOW") ",\"args\":[{\"index\":0,"
						  "\"value\":0,\"op\":\"SCMP_CMP_WORSE\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_PDP11\"]}",
	};
	struct profile *p = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i]);
		assert_int_equal(profile_from_json(&p, cases[i], strlen(cases[i]), &err), -EBADMSG);
		assert_null(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile_read_reads_all_of_the_specification),
		cmocka_unit_test(profile_read_knows_each_architecture_of_the_specification),
		cmocka_unit_test(profile_read_decides_what_depends_on_the_container),
		cmocka_unit_test(profile_read_refuses_hostile_profiles),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
