/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy: which policies there are, what one says, whether it is sound. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/names.h"
#include "lib/policy/policy.h"
#include "lib/policy/policy_format.h"
#include "lib/text.h"
#include "lib/th.h"
#include "user/cli/cli.h"

#define INDENT 14
#define WIDTH 100

struct policy_args {
	const char *verb;
	char **names;
	int n_names;
	bool json;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "Print JSON; show: all that policy.json says", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct policy_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else
			a->names[a->n_names++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->verb)
			return args_usage(state, "give list, show or verify");
		if (strcmp(a->verb, "list") == 0)
			return a->n_names > 1 ? args_usage(state, "list takes one directory") : 0;
		if (strcmp(a->verb, "show") != 0 && strcmp(a->verb, "verify") != 0)
			return args_usage(state, "unknown verb '%s': list, show or verify",
					  a->verb);
		return a->n_names ? 0 : args_usage(state, "no policy given");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"list [DIR]|show POLICY…|verify POLICY…",
	"Look at policies. POLICY is a directory, or a name below " DEFAULT_POLICIES_DIR "."
	"\vshow: what a policy knows, what it does and what to expect of it. verify: exit status 1 "
	"if one is damaged or for another machine.",
	NULL,
	NULL,
	NULL};

/* ---- show ---- */

static void show_calls(const struct policy *p)
{
	unsigned n[LUTRA_ROLES] = {};

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			n[role] += p->token[role][nr] >= LUTRA_TOKEN0;
	}
	printf("  calls        start-up %u, steady %u, spawned %u, deeper %u; %u tokens; steady "
	       "from the first %s\n",
	       n[0], n[1], n[2], n[3], p->v - LUTRA_TOKEN0, p->steady_on_wait ? "wait" : "accept");
}

static void show_objects(const struct policy *p)
{
	unsigned n[LUTRA_OP_COUNT] = {};

	for (size_t i = 0; i < p->n_objects; i++)
		n[p->objects[i] & 63]++;
	printf("  objects      %zu over %zu path nodes:", p->n_objects, p->n_nodes);
	for (unsigned op = 1; op < LUTRA_OP_COUNT; op++) {
		if (n[op])
			printf(" %s %u", op_name(op), n[op]);
	}
	printf("\n  tables       %zu bytes\n",
	       2 * ((size_t)p->v * p->v + 2 * (size_t)LUTRA_K * LUTRA_K) + sizeof(p->token));
}

/* A word of a list that begins at INDENT and goes on there when the line is full. */
static void show_word(const char *word, unsigned *column)
{
	unsigned len = (unsigned)strlen(word);

	if (*column + 1 + len > WIDTH) {
		printf("\n%*s", INDENT, "");
		*column = INDENT;
	}
	printf(" %s", word);
	*column += 1 + len;
}

/* A line for each call of which arguments are kept. */
static void show_arguments(const struct policy *p)
{
	const char *title = "arguments";

	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		const struct policy_args_seen *seen = &p->args.call[i];
		unsigned column = INDENT;
		char word[80], name[64];

		if (!seen->n && !seen->any)
			continue;
		printf("  %-12s", title);
		title = "";
		nr_name(p->arch, policy_args_call(i)->nr, name, sizeof(name));
		snprintf(word, sizeof(word), "%s:%s", name, seen->any ? " any" : "");
		show_word(word, &column);
		for (uint32_t k = 0; k < seen->n; k++) {
			policy_args_name(i, seen->value[k], name, sizeof(name));
			snprintf(word, sizeof(word), "%s%s", name, k + 1 < seen->n ? "," : "");
			show_word(word, &column);
		}
		putchar('\n');
	}
}

static void show_actions(const struct policy *p)
{
	for (int action = LUTRA_ACTION_KILL; action >= LUTRA_ACTION_LOG; action--) {
		unsigned column = INDENT;

		/* No trainer makes it: an operator may. */
		if (action == LUTRA_ACTION_KILL && !memchr(p->action, action, sizeof(p->action)))
			continue;
		printf("  %-12s", action_name((unsigned)action));
		for (unsigned g = 0; g < LUTRA_G_COUNT; g++) {
			if (p->action[g] == action)
				show_word(group_name(g), &column);
		}
		putchar('\n');
	}
}

/* What refuses a call of rule TH. */
static const char *hook_of(const struct policy *p, unsigned nr)
{
	const char *hook = th_hook(p->arch, nr);

	return hook ? hook : "no hook";
}

static bool is_th(const struct policy *p, unsigned nr)
{
	return p->th[nr / 64] >> (nr & 63) & 1;
}

/* The calls of rule TH below nr that nr's hook refuses. */
static unsigned th_before(const struct policy *p, unsigned nr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr; i++)
		n += is_th(p, i) && strcmp(hook_of(p, i), hook_of(p, nr)) == 0;
	return n;
}

/* A line for each hook, its calls in the order of their numbers. */
static void show_th(const struct policy *p)
{
	const char *title = "TH";
	char word[64];

	for (unsigned first = 0; first < LUTRA_NR; first++) {
		unsigned column = INDENT;

		if (!is_th(p, first) || th_before(p, first))
			continue;
		printf("  %-12s", title);
		title = "";
		snprintf(word, sizeof(word), "%s:", hook_of(p, first));
		show_word(word, &column);
		for (unsigned nr = first; nr < LUTRA_NR; nr++) {
			if (is_th(p, nr) && strcmp(hook_of(p, nr), hook_of(p, first)) == 0)
				show_word(nr_name(p->arch, nr, word, sizeof(word)), &column);
		}
		putchar('\n');
	}
}

