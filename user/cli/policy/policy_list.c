/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy list: lists policies and the containers that they guard. */
#include <dirent.h>

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

/* Returns {NAME: MODE} of those of them that are in another mode than their policy's. */
static json_t *differing_modes(const json_t *status, const char *dir, const char *mode)
{
	json_t *modes = json_object();
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(status, "containers"), i, c)
		if (strcmp(cli_json_text(c, "policy"), dir) == 0 &&
		    strcmp(cli_json_text(c, "mode"), mode) != 0)
			json_object_set(modes, cli_json_text(c, "name"),
					json_object_get(c, "mode"));
	return modes;
}

static void print_containers(const json_t *one)
{
	const json_t *containers = json_object_get(one, "containers"), *c;
	const json_t *modes = json_object_get(one, "container_modes");
	size_t i;

	if (!json_array_size(containers))
		return;
	printf("  guards");
	json_array_foreach (containers, i, c) {
		const char *name = json_string_value(c), *mode = cli_json_text(modes, name);
		char shown[CLI_TEXT];

		printf("%s %s%s%s%s", i ? "," : "", cli_clean_text(name, shown), *mode ? " (" : "",
		       mode, *mode ? ")" : "");
	}
	putchar('\n');
}

static void print_policy(const json_t *one)
{
	const json_t *signed_by = json_object_get(one, "signed_by");
	bool own = strcmp(cli_json_text(one, "mode"), cli_json_text(one, "policy_mode")) == 0;

	fputs(cli_json_text(one, "name"), stdout);
	if (!cli_json_is(one, "good")) {
		printf("\n  refused: %s\n", cli_json_text(one, "error"));
	} else {
		printf("  %s%s%s%s  %s", cli_json_text(one, "mode"),
		       own ? "" : " (the policy says ",
		       own ? "" : cli_json_text(one, "policy_mode"), own ? "" : ")",
		       cli_json_text(one, "image"));
		printf("%s%s\n  %lld runs, %.3f h, %lld calls; created %s; %s\n",
		       *cli_json_text(one, "digest") ? " " : "", cli_json_text(one, "digest"),
		       cli_json_number(one, "runs"), json_real_value(json_object_get(one, "hours")),
		       cli_json_number(one, "calls"), cli_json_text(one, "created"),
		       json_is_string(signed_by)  ? "signed"
		       : json_is_false(signed_by) ? "wrong signature"
						  : "not signed");
	}
	print_containers(one);
}

int policy_cmd_list(const struct policy_args *a)
{
	const char *dir = a->n_names ? a->names[0] : a->config->policies_dir;
	json_auto_t *status = NULL;
	struct dirent **entries = NULL;
	json_auto_t *out = json_array();
	int n = scandir(dir, &entries, is_policy_entry, alphasort);
	char path[PATH_MAX];
	json_t *one;
	size_t i;

	if (n < 0)
		return cli_failf("%s: %s", dir, strerror(errno));
	/* Without lutrad, or without root, the list has no containers. */
	cli_ask(a->config_file, "status/full", LOCAL_GET, &status, NULL);
	for (int k = 0; k < n; k++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[k]->d_name);
		one = policy_summary_to_json(a->config, dir, entries[k]->d_name,
					     container_names(status, path), NULL);
		json_object_set_new(one, "container_modes",
				    differing_modes(status, path, cli_json_text(one, "mode")));
		/* An entry that is no directory is NULL and is not appended. */
		json_array_append_new(out, one);
		free(entries[k]);
	}
	free(entries);
	if (a->json)
		return cli_print_json(TAKE_PTR(out), true);
	json_array_foreach (out, i, one)
		print_policy(one);
	return 0;
}
