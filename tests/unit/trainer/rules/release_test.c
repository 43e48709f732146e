/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy expects of a container of a new release: what its image brings is read and mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/trainer/made_policy.h"

#define IMAGE (LUTRA_LAYER_IMAGE << LUTRA_OBJ_LAYER_SHIFT)
#define WRITTEN (LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT)
#define VOLUME (LUTRA_LAYER_VOLUME << LUTRA_OBJ_LAYER_SHIFT)

static void release_reads_and_maps_what_its_image_brings(void **state)
{
	static const struct {
		const char *path;
		uint8_t op, flags, rule, rule_of_release;
	} cases[] = {
		{"/usr/lib/new.so", LUTRA_OP_MAPX, IMAGE, LUTRA_RULE_MAPX,
		 LUTRA_RULE_OPEN_READ_IMAGE},
		{"/usr/lib/new.so", LUTRA_OP_MAPX, WRITTEN, LUTRA_RULE_MAPX, LUTRA_RULE_MAPX},
		{"/usr/lib/new.so", LUTRA_OP_MAPX, 0, LUTRA_RULE_MAPX, LUTRA_RULE_MAPX},
		{"/etc/new.conf", LUTRA_OP_OPEN, IMAGE, LUTRA_RULE_OPEN_READ_PROTECTED,
		 LUTRA_RULE_OPEN_READ_IMAGE},
		{"/etc/new.conf", LUTRA_OP_OPEN, VOLUME, LUTRA_RULE_OPEN_READ_PROTECTED,
		 LUTRA_RULE_OPEN_READ_PROTECTED},
		{"/etc/new.conf", LUTRA_OP_OPEN, IMAGE | LUTRA_OBJ_WRITE,
		 LUTRA_RULE_OPEN_WRITE_PROTECTED, LUTRA_RULE_OPEN_WRITE_PROTECTED},
		/* Who may log in, and secrets, are no part of a release. */
		{"/etc/shadow", LUTRA_OP_OPEN, IMAGE, LUTRA_RULE_OPEN_READ_PROTECTED,
		 LUTRA_RULE_OPEN_READ_PROTECTED},
		{"/usr/bin/new", LUTRA_OP_EXEC, IMAGE, LUTRA_RULE_EXEC, LUTRA_RULE_EXEC},
	};
	_cleanup_(policy_freep) struct policy *p = made_policy_train_service();

	(void)state;
	p->ops |= 1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_MAPX;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lutra_object o = {
			.op = cases[i].op, .flags = cases[i].flags, .mode = 0100644};

		p->expects_image = false;
		assert_int_equal(made_policy_judge(p, o, cases[i].path, LUTRA_ROLE_STEADY).rule,
				 cases[i].rule);
		p->expects_image = true;
		assert_int_equal(made_policy_judge(p, o, cases[i].path, LUTRA_ROLE_STEADY).rule,
				 cases[i].rule_of_release);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(release_reads_and_maps_what_its_image_brings),
	};

	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
