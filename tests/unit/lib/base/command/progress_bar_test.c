/* SPDX-License-Identifier: Apache-2.0 */
/* The progress bar: on a terminal, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/command/progress_bar.h"

/* A terminal's two ends. */
static void open_terminal(int *ret_master, FILE **ret)
{
	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_master >= 0);
	assert_int_equal(grantpt(*ret_master), 0);
	assert_int_equal(unlockpt(*ret_master), 0);
	*ret = fopen(ptsname(*ret_master), "re+");
	assert_non_null(*ret);
}

static void progress_bar_shows_after_a_second_and_goes(void **state)
{
	char got[256] = "";
	struct progress_bar bar;
	FILE *out;
	int master;

	(void)state;
	open_terminal(&master, &out);
	progress_bar_init(&bar, out);
	progress_bar_show(&bar, "counting", .25);
	assert_false(bar.shown);
	bar.start -= 2; /* as if it had begun earlier */
	progress_bar_show(&bar, "counting", .5);
	assert_true(bar.shown);
	progress_bar_done(&bar);
	assert_false(bar.shown);
	assert_int_equal(fflush(out), 0);
	assert_true(read(master, got, sizeof(got) - 1) > 0);
	assert_non_null(strstr(got, "counting"));
	assert_non_null(strstr(got, " 50 %"));
	assert_null(strstr(got, " 25 %"));
	fclose(out);
	close(master);
}

static void progress_bar_is_silent_where_there_is_no_terminal(void **state)
{
	FILE *out = tmpfile();
	struct progress_bar bar;

	(void)state;
	assert_non_null(out);
	progress_bar_init(&bar, out);
	bar.start -= 2;
	progress_bar_show(&bar, "counting", .5);
	progress_bar_done(&bar);
	assert_int_equal(ftell(out), 0);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(progress_bar_shows_after_a_second_and_goes),
		cmocka_unit_test(progress_bar_is_silent_where_there_is_no_terminal),
	};

	return cmocka_run_group_tests_name("bar", tests, NULL, NULL);
}
