/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy list: lists policies and the containers that they guard. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/abi/names.h"
#include "lib/policy/policy.h"
#include "lib/base/text.h"
#include "user/cli/cli.h"
#include "user/cli/ask.h"
#include "user/sys/clock.h"
#include "user/policy/policy_summary.h"
#include "user/cli/policy/policy_cmd.h"

static int is_policy_entry(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Returns the names of the containers that lutrad guards with the policy. */
static json_t *container_names(const json_t *status, const char *dir)
{
	json_t *names = json_array();
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(status, "containers"), i, c) {
		const char *policy = json_string_value(json_object_get(c, "policy"));

		if (policy && strcmp(policy, dir) == 0)
			json_array_append(names, json_object_get(c, "name"));
	}
	return names;
}

/* Returns NULL if the entry is not a directory. */
static json_t *policy_to_json(const struct policy_args *a, const char *parent, const char *name,
			      const json_t *status)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s", parent, name);
	return policy_summary_to_json(a->config, parent, name, container_names(status, dir), NULL);
}

static void print_clean(const char *s)
{
	char buf[512];

	text_clean(s, strlen(s), buf, sizeof(buf));
	fputs(buf, stdout);
}

static void print_policy(const json_t *one)
{
	const json_t *containers = json_object_get(one, "containers"), *c;
	const json_t *signed_by = json_object_get(one, "signed_by");
	bool own = strcmp(cli_json_text(one, "mode"), cli_json_text(one, "policy_mode")) == 0;
	size_t i;

	print_clean(cli_json_text(one, "name"));
	if (!json_is_true(json_object_get(one, "good"))) {
		printf("\n  refused: %s\n", cli_json_text(one, "error"));
	} else {
		printf("  %s%s%s%s  ", cli_json_text(one, "mode"), own ? "" : " (the policy says ",
		       own ? "" : cli_json_text(one, "policy_mode"), own ? "" : ")");
		print_clean(cli_json_text(one, "image"));
		printf("%s%s\n  %lld runs, %.3f h, %lld calls; created %s; %s\n",
		       *cli_json_text(one, "digest") ? " " : "", cli_json_text(one, "digest"),
		       (long long)json_integer_value(json_object_get(one, "runs")),
		       json_real_value(json_object_get(one, "hours")),
		       (long long)json_integer_value(json_object_get(one, "calls")),
		       cli_json_text(one, "created"),
		       json_is_string(signed_by)  ? "signed"
		       : json_is_false(signed_by) ? "wrong signature"
						  : "not signed");
	}
	if (json_array_size(containers))
		printf("  guards");
	json_array_foreach (containers, i, c)
		printf(" %s", json_string_value(c));
	if (json_array_size(containers))
		putchar('\n');
}

int policy_cmd_list(const struct policy_args *a)
{
	const char *dir = a->n_names ? a->names[0] : a->config->policies_dir;
	json_auto_t *status = NULL;
	struct dirent **entries = NULL;
	json_t *out = json_array(), *one;
	int n = scandir(dir, &entries, is_policy_entry, alphasort);
	size_t i;

	if (n < 0) {
		json_decref(out);
		return cli_failf("%s: %s", dir, strerror(errno));
	}
	/* Without lutrad, or without root, the list has no containers. */
	ask_daemon(a->config_file, "status/full", NULL, &status, NULL);
	for (int k = 0; k < n; k++) {
		one = policy_to_json(a, dir, entries[k]->d_name, status);
		if (one)
			json_array_append_new(out, one);
		free(entries[k]);
	}
	free(entries);
	if (a->json)
		return cli_print_json(out, true);
	json_array_foreach (out, i, one)
		print_policy(one);
	json_decref(out);
	return 0;
}
