/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy show: prints what a policy knows, what it does, and what to expect of it. */
#include <fcntl.h>
#include <limits.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "lib/abi/syscalls.h"
#include "lib/base/file.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lutra/object_token.h"
#include "lutra/score_m.h"
#include "user/cli/policy/policy_cmd.h"

#define INDENT 14
#define WIDTH 100

static void show_calls(const struct policy *p)
{
	unsigned n[LUTRA_ROLES] = {};

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			n[role] += p->token[role][nr] != LUTRA_UNK;
	}
	printf("  calls        start-up %u, steady %u, spawned %u, deeper %u; %u tokens; steady "
	       "from the first %s%s\n",
	       n[0], n[1], n[2], n[3], p->v - LUTRA_TOKEN0, p->steady_on_wait ? "wait" : "accept",
	       p->first_process == POLICY_FIRST_STAYS ? ", but for the first process" : "");
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
	if (policy_has_level(p))
		printf("\n  keys         %zu, by which level M tells objects apart", p->n_keys);
	printf("\n  tables       %zu bytes\n",
	       2 * ((size_t)p->v * p->v + 2 * (size_t)LUTRA_K * LUTRA_K) + sizeof(p->token));
}

/* Prints the base and the packs: what the policy knows that no run showed. */
static void show_known(const struct policy *p)
{
	char program[CLI_TEXT], package[CLI_TEXT];

	if (!p->n_known)
		puts("  base         none: the policy knows only what its runs showed");
	for (size_t i = 0; i < p->n_known; i++) {
		const struct policy_known *k = &p->known[i];

		printf("  %-12s %s version %u", k->program ? "pack" : "base", k->name, k->version);
		if (k->program)
			printf(", of %s", cli_clean_text(k->program, program));
		if (k->package)
			printf(" of package %s", cli_clean_text(k->package, package));
		else if (k->program)
			printf(" by its path");
		printf(": %u objects that no run showed", k->objects);
		if (k->left_out)
			printf("; %u more had no room", k->left_out);
		putchar('\n');
	}
}

/* Prints a word of a list; a full line continues at INDENT. */
static void print_word(const char *word, unsigned *column)
{
	unsigned len = (unsigned)strlen(word);

	if (*column + 1 + len > WIDTH) {
		printf("\n%*s", INDENT, "");
		*column = INDENT;
	}
	printf(" %s", word);
	*column += 1 + len;
}

/* Prints a line for each system call with known arguments. */
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
		print_word(word, &column);
		for (uint32_t k = 0; k < seen->n; k++) {
			policy_args_name(i, seen->value[k], name, sizeof(name));
			snprintf(word, sizeof(word), "%s%s", name, k + 1 < seen->n ? "," : "");
			print_word(word, &column);
		}
		putchar('\n');
	}
}

static void show_actions(const struct policy *p)
{
	for (int action = LUTRA_ACTION_KILL; action >= LUTRA_ACTION_LOG; action--) {
		unsigned column = INDENT;

		/* The trainer never sets kill, but an operator may. */
		if (action == LUTRA_ACTION_KILL && !memchr(p->action, action, sizeof(p->action)))
			continue;
		printf("  %-12s", action_name((unsigned)action));
		for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
			if (p->action[g] == action)
				print_word(rule_name(g), &column);
		}
		putchar('\n');
	}
}

/* Prints what is unknown and only alerts, a line each. */
static void show_alerting(const struct policy *p)
{
	const char *title = "only alerts";

	for (size_t i = 0; i < p->n_objects; i++) {
		char text[PATH_MAX];

		if (!lutra_object_token_get(p->objects[i], LUTRA_FIELD_VARIES) ||
		    lutra_object_token_get(p->objects[i], LUTRA_FIELD_SIBLING))
			continue;
		policy_object_name(p, p->objects[i], text, sizeof(text));
		printf("  %-12s %s\n", title, text);
		title = "";
	}
}

/* Prints the directories of an older policy in which all new names only alert. */
static void show_varying_directories(const struct policy *p)
{
	unsigned column = INDENT;
	bool any = false;

	for (uint32_t i = 0; i < p->n_nodes; i++) {
		char path[PATH_MAX];

		if (!(p->nodes[i].flags & LUTRA_NODE_VARIES) ||
		    policy_node_path(p, i, path, sizeof(path)) < 0)
			continue;
		if (!any)
			printf("  %-12s", "varies");
		any = true;
		print_word(path, &column);
	}
	if (any)
		puts(": new names only alert here, but for programs");
}

/* Prints what a person added to the policy, a line each. */
static void show_accepted(const char *dir)
{
	json_auto_t *delta = NULL, *words = NULL;
	const char *title = "accepted";
	char text[PATH_MAX];
	json_t *word;
	size_t i;

	if (accepted_read(dir, NULL, &delta, NULL) < 0)
		return;
	words = accepted_words(delta);
	json_array_foreach (words, i, word) {
		const char *s = json_string_value(word);

		text_clean(s, strlen(s), text, sizeof(text));
		printf("  %-12s %s\n", title, text);
		title = "";
	}
}

/* Returns the LSM hook that refuses a system call of rule TH. */
static const char *syscall_hook_name(const struct policy *p, unsigned nr)
{
	const char *hook = syscall_hook(p->arch, nr);

	return hook ? hook : "no hook";
}

static bool is_hookable(const struct policy *p, unsigned nr)
{
	return p->hookable[nr / 64] >> (nr & 63) & 1;
}

