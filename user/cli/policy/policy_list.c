/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy list. */
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
#include "lib/policy/policy_format.h"
#include "lib/base/text.h"
#include "user/cli/cli.h"
#include "user/http/control_client.h"
#include "user/sys/clock.h"
#include "user/policy/modes.h"
#include "user/cli/policy/policy_cmd.h"

static int not_dot(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* ---- what is said of a policy ---- */

/* Names of the containers that the daemon guards by it. */
static json_t *bound(const json_t *status, const char *dir)
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

/* When its policy.json was written. */
static json_t *created(const char *dir)
{
	_cleanup_free_ char *path = NULL;
	char time[CLOCK_TEXT];
	struct stat st;

	if (asprintf(&path, "%s/" POLICY_JSON_FILE, dir) < 0 || stat(path, &st) < 0)
		return json_null();
	return json_string(clock_format((uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC, time));
}

/* Its signer's key; null: unsigned; false: the signature is not good. */
static json_t *signer(const char *dir)
{
	char public[POLICY_KEY_TEXT];
	int r = policy_signer(dir, public, NULL);

	if (r == -ENOENT)
		return json_null();
	return r < 0 ? json_false() : json_string(public);
}

static int add_known(json_t *one, const struct policy *p, unsigned mode)
{
	json_t *known = json_pack(
		"{s:o, s:o, s:s, s:s, s:i, s:f, s:I, s:s}", "image", text_json_keep(p->image),
		"digest", p->digest ? text_json_keep(p->digest) : json_null(), "mode",
		mode_name(mode), "policy_mode", mode_name(p->mode), "runs", (int)p->n_runs, "hours",
		p->hours, "calls", (json_int_t)p->calls, "sha256", p->json_sha256);

	return known ? json_object_update_new(one, known) : -1;
}

/* NULL: it is no directory. */
static json_t *describe(const struct policy_args *a, const char *parent, const char *name,
			const json_t *status)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX];
	struct err err = {};
	unsigned mode = 0;
	json_t *one;
	int r;

	snprintf(dir, sizeof(dir), "%s/%s", parent, name);
	r = policy_load_signed(&p, dir, &a->config->policy_keys, &err);
	if (r == -ENOTDIR)
		return NULL;
	if (r == 0)
		r = modes_get(a->config, dir, p, &mode, &err);
	one = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "name", text_json_keep(name), "good",
			r == 0, "error", r < 0 ? text_json_keep(err.msg) : json_null(), "created",
			created(dir), "signed_by", signer(dir), "containers", bound(status, dir));
	if (one && p && add_known(one, p, mode) < 0) {
		json_decref(one);
		return NULL;
	}
	return one;
}

/* ---- printing ---- */

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static void print_clean(const char *s)
{
	char buf[512];

	text_clean(s, strlen(s), buf, sizeof(buf));
	fputs(buf, stdout);
}

static void print_one(const json_t *one)
{
	const json_t *containers = json_object_get(one, "containers"), *c;
	const json_t *signed_by = json_object_get(one, "signed_by");
	bool own = strcmp(text(one, "mode"), text(one, "policy_mode")) == 0;
	size_t i;

	print_clean(text(one, "name"));
	if (!json_is_true(json_object_get(one, "good"))) {
		printf("\n  refused: %s\n", text(one, "error"));
	} else {
		printf("  %s%s%s%s  ", text(one, "mode"), own ? "" : " (the policy says ",
		       own ? "" : text(one, "policy_mode"), own ? "" : ")");
		print_clean(text(one, "image"));
		printf("%s%s\n  %lld runs, %.3f h, %lld calls; created %s; %s\n",
		       *text(one, "digest") ? " " : "", text(one, "digest"),
		       (long long)json_integer_value(json_object_get(one, "runs")),
		       json_real_value(json_object_get(one, "hours")),
		       (long long)json_integer_value(json_object_get(one, "calls")),
		       text(one, "created"),
		       json_is_string(signed_by)  ? "signed"
		       : json_is_false(signed_by) ? "wrongly signed"
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
	int n = scandir(dir, &entries, not_dot, alphasort);
	size_t i;

	if (n < 0) {
		json_decref(out);
		return cli_failf("%s: %s", dir, strerror(errno));
	}
	/* Without a daemon, or its leave, nothing is said of containers. */
	client_ask(a->config_file, json_pack("{s:s}", "cmd", "status"), &status, NULL, NULL, NULL);
	for (int k = 0; k < n; k++) {
		one = describe(a, dir, entries[k]->d_name, status);
		if (one)
			json_array_append_new(out, one);
		free(entries[k]);
	}
	free(entries);
	if (a->json)
		return cli_print_json(out, true);
	json_array_foreach (out, i, one)
		print_one(one);
	json_decref(out);
	return 0;
}
