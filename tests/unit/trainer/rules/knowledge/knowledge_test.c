/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the base and the packs: what they may know, and what the reader says of mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/file.h"
#include "tests/support/scratch.h"
#include "trainer/rules/knowledge/knowledge.h"

#define NEVER                                                                                      \
	(1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_MAPX | 1u << LUTRA_OP_WX | 1u << LUTRA_OP_CAPABLE |  \
	 1u << LUTRA_OP_HOOK)
#define PEERS (1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_BIND | 1u << LUTRA_OP_SEND)

static void knowledge_shipped_names_no_program_and_packs_no_peer(void **state)
{
	struct knowledge_set set;
	struct err err = {""};

	(void)state;
	if (knowledge_load("policies", &set, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(set.n >= 2);
	for (size_t f = 0; f < set.n; f++) {
		const struct knowledge *k = &set.file[f];
		bool base = f == 0;

		assert_int_equal(strcmp(k->name, "base") == 0, base);
		assert_int_equal(k->n_programs == 0, base);
		for (size_t i = 0; i < k->n_objects; i++) {
			uint32_t op = 1u << k->objects[i].object.op;

			assert_false(op & NEVER);
			assert_true(base || !(op & PEERS));
			assert_true(k->objects[i].roles);
		}
	}
	knowledge_set_done(&set);
}

#define HEAD "{\"name\": \"p\", \"version\": 1, \"about\": \"a\", \"programs\": [\"/p\"], "
#define PACK(entry) HEAD "\"objects\": [{" entry ", \"why\": \"w\", \"source\": \"s\"}]}"
#define BASE(entry)                                                                                \
	"{\"name\": \"base\", \"version\": 1, \"about\": \"a\", \"objects\": [{" entry             \
	", \"why\": \"w\", \"source\": \"s\"}]}"
#define PROGRAM(path)                                                                              \
	"{\"name\": \"p\", \"version\": 1, \"about\": \"a\", \"programs\": [\"" path               \
	"\"], \"objects\": []}"
#define READ "\"ops\": [\"open\"], \"access\": \"read\", \"paths\": "
#define WRITE "\"ops\": [\"open\"], \"access\": \"write\", \"paths\": "
#define CONNECT "\"ops\": [\"connect\"], \"families\": [\"ipv4\"], "

/* A file, and what is wrong with it. */
static const struct {
	const char *text, *why; /* why: part of the error; NULL: none */
	bool base;
} cases[] = {
	{PACK(READ "[\"/srv/a\"]"), NULL, false},
	{BASE(READ "[\"/srv/a\"]"), NULL, true},
	{PACK(WRITE "[\"/srv/a/*\"]"), NULL, false},
	{PACK("\"ops\": [\"chown\"], \"paths\": [\"/var/log/a\"]"), "chown never comes", false},
	{PACK("\"ops\": [\"mknod\"], \"paths\": [\"/srv/a\"]"), "mknod never comes", false},
	{BASE(WRITE "[\"/tmp/*\"]"), NULL, true},
	{BASE(CONNECT "\"addresses\": [\"private\"], \"port\": 53"), NULL, true},
	{"{", "line 1", false},
	{"[]", "object", false},
	{PACK(READ "[\"/srv/a\"], \"extra\": 1"), "extra", false},
	{PACK(READ "[\"/srv/a\", 7]"), "objects, entry 1: paths: must be strings", false},
	{PACK("\"ops\": [\"exec\"], \"paths\": [\"/bin/sh\"]"), "exec never comes", false},
	{BASE("\"ops\": [\"exec\"], \"paths\": [\"/bin/sh\"]"), "exec never comes", true},
	{PACK("\"ops\": [\"mapx\"], \"paths\": [\"/lib/x.so\"]"), "mapx never comes", false},
	{PACK("\"ops\": [\"capable\"]"), "capable never comes", false},
	{PACK(CONNECT "\"addresses\": [\"private\"], \"port\": 53"), "connect never comes", false},
	{PACK("\"ops\": [\"bind\"], \"families\": [\"netlink\"]"), "bind never comes", false},
	{PACK("\"ops\": [\"send\"], \"families\": [\"netlink\"]"), "send never comes", false},
	{PACK("\"ops\": [\"jump\"]"), "jump is not known", false},
	{PACK("\"ops\": []"), "name one", false},
	{PACK(READ "[\"srv/a\"]"), "write it as", false},
	{PACK(READ "[\"/srv/../etc/a\"]"), "too deep", false},
	{PACK(READ "[\"/srv/a7\"]"), "write # for", false},
	{PACK(READ "[\"/srv/a#\"]"), "write # for", false},
	{PACK(READ "[\"/srv/#a.log\"]"), "write # for", false},
	{PACK(READ "[\"/srv/a-#.log\"]"), NULL, false},
	{PROGRAM("/usr/lib/p15/p"), "programs: /usr/lib/p15/p: write #", false},
	{PROGRAM("/usr/lib/p#/p"), "write #", false},
	{PROGRAM("/usr/lib/p-#/p"), NULL, false},
	{PACK(READ "[\"/srv/a*\"]"), "whole name", false},
	{PACK(READ "[\"/etc/*\"]"), "is protected", false},
	{PACK(READ "[\"/*/a\"]"), "is protected", false},
	{PACK(READ "[\"/root/a\"]"), "secrets", false},
	{PACK(READ "[\"/root/.ssh/a\"]"), "secret", false},
	{PACK(READ "[\"/etc/ssl/private/a\"]"), "secret", false},
	{PACK(READ "[\"/srv/tls/server.key\"]"), "is secret", false},
	{PACK(READ "[\"/etc/shadow\"]"), "is secret", false},
	{PACK(READ "[\"/etc/passwd-\"]"), "is secret", false},
	{PACK(READ "[\"/proc/#/environ\"]"), "is secret", false},
	{PACK(READ "[\"/proc/self/task/#/mem\"]"), "is secret", false},
	{PACK(READ "[\"/proc/#/fd/#\"]"), "is secret", false},
	{PACK(READ "[\"/proc/#/task/#/*\"]"), "is secret", false},
	{PACK(WRITE "[\"/etc/a\"]"), "only be read", false},
	{PACK(WRITE "[\"/usr/share/a\"]"), "nothing may change", false},
	{PACK(WRITE "[\"/srv/a.php\"]"), "is code", false},
	{BASE(WRITE "[\"/srv/a\"]"), "only be read", true},
	{PACK("\"ops\": [\"open\"], \"paths\": [\"/srv/a\"]"), "access", false},
	{PACK(READ "[]"), "name one", false},
	{PACK(READ "[\"/srv/a\"], \"roles\": [\"boss\"]"), "roles", false},
	{PACK(READ "[\"/srv/a\"], \"type\": \"tree\"]"), "line", false},
	{PACK(READ "[\"/srv/a\"], \"type\": \"tree\""), "type", false},
	{PACK(READ "[\"/srv/a\"], \"port\": 7"), "no family", false},
	{PACK(READ "[\"/srv/a\"], \"action\": \"alert\""), NULL, false},
	{PACK(READ "[\"/srv/a\"], \"action\": \"deny\""), "action", false},
	{PACK(READ "[\"/srv/a\"], \"type\": \"dir\", \"action\": \"alert\""), "action", false},
	{BASE(CONNECT "\"addresses\": [\"private\"], \"port\": 53, \"action\": \"alert\""),
	 "action", true},
	{BASE(CONNECT "\"port\": 53"), "need", true},
	{BASE(CONNECT "\"addresses\": [\"near\"], \"port\": 53"), "addresses", true},
	{BASE(CONNECT "\"addresses\": [\"private\"], \"port\": 70000"), "port", true},
	{BASE("\"ops\": [\"connect\"], \"families\": [\"unix\"]"), "unix", true},
	{BASE("\"ops\": [\"bind\"], \"families\": [\"unix\"], \"paths\": [\"/srv/a\"]"), "connect",
	 true},
	{HEAD "\"packages\": [], \"objects\": []}", "1 to", false},
	{HEAD "\"packages\": [\"*\"], \"objects\": []}", "packages: write names", false},
	{HEAD "\"packages\": [\"p-[0-9]*\"], \"objects\": []}", NULL, false},
	{PACK(READ "[\"/srv/a\"]"), "name", true},
	{"{\"name\": \"p\", \"version\": 1, \"about\": \"a\", \"objects\": []}", "programs", false},
};

static void knowledge_decode_says_which_entry_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct knowledge k;
		struct err err = {""};
		int r = knowledge_decode(cases[i].text, strlen(cases[i].text), cases[i].base, &k,
					 &err);

		if (r != (cases[i].why ? -EINVAL : 0) ||
		    (cases[i].why && !strstr(err.msg, cases[i].why)))
			fail_msg("%s: %d %s", cases[i].text, r, err.msg);
		knowledge_done(&k);
	}
}