/* Prints a line for each hook with its system calls. */
static void show_hookable(const struct policy *p)
{
	const char *title = "TH";
	bool shown[LUTRA_NR] = {};
	char word[64];

	for (unsigned first = 0; first < LUTRA_NR; first++) {
		unsigned column = INDENT;

		if (!is_hookable(p, first) || shown[first])
			continue;
		printf("  %-12s", title);
		title = "";
		snprintf(word, sizeof(word), "%s:", syscall_hook_name(p, first));
		print_word(word, &column);
		for (unsigned nr = first; nr < LUTRA_NR; nr++) {
			if (!is_hookable(p, nr) ||
			    strcmp(syscall_hook_name(p, nr), syscall_hook_name(p, first)) != 0)
				continue;
			print_word(syscall_name(p->arch, nr, word, sizeof(word)), &column);
			shown[nr] = true;
		}
		putchar('\n');
	}
}

static void show_threshold(const struct policy *p)
{
	char image[CLI_TEXT];

	if (!policy_has_level(p))
		printf("  thresholds   none: an older lutra made the policy, so level M is off; "
		       "make it anew\n%*swith lutra learn --image %s --anew\n",
		       INDENT + 1, "", cli_clean_text(p->image, image));
	else
		printf("  thresholds   M %.3f nat (%d)%s\n",
		       (double)p->threshold / (LUTRA_M_UNIT << LUTRA_M_FRACTION), p->threshold,
		       p->action[LUTRA_RULE_LEVEL] == LUTRA_ACTION_LOG ? ", which only logs" : "");
	if (policy_has_novelty(p))
		printf("%*sN %.1f %% of pairs never seen (%d)\n", INDENT + 1, "",
		       100. * p->novelty_threshold / LUTRA_N_ONE, p->novelty_threshold);
	else if (policy_has_level(p))
		printf("%*sN none: an older lutra made the policy, so level N is off\n", INDENT + 1,
		       "");
}

static void show_calibration(const struct policy *p)
{
	const struct policy_calibration *c = &p->calibration;
	char unseen[POLICY_UNSEEN_TEXT], file[CLI_TEXT], why[CLI_TEXT], number[4][NUMBER_TEXT];

	printf("  trained on   %zu runs, %.3f h, %llu calls, %llu objects, seed %llu\n", p->n_runs,
	       p->hours, (unsigned long long)p->calls, (unsigned long long)p->objects_seen,
	       (unsigned long long)p->seed);
	show_threshold(p);
	printf("  calibration  leave-one-run-out over %u runs, %.3f h: %u alert and %u deny "
	       "episodes\n",
	       c->runs, c->hours, c->alarms_alert, c->alarms_deny);
	printf("  to expect    false alarms %s to %s an hour, false refusals %s to %s an "
	       "hour (95 %%),\n%*sin work like that of the runs: work that no run had is not in "
	       "it\n",
	       number_text(c->alert_per_hour_95[0], 3, number[0]),
	       number_text(c->alert_per_hour_95[1], 3, number[1]),
	       number_text(c->deny_per_hour_95[0], 3, number[2]),
	       number_text(c->deny_per_hour_95[1], 3, number[3]), INDENT + 1, "");
	policy_unseen_text(&c->unseen, unseen);
	printf("  unseen       %s\n", unseen);
	if (policy_partial_run(p))
		printf("  caution      %s is only a part of a run (%s): use mode audit\n",
		       cli_clean_text(policy_partial_run(p)->file, file),
		       cli_clean_text(policy_partial_run(p)->partial, why));
	else if (c->audit_only)
		printf("  caution      too little training for deny: use mode audit\n");
	if (policy_lacks_hooks(p))
		printf("  caution      recorded without BPF LSM: capabilities and hooks without an "
		       "object are not\n%*sjudged; on a host with BPF LSM add runs before a mode "
		       "above audit\n",
		       INDENT + 1, "");
	if (c->advice && *c->advice)
		printf("  advice       %s\n", c->advice);
}

static int print_policy_json(const char *dir)
{
	_cleanup_free_ char *path = policy_json_path(dir), *text = NULL;
	struct err err;
	size_t len;

	if (!path)
		return cli_failf("out of memory");
	if (file_read(AT_FDCWD, path, POLICY_JSON_MAX, &text, &len, &err) < 0)
		return cli_fail(&err);
	puts(text);
	return 0;
}

static int show_policy(const struct policy_args *a, const char *name)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX], image[CLI_TEXT];
	struct err err;

	cli_policy_dir(name, a->config->policies_dir, dir, sizeof(dir));
	if (a->json)
		return print_policy_json(dir);
	if (cli_load_policy(dir, NULL, &p, &err) < 0)
		return cli_fail(&err);
	printf("%s\n  image        %s%s%s, %s\n"
	       "  mode         %s; in the kill modes levels M and N %s\n",
	       dir, cli_clean_text(p->image, image), p->digest ? " " : "",
	       p->digest ? p->digest : "", p->arch, mode_name(p->mode),
	       p->kill_matches > 1 ? "only alert" : "kill too");
	printf("  exec         sessions are %s\n",
	       p->audit_sessions ? "audited: what they do is logged, their new programs alert"
				 : "guarded as the service is");
	show_calls(p);
	show_objects(p);
	show_known(p);
	show_arguments(p);
	show_calibration(p);
	show_actions(p);
	show_alerting(p);
	show_varying_directories(p);
	show_accepted(dir);
	show_hookable(p);
	return 0;
}

int policy_cmd_show(const struct policy_args *a)
{
	int r = 0;

	for (int i = 0; i < a->n_names; i++)
		r |= show_policy(a, a->names[i]);
	return r;
}
