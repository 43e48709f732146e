/* SPDX-License-Identifier: Apache-2.0 */
/* The baseline `reconstruction`: what was often seen is explained, another order is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "trainer/eval/detectors/reconstruction.h"

static const unsigned cycle[] = {SYS_read, SYS_write, SYS_close, SYS_fstat, SYS_lseek, SYS_poll};

/* Runs that make the calls of the cycle over and over, and open files that say nothing here. */
static void add_cycles(struct corpus *c, unsigned n)
{
	static const char *const names[] = {"a", "bb", "ccc"};

	for (unsigned r = 0; r < n; r++) {
		struct made_run m = made_run_new(c);

		for (unsigned i = 0; i < 3000; i++)
			made_run_syscall(&m, 1, cycle[i % 6]);
		made_run_open(&m, 1, "/etc/passwd", false);
		made_run_end(&m, names[r], false);
	}
}

static void reconstruction_explains_what_was_seen(void **state)
{
	const struct reconstruction_options options = {.seed = 1, .threads = 2};
	struct reconstruction_state known, other;
	struct reconstruction r;
	struct corpus c;
	bool alarms = false;

	(void)state;
	assert_int_equal(corpus_init(&c), 0);
	add_cycles(&c, 3);
	assert_int_equal(reconstruction_train(&r, &c, &options), 0);
	assert_int_equal(r.corpus.tokens.v, LUTRA_TOKEN0 + 6); /* no objects */
	reconstruction_init_task(&r, &known);
	reconstruction_init_task(&r, &other);
	for (unsigned i = 0; i < RECONSTRUCTION_MEAN - 1; i++) {
		assert_false(reconstruction_step(&r, &known, cycle[i % 6]));
		/* Not judged before it has made enough calls. */
		assert_false(reconstruction_step(&r, &other, cycle[i * 5 % 6]));
	}
	for (unsigned i = RECONSTRUCTION_MEAN - 1; i < 2 * RECONSTRUCTION_MEAN; i++) {
		assert_false(reconstruction_step(&r, &known, cycle[i % 6]));
		alarms |= reconstruction_step(&r, &other, cycle[i * 5 % 6]);
	}
	assert_true(alarms);
	assert_true(other.level > known.level + 1);
	reconstruction_done(&r);
	corpus_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reconstruction_explains_what_was_seen),
	};

	return cmocka_run_group_tests_name("reconstruction", tests, NULL, NULL);
}
