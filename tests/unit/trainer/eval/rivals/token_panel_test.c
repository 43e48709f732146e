/* SPDX-License-Identifier: Apache-2.0 */
/* Level M beside its rivals: known work is quiet for all, new orders of known events are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "trainer/eval/rivals/token_panel.h"

struct fixture {
	struct corpus corpus;
	struct lutra_policy *roles;
	struct token_panel panel;
	struct token_panel_seen *seen;
	struct token_panel_task task;
};

/* Trains once for all tests. */
static int train_panel_once(void **state)
{
	const struct token_panel_options options = {.seed = 1, .threads = 2, .sessions = true};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->roles = made_run_roles();
	assert_int_equal(corpus_init(&f->corpus), 0);
	made_run_service(&f->corpus, "a.ltr", 1, 60);
	made_run_service(&f->corpus, "b.ltr", 2, 60);
	made_run_service(&f->corpus, "c.ltr", 3, 60);
	assert_int_equal(token_panel_train(&f->panel, &f->corpus, f->roles, &options), 0);
	*state = f;
	return 0;
}

static int free_panel(void **state)
{
	struct fixture *f = *state;

	token_panel_done(&f->panel);
	corpus_done(&f->corpus);
	free(f->roles);
	free(f);
	return 0;
}

/* A container that has shown nothing, and a task that has done nothing. */
static int token_panel_setup(void **state)
{
	struct fixture *f = *state;

	token_panel_init_task(&f->panel, &f->task);
	return token_panel_seen_new(&f->seen);
}

static int token_panel_teardown(void **state)
{
	struct fixture *f = *state;

	token_panel_seen_free(f->seen);
	f->seen = NULL;
	return 0;
}

static void step_syscall(struct fixture *f, unsigned nr, float ret[DETECTOR_PANEL])
{
	uint8_t token = tokens_syscall(&f->panel.corpus.tokens, LUTRA_ROLE_STEADY, nr);

	assert_int_equal(token_panel_step(&f->panel, f->seen, &f->task, token, ret), 0);
}

static void step_open(struct fixture *f, const char *path, float ret[DETECTOR_PANEL])
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .mode = 0x8000, .flags = LUTRA_OBJ_PATH};
	uint8_t token = token_panel_object(&f->panel, LUTRA_ROLE_STEADY, &o, path, strlen(path));

	assert_int_equal(token_panel_step(&f->panel, f->seen, &f->task, token, ret), 0);
}

static void step_request(struct fixture *f, float ret[DETECTOR_PANEL])
{
	step_syscall(f, SYS_accept4, ret);
	step_syscall(f, SYS_read, ret);
	step_open(f, "/srv/page7.html", ret);
	step_syscall(f, SYS_openat, ret);
	step_syscall(f, SYS_write, ret);
	step_syscall(f, SYS_close, ret);
}

static void token_panel_is_quiet_in_known_work(void **state)
{
	struct fixture *f = *state;
	float level[DETECTOR_PANEL];

	for (int i = 0; i < 400; i++)
		step_request(f, level);
	for (unsigned i = 0; i < DETECTOR_PANEL; i++)
		assert_true(level[i] < M_THRESHOLD_MARGIN);
}

static void token_panel_sees_known_events_in_a_new_order(void **state)
{
	struct fixture *f = *state;
	float before[DETECTOR_PANEL], level[DETECTOR_PANEL];

	for (int i = 0; i < 400; i++)
		step_request(f, before);
	for (int i = 0; i < 8; i++) {
		step_syscall(f, SYS_close, level);
		step_open(f, "/srv/page7.html", level);
		step_syscall(f, SYS_accept4, level);
		step_syscall(f, SYS_write, level);
	}
	for (unsigned i = 0; i < DETECTOR_PANEL; i++)
		assert_true(level[i] > before[i]);
	assert_true(level[0] > M_THRESHOLD_MARGIN);
}

/* A new bigram weighs 1 the first four times: with nothing else, its level falls after that. */
static void token_grams_count_a_new_gram_four_times(void **state)
{
	struct fixture *f = *state;
	struct token_grams_state s = {0};
	uint8_t a = tokens_syscall(&f->panel.corpus.tokens, LUTRA_ROLE_STEADY, SYS_write);
	uint8_t b = tokens_syscall(&f->panel.corpus.tokens, LUTRA_ROLE_STEADY, SYS_read);
	double last = 0;

	for (int i = 0; i < 10; i++) {
		assert_int_equal(token_grams_step(&f->panel.grams, f->seen->grams, &s, a), 0);
		assert_int_equal(token_grams_step(&f->panel.grams, f->seen->grams, &s, b), 0);
		if (i > 0 && i < 4)
			assert_true(s.level[TOKEN_RIVAL_BIGRAM] > last);
		else if (i > 4)
			assert_true(s.level[TOKEN_RIVAL_BIGRAM] < last);
		last = s.level[TOKEN_RIVAL_BIGRAM];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(token_panel_is_quiet_in_known_work,
						token_panel_setup, token_panel_teardown),
		cmocka_unit_test_setup_teardown(token_panel_sees_known_events_in_a_new_order,
						token_panel_setup, token_panel_teardown),
		cmocka_unit_test_setup_teardown(token_grams_count_a_new_gram_four_times,
						token_panel_setup, token_panel_teardown),
	};

	return cmocka_run_group_tests(tests, train_panel_once, free_panel);
}
