/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up calibrations, and says what would make a policy better. */
#include "trainer/rules/calibration/calibration.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lib/base/number.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/calibration/episodes.h"

void calibration_add(struct policy_calibration *c, const struct policy_calibration *old)
{
	c->hours += old->hours;
	c->calls += old->calls;
	c->runs += old->runs;
	c->heldout += old->heldout;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		c->alarms[g] += old->alarms[g];
	c->alarms_alert += old->alarms_alert;
	c->alarms_deny += old->alarms_deny;
}

#define DIRECTORIES_MAX 6 /* named in the advice; of the others the number is */

/* Writes the directories in which new names vary. */
static void write_varying(const struct policy *p, const char *sep, FILE *f)
{
	size_t n = 0;

	for (uint32_t i = 0; i < p->n_nodes; i++) {
		char path[PATH_MAX];

		if (!policy_node_varies(p, i) || n++ >= DIRECTORIES_MAX)
			continue;
		policy_node_path(p, i, path, sizeof(path));
		fprintf(f, "%s%s%s", n == 1 ? sep : ", ",
			n == 1 ? "only alerting on new names like those that training runs met in "
			       : "",
			path);
	}
	if (n > DIRECTORIES_MAX)
		fprintf(f, " and %zu more", n - DIRECTORIES_MAX);
}

int calibration_advise(struct policy *p, size_t n_runs)
{
	struct policy_calibration *c = &p->calibration;
	const char *sep = "";
	char hours[NUMBER_TEXT], bound[NUMBER_TEXT];
	double replay[2], hour[2], best;
	size_t len;
	FILE *f = open_memstream(&c->advice, &len);

	if (!f)
		return -ENOMEM;
	if (n_runs < CALIBRATE_RUNS_DENY)
		fprintf(f,
			"record %zu more run%s before it may deny, 9 or 10 in all for few alerts",
			CALIBRATE_RUNS_DENY - n_runs, CALIBRATE_RUNS_DENY - n_runs > 1 ? "s" : "");
	else if (n_runs < CALIBRATE_RUNS_GOOD)
		fputs("alerts get rare with 9 or 10 runs", f);
	sep = n_runs < CALIBRATE_RUNS_GOOD ? "; " : "";
	/* The bound is the replays' and that of the unseen: both have an end with no episode. */
	episodes_rate_95(0, c->hours, replay);
	episodes_rate_95(0, 1, hour);
	best = 2 * replay[1];
	if (c->hours > 0 && best > 1) {
		fprintf(f,
			"%s%s%s h can show no less than %s alarms an hour, record %.1f h "
			"more for 1 an hour",
			sep,
			c->hours * 3600 < CALIBRATE_SECONDS_DENY ? "too little time to deny; " : "",
			number_text(c->hours, 3, hours), number_text(best, 3, bound),
			2 * hour[1] - c->hours);
		sep = "; ";
	}
	write_varying(p, sep, f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}
