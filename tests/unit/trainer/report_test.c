/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a trained policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/support/sample.h"
#include "trainer/report.h"

/* Returns the summary of a policy. The caller frees it. */
static char *print_summary(const struct policy *p)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	report_print_policy(p, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void report_names_the_base_and_the_packs(void **state)
{
	struct policy_known known[] = {
		{.name = (char[]){"base"}, .version = 3, .objects = 134},
		{.name = (char[]){"nginx"},
		 .program = (char[]){"/usr/sbin/nginx"},
		 .version = 2,
		 .objects = 5,
		 .left_out = 1},
	};
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	_cleanup_free_ char *text = NULL;

	(void)state;
	policy_known_free(p);
	p->known = known;
	p->n_known = 2;
	text = print_summary(p);
	p->known = NULL;
	p->n_known = 0;
	assert_non_null(strstr(text, "  base      base 3: 134 objects that no run has to show\n"));
	assert_non_null(strstr(text, "  pack      nginx 2, of /usr/sbin/nginx by its path: 5 "
				     "objects that no run has to show; no room for 1 more\n"));
	assert_null(strstr(text, "neither base nor packs"));
}

static void report_says_that_neither_base_nor_packs_were_added(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	_cleanup_free_ char *text = NULL;

	(void)state;
	policy_known_free(p);
	text = print_summary(p);
	assert_non_null(strstr(text, "  base      none: neither base nor packs were added\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_names_the_base_and_the_packs),
		cmocka_unit_test(report_says_that_neither_base_nor_packs_were_added),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
