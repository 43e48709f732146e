/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy: its verbs, and show. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/policy/policy.h"
#include "lib/policy/policy_format.h"
#include "lib/base/text.h"
#include "lib/abi/syscall_traits.h"
#include "user/cli/cli.h"
#include "user/cli/policy/policy_cmd.h"
#include "lutra/object_token.h"

#define INDENT 14
#define WIDTH 100

enum { OPT_CONFIG = 256 };

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "Print JSON; show: all that policy.json says", 0},
	{"key", 'k', "FILE", 0, "sign: the secret key", 0},
	{"force", 'f', NULL, 0, "set-mode: also what the policy is too little trained for", 0},
	{"config", OPT_CONFIG, "FILE", 0,
	 "The daemon's configuration, for where policies are and whose are taken", 0},
	{},
};

static const struct verb {
	const char *name;
	int (*run)(const struct policy_args *a);
	int min, max; /* names; max 0: any number */
	const char *takes;
} verbs[] = {
	{"list", policy_cmd_list, 0, 1, "at most one directory"},
	{"show", policy_cmd_show, 1, 0, "a policy"},
	{"verify", policy_cmd_verify, 1, 0, "a policy"},
	{"diff", policy_cmd_diff, 1, 2, "two policies, or one that replaced another"},
	{"sign", policy_cmd_sign, 1, 0, "a policy"},
	{"keygen", policy_cmd_keygen, 1, 1, "the file to write"},
	{"set-mode", policy_cmd_set_mode, 2, 2, "a name and a mode"},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static error_t check_args(const struct policy_args *a, struct argp_state *state)
{
	const struct verb *v = a->verb ? find_verb(a->verb) : NULL;

	if (!v)
		return args_usage(state, "%s%s%s: see --help", a->verb ? "unknown verb '" : "",
				  a->verb ? a->verb : "give a verb", a->verb ? "'" : "");
	if (a->n_names < v->min || (v->max && a->n_names > v->max))
		return args_usage(state, "%s takes %s", v->name, v->takes);
	if (v->run == policy_cmd_sign && !a->key)
		return args_usage(state, "sign needs --key FILE; `lutra policy keygen` makes one");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct policy_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case 'f':
		a->force = true;
		return 0;
	case 'k':
		a->key = arg;
		return 0;
	case OPT_CONFIG:
		a->config_file = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else
			a->names[a->n_names++] = arg;
		return 0;
	case ARGP_KEY_END:
		return check_args(a, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"list [DIR]\nshow|verify POLICY…\ndiff [OLD] POLICY\nsign POLICY… --key FILE\nkeygen "
	"FILE\nset-mode NAME "
	"MODE",
	"Look at policies, sign them. POLICY is a directory, or a name below the daemon's "
	"policies_dir (" DEFAULT_POLICIES_DIR ")."
	"\vlist: all of them, and what they guard. show: what a policy knows, what it does and "
	"what "
	"to expect of it. verify: exit status 1 if one is damaged, for another machine, or not "
	"signed by one of the configuration's policy_keys. diff: what POLICY knows, allows and was "
	"made of that OLD, or the one that it replaced, was not, and the other way round. sign: "
	"with the secret key FILE, over "
	"all of its files. keygen: a new key pair, FILE and FILE.pub. set-mode: switch all "
	"containers that the policy NAME guards, at once, and those to come; the policy itself is "
	"not touched, and one that replaces it is in that mode too.",
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
		n[lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP)]++;
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
		unsigned nr;

		if (!seen->n && !seen->any)
			continue;
		printf("  %-12s", title);
		title = "";
		policy_args_syscall(i, &nr);
		syscall_name(p->arch, nr, name, sizeof(name));
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
		for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
			if (p->action[g] == action)
				show_word(group_name(g), &column);
		}
		putchar('\n');
	}
}

/* What refuses a call of rule TH. */
static const char *hook_of(const struct policy *p, unsigned nr)
{
	const char *hook = syscall_hook(p->arch, nr);

	return hook ? hook : "no hook";
}

static bool is_th(const struct policy *p, unsigned nr)
{
	return p->hookable[nr / 64] >> (nr & 63) & 1;
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
				show_word(syscall_name(p->arch, nr, word, sizeof(word)), &column);
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
	printf("  thresholds   A %.3f nat (%d), B %.4f (%d)\n", p->threshold_a / (20.0 * 4096),
	       p->threshold_a, p->threshold_b / 4096.0, p->threshold_b);
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

	cli_policy_dir(name, a->config->policies_dir, dir, sizeof(dir));
	if (policy_load(&p, dir, &err) < 0)
		return cli_fail(&err);
	if (a->json)
		return show_json(dir);
	text_clean(p->image, strlen(p->image), image, sizeof(image));
	printf("%s\n  image        %s%s%s, %s\n  mode         %s; a kill takes %u signal%s\n", dir,
	       image, p->digest ? " " : "", p->digest ? p->digest : "", p->arch, mode_name(p->mode),
	       p->kill_matches, p->kill_matches > 1 ? "s" : "");
	if (p->audit_sessions)
		puts("  exec         sessions are in mode audit");
	show_calls(p);
	show_objects(p);
	show_arguments(p);
	show_calibration(p);
	show_actions(p);
	show_th(p);
	return 0;
}

int policy_cmd_show(const struct policy_args *a)
{
	int r = 0;

	for (int i = 0; i < a->n_names; i++)
		r |= show(a, a->names[i]);
	return r;
}

int cmd_policy(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_free_ char **names = calloc((size_t)argc, sizeof(*names));
	struct policy_args a = {.names = names};
	struct err err;

	if (!names)
		return cli_failf("out of memory");
	args_parse(&argp, argc, argv, false, &a);
	if (config_load(a.config_file, &config, &err) < 0)
		return cli_fail(&err);
	a.config = config;
	return find_verb(a.verb)->run(&a);
}
