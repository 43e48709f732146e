/* SPDX-License-Identifier: Apache-2.0 */
/* lutra top: the overview in a terminal, looked at every second. */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/text.h"
#include "user/cli/cli.h"
#include "user/http/control_client.h"

#define EVERY_MS 1000
#define BAR 20
#define HEAD_LINES 4
#define TEXT 256

enum { PLAIN = 0, GOOD, WARM, HOT, SOFT };

struct top {
	const char *config;
	json_t *seen;	/* the last answer; NULL: none yet */
	struct err err; /* why there is none; "": there is */
	int first;	/* row at the top */
};

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "The daemon's configuration, for its socket", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top *t = state->input;

	switch (key) {
	case 'c':
		t->config = arg;
		return 0;
	case ARGP_KEY_ARG:
		return args_usage(state, "takes no argument");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Show the containers under guard, how near each is to its thresholds, and verdicts, until "
	"q "
	"is pressed."
	"\vKeys: up and down, page up and page down, q. Those that alerted last come first.",
	NULL,
	NULL,
	NULL};

/* ---- what the daemon says ---- */

static void look(struct top *t)
{
	json_t *answer = NULL;

	if (client_ask(t->config, json_pack("{s:s}", "cmd", "top"), &answer, NULL, NULL, &t->err) <
	    0)
		return;
	t->err.msg[0] = '\0';
	json_decref(t->seen);
	t->seen = answer;
}

static const json_t *containers(const struct top *t)
{
	return json_object_get(t->seen, "containers");
}

static long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

/* A text of the answer, fit for a terminal. */
static const char *clean(const json_t *j, const char *key, char buf[static TEXT])
{
	const char *s = json_string_value(json_object_get(j, key));

	text_clean(s ? s : "", s ? strlen(s) : 0, buf, TEXT);
	return buf;
}

static long long sum(const json_t *verdicts, const char *kind)
{
	const json_t *list = json_object_get(verdicts, kind), *v;
	long long n = 0;
	size_t i;

	json_array_foreach (list, i, v)
		n += (long long)json_integer_value(v);
	return n;
}

/* ---- drawing ---- */

static void colour(int which)
{
	attrset(which == PLAIN ? A_NORMAL : COLOR_PAIR(which) | (which == HOT ? A_BOLD : 0));
}

static void draw_head(const struct top *t)
{
	const json_t *status = json_object_get(t->seen, "status");
	const json_t *verdicts = json_object_get(t->seen, "verdicts");
	const json_t *store = json_object_get(status, "store");
	char host[TEXT];

	colour(PLAIN);
	mvprintw(0, 0, "lutra on %s: %lld containers, %s", clean(status, "hostname", host),
		 number(status, "containers"),
		 json_is_true(json_object_get(status, "lsm")) ? "BPF LSM" : "tracepoints");
	mvprintw(1, 0, "last hour: %lld alerts, %lld denied, %lld killed; events kept %lld, lost ",
		 sum(verdicts, "alert"), sum(verdicts, "deny"), sum(verdicts, "kill"),
		 number(store, "stored"));
	colour(number(store, "lost") ? HOT : GOOD);
	printw("%lld", number(store, "lost"));
	colour(HOT);
	if (t->err.msg[0])
		mvaddnstr(2, 0, t->err.msg, COLS);
	attrset(A_REVERSE);
	mvhline(HEAD_LINES - 1, 0, ' ', COLS);
	mvprintw(HEAD_LINES - 1, 0, "%-24.24s %-14s %-*s %9s %9s %9s", "container", "mode", BAR + 6,
		 "level, of its threshold", "alerts", "denied", "killed");
}

static void draw_level(double ratio)
{
	int full = ratio >= 1 ? BAR : (int)(ratio * BAR);

	colour(ratio >= 1 ? HOT : ratio >= 0.5 ? WARM : GOOD);
	for (int i = 0; i < BAR; i++)
		addch(i < full ? '#' : '.');
	printw(" %4.0f%%", ratio > 99 ? 9999.0 : 100 * ratio);
}

static void draw_container(int y, const json_t *c)
{
	const json_t *counters = json_object_get(c, "counters");
	bool frozen = json_is_true(json_object_get(c, "frozen"));
	char name[TEXT], mode[TEXT];

	colour(PLAIN);
	mvprintw(y, 0, "%-24.24s ", clean(c, "name", name));
	colour(frozen ? HOT : SOFT);
	printw("%-14.14s ", frozen ? "frozen" : clean(c, "mode", mode));
	draw_level(json_number_value(json_object_get(json_object_get(c, "level"), "ratio")));
	colour(PLAIN);
	printw(" %9lld %9lld %9lld", number(counters, "alert"), number(counters, "deny"),
	       number(counters, "kill"));
}

static int rows(void)
{
	return LINES > HEAD_LINES ? LINES - HEAD_LINES : 0;
}

static void draw(struct top *t)
{
	int n = (int)json_array_size(containers(t)), last = n - rows();

	t->first = t->first > last ? last : t->first;
	t->first = t->first < 0 ? 0 : t->first;
	erase();
	draw_head(t);
	for (int i = t->first; i < n && i < t->first + rows(); i++)
		draw_container(HEAD_LINES + i - t->first, json_array_get(containers(t), (size_t)i));
	refresh();
}

/* False: it is over. */
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
		t->first += rows();
		break;
	case KEY_PPAGE:
		t->first -= rows();
		break;
	default: /* a second has passed, or the window is another */
		look(t);
	}
	draw(t);
	return true;
}

static void begin(void)
{
	initscr();
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	timeout(EVERY_MS);
	start_color();
	use_default_colors();
	init_pair(GOOD, COLOR_GREEN, -1);
	init_pair(WARM, COLOR_YELLOW, -1);
	init_pair(HOT, COLOR_RED, -1);
	init_pair(SOFT, COLOR_CYAN, -1);
}

int cmd_top(int argc, char **argv)
{
	struct top t = {};

	args_parse(&argp, argc, argv, false, &t);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_failf("top is for a terminal; `lutra status --json` is for programs");
	look(&t);
	if (!t.seen)
		return cli_fail(&t.err);
	setlocale(LC_ALL, "");
	begin();
	draw(&t);
	while (on_key(&t, getch()))
		;
	endwin();
	json_decref(t.seen);
	return 0;
}
