/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the summary of a policy, and the errors of the commands. */
#include "trainer/report.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/number.h"
#include "lutra/score_m.h"

int report_exit_status(const char *command, int r, struct err *err)
{
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(err, -errno, "cannot write to the standard output: %s",
			    strerror(errno));
	if (r < 0)
		fprintf(stderr, "%s: %s\n", command, err->msg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_tokens(const struct policy *p, FILE *out)
{
	const char *sep = "";
	unsigned keys = 0;

	fprintf(out, "  calls     %u tokens (", p->v - LUTRA_TOKEN0);
	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		unsigned n = 0;

		for (unsigned nr = 0; nr < LUTRA_NR; nr++)
			n += p->token[role][nr] != LUTRA_UNK;
		if (n)
			fprintf(out, "%s%s %u", sep, role_name(role), n);
		sep = n ? ", " : sep;
	}
	for (size_t i = 0; i < p->n_keys; i++)
		keys += policy_key_has_token(&p->keys[i]);
	fprintf(out, "%sobjects %u); steady after the first %s", sep, keys,
		p->steady_on_wait ? "wait call" : "accept");
	fputs(p->first_process == POLICY_FIRST_STAYS ? ", but for the first process\n" : "\n", out);
}

static void print_tables(const struct policy *p, FILE *out)
{
	size_t bytes = ((size_t)p->v * p->v + 2 * LUTRA_K * LUTRA_K) * sizeof(*p->t0);
	size_t wildcards = 0;

	for (size_t i = 0; i < p->n_nodes; i++)
		wildcards += (p->nodes[i].flags & LUTRA_NODE_WILDCARD) != 0;
	fprintf(out, "  tables    %.1f KB of level M (%u x %u, 2 x %d x %d), 2 KB token map\n",
		(double)bytes / 1000, p->v, p->v, LUTRA_K, LUTRA_K);
	fprintf(out, "  objects   %zu path nodes, %zu of them wildcards; %zu tokens\n", p->n_nodes,
		wildcards, p->n_objects);
}

/* Prints the base and the packs, or that there are none. */
static void print_known(const struct policy *p, FILE *out)
{
	if (!p->n_known)
		fputs("  base      none: neither base nor packs were added\n", out);
	for (size_t i = 0; i < p->n_known; i++) {
		const struct policy_known *k = &p->known[i];

		fprintf(out, "  %-9s %s %u", k->program ? "pack" : "base", k->name, k->version);
		if (k->program)
			fprintf(out, ", of %s %s%s", k->program,
				k->package ? "of package " : "by its path",
				k->package ? k->package : "");
		fprintf(out, ": %u objects that no run has to show", k->objects);
		if (k->left_out)
			fprintf(out, "; no room for %u more", k->left_out);
		fputc('\n', out);
	}
}

static void print_alarms(const struct policy_calibration *c, FILE *out)
{
	const char *sep = ": ";

	fprintf(out, "  replay    each run by the others' policy: %u runs, %u held out, %.2f h, ",
		c->runs, c->heldout, c->hours);
	fprintf(out, "%llu calls; episodes", (unsigned long long)c->calls);
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
		if (!c->alarms[g])
			continue;
		fprintf(out, "%s%s %u", sep, rule_name(g), c->alarms[g]);
		sep = ", ";
	}
	fprintf(out, "%s\n", sep[0] == ':' ? ": none" : "");
}

static void print_rate(const char *what, uint32_t n, double hours, const double rate[2], FILE *out)
{
	char mean[NUMBER_TEXT], low[NUMBER_TEXT], high[NUMBER_TEXT];

	fprintf(out, "%s %u = %s/h [%s to %s]", what, n, number_text(n / hours, 2, mean),
		number_text(rate[0], 2, low), number_text(rate[1], 3, high));
}

static void print_calibration(const struct policy *p, FILE *out)
{
	const struct policy_calibration *c = &p->calibration;
	char unseen[POLICY_UNSEEN_TEXT];

	if (c->hours <= 0) {
		fputs("  replay    none: it takes two runs, or one held out; levels M and N only "
		      "log\n",
		      out);
		return;
	}
	fprintf(out, "  level     M to %.2f nat, %s above %.2f\n", c->max_level,
		p->action[LUTRA_RULE_LEVEL] == LUTRA_ACTION_LOG ? "logs" : "alerts",
		p->threshold / (double)(LUTRA_M_UNIT << LUTRA_M_FRACTION));
	fprintf(out, "            N to %.1f %% of pairs, alerts above %.1f %%\n",
		100 * c->max_novelty, 100. * p->novelty_threshold / LUTRA_N_ONE);
	print_alarms(c, out);
	fputs("  expect    ", out);
	print_rate("alerts", c->alarms_alert, c->hours, c->alert_per_hour_95, out);
	print_rate("; refusals", c->alarms_deny, c->hours, c->deny_per_hour_95, out);
	fputs(" (95 %),\n            in work like that of the runs: work that no run had is not in "
	      "it\n",
	      out);
	policy_unseen_text(&c->unseen, unseen);
	fprintf(out, "  unseen    %s\n", unseen);
}

void report_print_policy(const struct policy *p, FILE *out)
{
	fprintf(out, "%s: %zu run%s, %.2f h, %llu calls, %llu object events\n", p->image, p->n_runs,
		p->n_runs == 1 ? "" : "s", p->hours, (unsigned long long)p->calls,
		(unsigned long long)p->objects_seen);
	print_tokens(p, out);
	print_tables(p, out);
	print_known(p, out);
	print_calibration(p, out);
	fprintf(out, "  mode      %s%s\n", mode_name(p->mode),
		p->calibration.audit_only ? ", nothing denies yet" : "");
	if (p->calibration.advice[0])
		fprintf(out, "  advice    %s\n", p->calibration.advice);
}