/* Whatever a file holds, the reader ends, with what it read or with an error. */
static void knowledge_decode_survives_damaged_files(void **state)
{
	_cleanup_free_ char *text = NULL, *copy = NULL;
	uint64_t random = 88172645463325252ull;
	size_t len;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, "policies/base/base.json", 1 << 20, &text, &len, NULL),
			 0);
	copy = malloc(len);
	assert_non_null(copy);
	for (int i = 0; i < 2000; i++) {
		struct knowledge k;
		struct err err = {""};

		memcpy(copy, text, len);
		for (int n = 0; n < 1 + i % 4; n++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			copy[random % len] = "\"{}[]/*#.,0z"[(random >> 32) % 12];
		}
		if (knowledge_decode(copy, len, true, &k, &err) < 0)
			assert_string_not_equal(err.msg, "");
		knowledge_done(&k);
	}
}

static void knowledge_load_says_what_is_missing(void **state)
{
	char *dir = scratch_dir();
	struct knowledge_set set;
	struct err err = {""};

	(void)state;
	assert_int_equal(knowledge_load(dir, &set, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "base.json"));
	assert_int_equal(set.n, 0);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knowledge_shipped_names_no_program_and_packs_no_peer),
		cmocka_unit_test(knowledge_decode_says_which_entry_is_wrong),
		cmocka_unit_test(knowledge_decode_survives_damaged_files),
		cmocka_unit_test(knowledge_load_says_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