static void show_calibration(const struct policy *p)
{
	const struct policy_calibration *c = &p->calibration;

	printf("  trained on   %zu runs, %.3f h, %llu calls, %llu objects, seed %llu\n", p->n_runs,
	       p->hours, (unsigned long long)p->calls, (unsigned long long)p->objects_seen,
	       (unsigned long long)p->seed);
	printf("  thresholds   A %.3f nat (%d), B %.4f (%d)\n", p->th_a / (20.0 * 4096), p->th_a,
	       p->th_b / 4096.0, p->th_b);
	printf("  calibration  leave-one-run-out over %u runs, %.3f h: %u alert and %u deny "
	       "episodes\n",
	       c->runs, c->hours, c->alarms_alert, c->alarms_deny);
	printf("  to expect    false alarms %.3g to %.3g an hour, false refusals %.3g to %.3g an "
	       "hour (95 %%)\n",
	       c->alert_per_hour_95[0], c->alert_per_hour_95[1], c->deny_per_hour_95[0],
	       c->deny_per_hour_95[1]);
	if (c->audit_only)
		printf("  caution      too little training to deny: use mode audit\n");
	if (c->advice && *c->advice)
		printf("  advice       %s\n", c->advice);
}

static int show_json(const char *dir)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct err err;
	size_t len;

	if (asprintf(&path, "%s/" POLICY_JSON_FILE, dir) < 0)
		return cli_failf("out of memory");
	if (file_read(AT_FDCWD, path, POLICY_JSON_MAX, &text, &len, &err) < 0)
		return cli_fail(&err);
	puts(text);
	return 0;
}

static int show(const struct policy_args *a, const char *name)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX], image[512];
	struct err err;

	cli_policy_dir(name, dir, sizeof(dir));
	if (policy_load(&p, dir, &err) < 0)
		return cli_fail(&err);
	if (a->json)
		return show_json(dir);
	text_clean(p->image, strlen(p->image), image, sizeof(image));
	printf("%s\n  image        %s%s%s, %s\n  mode         %s; a kill takes %u signal%s\n", dir,
	       image, p->digest ? " " : "", p->digest ? p->digest : "", p->arch, mode_name(p->mode),
	       p->kill_signals, p->kill_signals > 1 ? "s" : "");
	show_calls(p);
	show_objects(p);
	show_arguments(p);
	show_calibration(p);
	show_actions(p);
	show_th(p);
	return 0;
}

/* ---- list, verify ---- */

static int not_dot(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static json_t *list_one(const char *dir, const char *name, bool json)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char path[PATH_MAX];
	struct err err = {};
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = policy_load(&p, path, &err);
	if (r == -ENOTDIR)
		return NULL;
	if (json)
		return json_pack("{s:o, s:o, s:s, s:b, s:o}", "name", text_json_keep(name), "image",
				 p ? text_json_keep(p->image) : json_null(), "mode",
				 p ? mode_name(p->mode) : "", "good", r == 0, "error",
				 r < 0 ? text_json_keep(err.msg) : json_null());
	if (r < 0)
		printf("%-24s damaged: %s\n", name, err.msg);
	else
		printf("%-24s %-15s %s\n", name, mode_name(p->mode), p->image);
	return NULL;
}

static int list(const struct policy_args *a)
{
	const char *dir = a->n_names ? a->names[0] : DEFAULT_POLICIES_DIR;
	struct dirent **entries = NULL;
	json_t *out = json_array();
	int n = scandir(dir, &entries, not_dot, alphasort);

	if (n < 0) {
		json_decref(out);
		return cli_failf("%s: %s", dir, strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		json_t *one = list_one(dir, entries[i]->d_name, a->json);

		if (one)
			json_array_append_new(out, one);
		free(entries[i]);
	}
	free(entries);
	if (a->json)
		return cli_print_json(out, true);
	json_decref(out);
	return 0;
}

static int verify(const struct policy_args *a)
{
	json_t *out = json_array();
	int result = 0;

	for (int i = 0; i < a->n_names; i++) {
		_cleanup_(policy_freep) struct policy *p = NULL;
		char dir[PATH_MAX];
		struct err err = {};
		int r;

		cli_policy_dir(a->names[i], dir, sizeof(dir));
		r = policy_load(&p, dir, &err);
		if (r < 0)
			result = 1;
		if (a->json)
			json_array_append_new(
				out, json_pack("{s:o, s:b, s:o}", "policy", text_json_keep(dir),
					       "good", r == 0, "error",
					       r < 0 ? text_json_keep(err.msg) : json_null()));
		else if (r < 0)
			cli_fail(&err);
		else
			printf("%s: good, %s\n", dir, p->image);
	}
	if (a->json)
		return cli_print_json(out, true) | result;
	json_decref(out);
	return result;
}

int cmd_policy(int argc, char **argv)
{
	struct policy_args a = {};
	int r = 0;

	a.names = calloc((size_t)argc, sizeof(*a.names));
	if (!a.names)
		return cli_failf("out of memory");
	args_parse(&argp, argc, argv, false, &a);
	if (strcmp(a.verb, "list") == 0)
		r = list(&a);
	else if (strcmp(a.verb, "verify") == 0)
		r = verify(&a);
	else
		for (int i = 0; i < a.n_names; i++)
			r |= show(&a, a.names[i]);
	free(a.names);
	return r;
}
