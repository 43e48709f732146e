/* SPDX-License-Identifier: Apache-2.0 */
/* lutra top: shows containers and levels in the terminal, every second. */
#include <curses.h>
#include <locale.h>

#include "user/cli/cli.h"

#define UPDATE_MS 1000
#define BAR_WIDTH 20
#define HEAD_LINES 4

enum colour { PLAIN = 0, GREEN, YELLOW, RED, CYAN };

struct top {
	const char *config_file;
	json_t *answer; /* lutrad's last answer; NULL: none yet */
	struct err err; /* the last failure; "": the last request succeeded */
	int first;	/* index of the container in the top row */
};

static const struct args_option options[] = {
	CLI_OPTION_CONFIG(struct top),
	{},
};

static const struct args_command command = {
	.options = options,
	.doc = "Show the guarded containers and their levels in the terminal."
	       "\vKeys: up, down, page up, page down, q to quit. The newest alert comes first.",
};

/* Asks lutrad; the last answer stays if it fails. */
static void ask_overview(struct top *t)
{
	json_t *answer = NULL;

	if (cli_ask(t->config_file, "overview", LOCAL_GET, &answer, &t->err) < 0)
		return;
	t->err.msg[0] = '\0';
	json_decref(t->answer);
	t->answer = answer;
}

static const json_t *container_list(const struct top *t)
{
	return json_object_get(t->answer, "containers");
}

static long long sum_verdicts(const json_t *verdicts, const char *kind)
{
	const json_t *list = json_object_get(verdicts, kind), *v;
	long long n = 0;
	size_t i;

	json_array_foreach (list, i, v)
		n += (long long)json_integer_value(v);
	return n;
}

static void set_colour(enum colour c)
{
	attrset(c == PLAIN ? A_NORMAL : COLOR_PAIR(c) | (c == RED ? A_BOLD : 0));
}

static void draw_head(const struct top *t)
{
	const json_t *status = json_object_get(t->answer, "status");
	const json_t *verdicts = json_object_get(t->answer, "verdicts");
	const json_t *store = json_object_get(status, "store");

	set_colour(PLAIN);
	mvprintw(0, 0, "lutra on %s: %lld containers, %s", cli_json_text(status, "hostname"),
		 cli_json_number(status, "containers"),
		 cli_json_is(status, "lsm") ? "BPF LSM" : "tracepoints");
	mvprintw(1, 0, "last hour: %lld alerts, %lld denied, %lld killed; events kept %lld, lost ",
		 sum_verdicts(verdicts, "alert"), sum_verdicts(verdicts, "deny"),
		 sum_verdicts(verdicts, "kill"), cli_json_number(store, "stored"));
	set_colour(cli_json_number(store, "lost") ? RED : GREEN);
	printw("%lld", cli_json_number(store, "lost"));
	set_colour(RED);
	if (t->err.msg[0])
		mvaddnstr(2, 0, t->err.msg, COLS);
	attrset(A_REVERSE);
	mvhline(HEAD_LINES - 1, 0, ' ', COLS);
	mvprintw(HEAD_LINES - 1, 0, "%-24.24s %-14s %-*s %9s %9s %9s", "container", "mode",
		 BAR_WIDTH + 6, "level, of its threshold", "alerts", "denied", "killed");
}

static void draw_level_bar(double ratio)
{
	int full = ratio >= 1 ? BAR_WIDTH : (int)(ratio * BAR_WIDTH);

	set_colour(ratio >= 1 ? RED : ratio >= 0.5 ? YELLOW : GREEN);
	for (int i = 0; i < BAR_WIDTH; i++)
		addch(i < full ? '#' : '.');
	printw(" %4.0f%%", ratio > 99 ? 9999.0 : 100 * ratio);
}

static void draw_container(int y, const json_t *c)
{
	const json_t *counters = json_object_get(c, "counters");
	bool frozen = cli_json_is(c, "frozen");

	set_colour(PLAIN);
	mvprintw(y, 0, "%-24.24s ", cli_json_text(c, "name"));
	set_colour(frozen ? RED : CYAN);
	printw("%-14.14s ", frozen ? "frozen" : cli_json_text(c, "mode"));
	draw_level_bar(json_number_value(json_object_get(json_object_get(c, "level"), "ratio")));
	set_colour(PLAIN);
	printw(" %9lld %9lld %9lld", cli_json_number(counters, "alert"),
	       cli_json_number(counters, "deny"), cli_json_number(counters, "kill"));
}

static int row_count(void)
{
	return LINES > HEAD_LINES ? LINES - HEAD_LINES : 0;
}

static void draw_screen(struct top *t)
{
	int n = (int)json_array_size(container_list(t)), last = n - row_count();

	t->first = t->first > last ? last : t->first;
	t->first = t->first < 0 ? 0 : t->first;
	erase();
	draw_head(t);
	for (int i = t->first; i < n && i < t->first + row_count(); i++)
		draw_container(HEAD_LINES + i - t->first,
			       json_array_get(container_list(t), (size_t)i));
	refresh();
}

/* Returns false to quit. */
static bool on_key(struct top *t, int key)
{
	switch (key) {
	case 'q':
		return false;
	case KEY_DOWN:
		t->first++;
		break;
	case KEY_UP:
		t->first--;
		break;
	case KEY_NPAGE:
		t->first += row_count();
		break;
	case KEY_PPAGE:
		t->first -= row_count();
		break;
	default: /* a second has passed, or the window has changed */
		ask_overview(t);
	}
	draw_screen(t);
	return true;
}

static void start_screen(void)
{
	initscr();
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	timeout(UPDATE_MS);
	start_color();
	use_default_colors();
	init_pair(GREEN, COLOR_GREEN, -1);
	init_pair(YELLOW, COLOR_YELLOW, -1);
	init_pair(RED, COLOR_RED, -1);
	init_pair(CYAN, COLOR_CYAN, -1);
}

int cmd_top(int argc, char **argv)
{
	struct top t = {};

	args_read(&command, argc, argv, &t);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_failf("top needs a terminal; programs use `lutra status --json`");
	ask_overview(&t);
	if (!t.answer)
		return cli_fail(&t.err);
	setlocale(LC_ALL, "");
	start_screen();
	draw_screen(&t);
	while (on_key(&t, getch()))
		;
	endwin();
	json_decref(t.answer);
	return 0;
}
