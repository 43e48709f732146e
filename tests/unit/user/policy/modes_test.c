/* SPDX-License-Identifier: Apache-2.0 */
/* The modes that the operator set: which a policy allows, and how they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/support/sample.h"
#include "user/policy/modes.h"

static void modes_below_enforcement_need_no_policy(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir, .policies_dir = f->dir};
	unsigned mode = LUTRA_MODE_KILL;

	assert_int_equal(modes_set(&config, "shop", NULL, LUTRA_MODE_LEARN, false, NULL), 0);
	assert_int_equal(modes_set(&config, "shop", NULL, LUTRA_MODE_AUDIT, false, NULL), 0);
	assert_int_equal(modes_get(&config, f->policy, f->p, &mode, NULL), 0);
	assert_int_equal(mode, LUTRA_MODE_AUDIT);
}

static void modes_that_enforce_need_whole_runs(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir, .policies_dir = f->dir};
	char file[] = "one.ltr", why[] = "it lost events";
	struct policy_run run = {.file = file, .partial = why};
	struct policy_run *whole = f->p->runs;
	size_t n = f->p->n_runs;
	struct err err;

	assert_int_equal(modes_set(&config, "shop", f->p, LUTRA_MODE_KILL, false, NULL), 0);
	f->p->runs = &run;
	f->p->n_runs = 1;
	assert_int_equal(modes_set(&config, "shop", f->p, LUTRA_MODE_KILL, false, &err), -EPERM);
	assert_non_null(strstr(err.msg, "it lost events"));
	assert_int_equal(modes_set(&config, "shop", f->p, LUTRA_MODE_AUDIT, false, NULL), 0);
	assert_int_equal(modes_set(&config, "shop", f->p, LUTRA_MODE_KILL, true, NULL), 0);
	f->p->runs = whole;
	f->p->n_runs = n;
}

/* Without hooks nothing tells which capabilities the service uses. What is in force stays so. */
static void modes_that_enforce_need_hooks_where_they_run(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir, .policies_dir = f->dir};
	uint32_t ops = f->p->ops;
	unsigned mode = LUTRA_MODE_LEARN;
	struct err err;

	f->p->ops = LUTRA_OPS_ALL;
	assert_int_equal(modes_check_hooks("shop", f->p, LUTRA_MODE_DENY, false, &err), 0);
	f->p->ops = LUTRA_OPS_ALL & ~(1u << LUTRA_OP_CAPABLE);
	assert_int_equal(modes_check_hooks("shop", f->p, LUTRA_MODE_DENY, false, &err), -EPERM);
	assert_non_null(strstr(err.msg, "recorded without BPF LSM"));
	assert_int_equal(modes_check_hooks("shop", f->p, LUTRA_MODE_KILL, false, &err), -EPERM);
	assert_int_equal(modes_check_hooks("shop", f->p, LUTRA_MODE_AUDIT, false, &err), 0);
	assert_int_equal(modes_check_hooks("shop", f->p, LUTRA_MODE_DENY, true, &err), 0);
	assert_int_equal(modes_set(&config, "shop", f->p, LUTRA_MODE_DENY, false, &err), 0);
	assert_int_equal(modes_get(&config, f->policy, f->p, &mode, &err), 0);
	assert_int_equal(mode, LUTRA_MODE_DENY);
	f->p->ops = ops;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(modes_below_enforcement_need_no_policy,
						sample_saved_setup, sample_saved_teardown),
		cmocka_unit_test_setup_teardown(modes_that_enforce_need_whole_runs,
						sample_saved_setup, sample_saved_teardown),
		cmocka_unit_test_setup_teardown(modes_that_enforce_need_hooks_where_they_run,
						sample_saved_setup, sample_saved_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
