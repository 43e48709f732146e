/* SPDX-License-Identifier: Apache-2.0 */
/* Judgements that are kept are those that would be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/replay/judgement_cache.h"
#include "lib/abi/path_text.h"
#include "tests/support/sample.h"

struct fixture {
	struct policy *policy;
	struct lutra_policy *image;
	struct judgement_cache judged;
};

static int judgement_cache_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->policy = sample_policy();
	f->image = calloc(1, sizeof(*f->image));
	assert_int_equal(policy_to_kernel(f->policy, 1, f->image, NULL), 0);
	*state = f;
	return 0;
}

static int judgement_cache_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->policy);
	free(f->image);
	free(f);
	return 0;
}

static void assert_judgement(struct fixture *f, const struct lutra_record *rec, const char *str,
			     size_t len, uint8_t role, uint16_t program)
{
	const struct judgement_task task = {.role = role, .program = program};
	const struct cached_judgement *got =
		judgement_cache_get(&f->judged, f->image, rec, str, len, &task);
	struct lutra_judgement want = {};
	struct lutra_path path = {};
	struct lutra_object object;
	char fold[LUTRA_NAME];

	lutra_object_unpack(rec, &object);
	if (object.flags & LUTRA_OBJ_PATH)
		path_text_parse(str ? str : "", str ? len : 0, &path);
	lutra_judge_object(f->image, &object, &path, role, fold, &want);
	lutra_judge_starter(f->image, &object, program, role, &want);
	assert_memory_equal(&got->object, &object, sizeof(object));
	assert_memory_equal(&got->judgement, &want, sizeof(want));
}

static void judgement_cache_get_says_what_a_fresh_judgement_says(void **state)
{
	static const char *const paths[] = {"/etc/hosts",   "/etc/shadow", "/srv/pages/a",
					    "/srv/pages/b", "/srv",	   ""};
	static const uint8_t ops[] = {LUTRA_OP_OPEN, LUTRA_OP_EXEC, LUTRA_OP_UNLINK};
	struct fixture *f = *state;
	uint64_t rng = 5;

	for (int i = 0; i < 20000; i++) {
		const char *path = paths[sample_random(&rng) % 6];
		struct lutra_object o = {.op = ops[sample_random(&rng) % 3],
					 .flags = LUTRA_OBJ_PATH,
					 .mode = 0100644};
		struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT};

		if (sample_random(&rng) % 2)
			o.flags |= LUTRA_OBJ_WRITE;
		lutra_object_pack(&o, &rec);
		assert_judgement(f, &rec, path, strlen(path), sample_random(&rng) % LUTRA_ROLES,
				 sample_random(&rng) % 8);
	}
}

static void judgement_cache_get_tells_ports_and_families_apart(void **state)
{
	struct fixture *f = *state;
	uint64_t rng = 6;

	for (int i = 0; i < 20000; i++) {
		struct lutra_object o = {.op = LUTRA_OP_CONNECT,
					 .family = sample_random(&rng) % 2 ? 2 : 10,
					 .addr_class = (uint8_t)(sample_random(&rng) % 4),
					 .port = (uint16_t)(3300 + sample_random(&rng) % 10)};
		struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT};

		lutra_object_pack(&o, &rec);
		assert_judgement(f, &rec, NULL, 0, sample_random(&rng) % LUTRA_ROLES, 0);
	}
}

/* An execution of /etc/hosts is known where the program of node 2 starts it, in every role. */
static void judgement_cache_get_tells_starters_apart(void **state)
{
	struct fixture *f = *state;
	const struct lutra_object o = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT};
	const struct cached_judgement *got;
	unsigned n_known = 0;
	uint64_t token;

	lutra_object_pack(&o, &rec);
	f->image->ops |= 1u << LUTRA_OP_EXEC;
	for (int i = 0; i < 2; i++) {
		for (uint16_t program = 0; program < LUTRA_NODES; program++) {
			const struct judgement_task task = {LUTRA_ROLE_STEADY, program};

			got = judgement_cache_get(&f->judged, f->image, &rec, "/etc/hosts", 10,
						  &task);
			assert_int_equal(got->judgement.kind == LUTRA_KIND_KNOWN,
					 i == 1 && program == 2);
			n_known += got->judgement.kind == LUTRA_KIND_KNOWN;
		}
		token = lutra_object_token_started_by(got->judgement.token, 2);
		f->image->object[lutra_object_slot(f->image->object_seed, token)] = token;
		memset(&f->judged, 0, sizeof(f->judged));
	}
	assert_int_equal(n_known, 1);
}

/* Strings that differ in their last byte alone, of any length that a record can have. */
static void judgement_cache_get_looks_at_the_whole_string(void **state)
{
	struct fixture *f = *state;
	struct lutra_object o = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT};

	lutra_object_pack(&o, &rec);
	for (int len = 6; len <= LUTRA_STRING_MAX - 4; len++) {
		char path[LUTRA_STRING_MAX + 1];
		int n = snprintf(path, sizeof(path), "/etc%0*d", len, 0);

		memset(path + 4, '/', (size_t)len);
		snprintf(path + n - 5, 6, "hosts");
		assert_judgement(f, &rec, path, (size_t)n, 0, 0);
		path[n - 1] = 'x';
		assert_judgement(f, &rec, path, (size_t)n, 0, 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, judgement_cache_setup, judgement_cache_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(judgement_cache_get_says_what_a_fresh_judgement_says),
		T(judgement_cache_get_tells_ports_and_families_apart),
		T(judgement_cache_get_tells_starters_apart),
		T(judgement_cache_get_looks_at_the_whole_string),
	};

	return cmocka_run_group_tests_name("judged", tests, NULL, NULL);
}
