/* SPDX-License-Identifier: Apache-2.0 */
/* lutra enroll, release, status, events: what the daemon does, asked over its socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/mode_args.h"
#include "lib/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/http/control_client.h"
#include "user/http/control_protocol.h"
#include "user/cli/daemon/lifecycle_print.h"
#include "user/cli/policy/policy_cmd.h"

enum { OPT_CGROUP = 256, OPT_ALL, OPT_NEXT_EXEC, OPT_FORCE, OPT_DIGEST };

#define FORCE_OPTION                                                                               \
	{                                                                                          \
		"force", OPT_FORCE, NULL, 0,                                                       \
			"A mode above audit also for a policy made from too little to refuse", 0   \
	}
#define CONFIG_OPTION                                                                              \
	{                                                                                          \
		"config", 'c', "FILE", 0, "The daemon's configuration, for its socket", 0          \
	}

struct daemon_args {
	const char *config;
	const char *cgroup;
	const char *policy;
	int mode; /* -1: the policy's */
	const char *mode_name;
	const char *name;
	const char *image;
	const char *digest;
	unsigned long long limit;
	bool all, follow, json, next_exec, force;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct daemon_args *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case OPT_CGROUP:
		a->cgroup = arg;
		return 0;
	case 'p':
		a->policy = arg;
		return 0;
	case 'm':
		a->mode_name = arg;
		return mode_args_read(state, arg, &a->mode);
	case 'n':
		a->name = arg;
		return 0;
	case 'i':
		a->image = arg;
		return 0;
	case OPT_DIGEST:
		a->digest = arg;
		return 0;
	case 'l':
		return args_number(state, arg, PROTOCOL_EVENTS_MAX, "--limit", &a->limit);
	case 'f':
		a->follow = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case OPT_ALL:
		a->all = true;
		return 0;
	case OPT_NEXT_EXEC:
		a->next_exec = true;
		return 0;
	case OPT_FORCE:
		a->force = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The request's optional members are those that are not NULL. */
static void set(json_t *q, const char *key, const char *value)
{
	if (value)
		json_object_set_new(q, key, json_string(value));
}

/* realpath() of what has a slash, for the daemon runs elsewhere. *ret is NULL on failure. */
static char *absolute(const char *path)
{
	char *s = realpath(path, NULL);

	if (!s)
		cli_failf("%s: %s", path, strerror(errno));
	return s;
}

static int ask(const struct daemon_args *a, json_t *q, json_t **ret)
{
	struct err err;

	return client_ask(a->config, q, ret, NULL, NULL, &err) < 0 ? cli_fail(&err) : 0;
}

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static void say_forced(const struct daemon_args *a, const json_t *container)
{
	if (a->force && a->mode >= 0)
		policy_say_forced(text(container, "name"), text(container, "policy"),
				  (unsigned)a->mode);
}

/* ---- enroll ---- */

static const struct argp_option enroll_options[] = {
	{"cgroup", OPT_CGROUP, "PATH", 0, "Cgroup v2 directory of the container", 0},
	{"policy", 'p', "DIR", 0, "Policy: a directory, or a name in the daemon's policies_dir", 0},
	{"mode", 'm', "MODE", 0,
	 "learn, audit, deny, kill, kill-container or freeze; default: "
	 "what the policy says",
	 0},
	{"name", 'n', "NAME", 0, "Name; default: from the cgroup's", 0},
	{"image", 'i', "REF", 0, "Image reference; default: the policy's", 0},
	{"digest", OPT_DIGEST, "DIGEST", 0,
	 "Digest of the image, sha256:…; by it a policy is known to be of another", 0},
	{"next-exec", OPT_NEXT_EXEC, NULL, 0,
	 "Who is in it, or joins, counts from its next exec on (the container is about to start)",
	 0},
	FORCE_OPTION,
	CONFIG_OPTION,
	{},
};

static error_t parse_enroll(int key, char *arg, struct argp_state *state)
{
	struct daemon_args *a = state->input;

	if (key == ARGP_KEY_ARG)
		return args_usage(state, "takes no argument");
	if (key != ARGP_KEY_END)
		return parse(key, arg, state);
	if (!a->cgroup || (!a->policy && !a->image))
		return args_usage(state, "--cgroup PATH and --policy DIR are needed, or --image "
					 "REF of one that is learned");
	return 0;
}

static const struct argp enroll_argp = {
	enroll_options,
	parse_enroll,
	"--cgroup PATH --policy DIR|--image REF",
	"Put a container under the daemon's guard, or have it learned (lutra learn).",
	NULL,
	NULL,
	NULL};

int cmd_enroll(int argc, char **argv)
{
	_cleanup_free_ char *cgroup = NULL, *policy = NULL;
	struct daemon_args a = {.mode = -1};
	json_auto_t *answer = NULL;
	json_t *q, *c;

	args_parse(&enroll_argp, argc, argv, false, &a);
	cgroup = absolute(a.cgroup);
	if (a.policy)
		policy = cli_is_policy_path(a.policy) ? absolute(a.policy) : strdup(a.policy);
	if (!cgroup || (a.policy && !policy))
		return 1;
	q = json_pack("{s:s}", "cmd", "enroll");
	set(q, "cgroup", cgroup);
	set(q, "policy", policy);
	set(q, "mode", a.mode_name);
	set(q, "name", a.name);
	set(q, "image", a.image);
	set(q, "digest", a.digest);
	if (a.next_exec)
		json_object_set_new(q, "next_exec", json_true());
	if (a.force)
		json_object_set_new(q, "force", json_true());
	if (ask(&a, q, &answer))
		return 1;
	c = json_object_get(answer, "container");
	printf("%s: enrolled, mode %s\n", json_string_value(json_object_get(c, "name")),
	       json_string_value(json_object_get(c, "mode")));
	say_forced(&a, c);
	return 0;
}

/* ---- release ---- */

static const struct argp_option release_options[] = {
	{"cgroup", OPT_CGROUP, "PATH", 0, "The container of this cgroup", 0},
	{"all", OPT_ALL, NULL, 0, "All of them", 0},
	CONFIG_OPTION,
	{},
};

static error_t parse_release(int key, char *arg, struct argp_state *state)
{
	struct daemon_args *a = state->input;

	if (key == ARGP_KEY_ARG && !a->name) {
		a->name = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		return args_usage(state, "takes one name");
	if (key != ARGP_KEY_END)
		return parse(key, arg, state);
	if ((a->name != NULL) + (a->cgroup != NULL) + a->all != 1)
		return args_usage(state, "give one of NAME, --cgroup PATH and --all");
	return 0;
}

static const struct argp release_argp = {
	release_options,
	parse_release,
	"NAME|--cgroup PATH|--all",
	"End the guard of a container; one that was frozen goes on.",
	NULL,
	NULL,
	NULL};

int cmd_release(int argc, char **argv)
{
	_cleanup_free_ char *cgroup = NULL;
	struct daemon_args a = {.mode = -1};
	json_auto_t *answer = NULL;
	json_t *q;

	args_parse(&release_argp, argc, argv, false, &a);
	if (a.cgroup) {
		cgroup = absolute(a.cgroup);
		if (!cgroup)
			return 1;
	}
	q = json_pack("{s:s}", "cmd", "release");
	set(q, "name", cgroup ? cgroup : a.name);
	if (a.all)
		json_object_set_new(q, "all", json_true());
	if (ask(&a, q, &answer))
		return 1;
	printf("%lld released\n",
	       (long long)json_integer_value(json_object_get(answer, "released")));
	return 0;
}

/* ---- mode, thaw ---- */

static const struct argp_option config_options[] = {
	CONFIG_OPTION,
	{},
};

static error_t parse_mode(int key, char *arg, struct argp_state *state)
{
	struct daemon_args *a = state->input;

	if (key == ARGP_KEY_ARG && !a->name) {
		a->name = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG && !a->mode_name) {
		a->mode_name = arg;
		return mode_args_read(state, arg, &a->mode);
	}
	if (key == ARGP_KEY_ARG)
		return args_usage(state, "takes a name and a mode");
	if (key != ARGP_KEY_END)
		return parse(key, arg, state);
	return a->mode_name ? 0 : args_usage(state, "give NAME and MODE");
}

static const struct argp_option mode_options[] = {
	FORCE_OPTION,
	CONFIG_OPTION,
	{},
};

static const struct argp mode_argp = {
	mode_options,
	parse_mode,
	"NAME MODE",
	"Switch the mode of a container that is guarded: audit, deny, kill, kill-container or "
	"freeze. It takes effect with its next call; one that was frozen goes on.",
	NULL,
	NULL,
	NULL};

static int ask_for_container(const struct daemon_args *a, json_t *q)
{
	json_auto_t *answer = NULL;
	const json_t *c;

	if (ask(a, q, &answer))
		return 1;
	c = json_object_get(answer, "container");
	printf("%s: mode %s\n", json_string_value(json_object_get(c, "name")),
	       json_string_value(json_object_get(c, "mode")));
	say_forced(a, c);
	return 0;
}

int cmd_mode(int argc, char **argv)
{
	struct daemon_args a = {.mode = -1};

	args_parse(&mode_argp, argc, argv, false, &a);
	return ask_for_container(&a, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "mode", "name",
					       a.name, "mode", a.mode_name, "force", (int)a.force));
}

static error_t parse_thaw(int key, char *arg, struct argp_state *state)
{
	struct daemon_args *a = state->input;

	if (key == ARGP_KEY_ARG && !a->name) {
		a->name = arg;
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		return args_usage(state, "takes one name");
	if (key != ARGP_KEY_END)
		return parse(key, arg, state);
	return a->name ? 0 : args_usage(state, "give NAME");
}

static const struct argp thaw_argp = {
	config_options,
	parse_thaw,
	"NAME",
	"After a false alarm: a frozen container goes on, and levels and histories of its tasks "
	"begin again. It stays under guard, in the same mode.",
	NULL,
	NULL,
	NULL};

int cmd_thaw(int argc, char **argv)
{
	struct daemon_args a = {.mode = -1};

	args_parse(&thaw_argp, argc, argv, false, &a);
	return ask_for_container(&a, json_pack("{s:s, s:s}", "cmd", "thaw", "name", a.name));
}

/* ---- status ---- */

static const struct argp_option status_options[] = {
	{"json", 'j', NULL, 0, "Print JSON", 0},
	CONFIG_OPTION,
	{},
};

static error_t parse_plain(int key, char *arg, struct argp_state *state)
{
	return key == ARGP_KEY_ARG ? args_usage(state, "takes no argument")
				   : parse(key, arg, state);
}

static const struct argp status_argp = {
	status_options, parse_plain, NULL, "Say what the daemon guards, and its counters.",
	NULL,		NULL,	     NULL};

static long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

static void print_container(const json_t *c)
{
	const json_t *n = json_object_get(c, "counters");

	printf("%-20s %-14s%s %s\n", text(c, "name"), text(c, "mode"),
	       json_is_true(json_object_get(c, "frozen")) ? " FROZEN" : "", text(c, "image"));
	printf("  since %s, cgroup %s\n", text(c, "since"), text(c, "cgroup"));
	printf("  %s %.12s%s%s%s%s\n", text(c, "engine"), text(c, "id"),
	       *text(c, "pod") ? ", pod " : "", text(c, "pod_namespace"),
	       *text(c, "pod") ? "/" : "", text(c, "pod"));
	if (json_is_true(json_object_get(c, "learned")))
		printf("  recorded: its runs are learned from\n");
	if (*text(c, "policy"))
		printf("  policy %s, %.12s, since %s\n", text(c, "policy"),
		       text(c, "policy_sha256"), text(c, "policy_since"));
	if (*text(c, "policy_error"))
		printf("  %s\n", text(c, "policy_error"));
	printf("  calls %lld, objects %lld; alerts %lld, denied %lld, killed %lld; evidence lost "
	       "%lld\n",
	       number(n, "calls"), number(n, "objects"), number(n, "alert"), number(n, "deny"),
	       number(n, "kill"), number(n, "evidence_lost"));
}

int cmd_status(int argc, char **argv)
{
	struct daemon_args a = {.mode = -1};
	json_auto_t *answer = NULL;
	json_t *c;
	size_t i;

	args_parse(&status_argp, argc, argv, false, &a);
	if (ask(&a, json_pack("{s:s}", "cmd", "status"), &answer))
		return 1;
	if (a.json)
		return cli_print_json(json_incref(answer), true);
	printf("lutrad %lld since %s, %s; events kept %lld, lost %lld\n", number(answer, "pid"),
	       text(answer, "since"),
	       json_is_true(json_object_get(answer, "lsm")) ? "BPF LSM"
							    : "tracepoints instead of BPF LSM",
	       number(answer, "events_stored"), number(answer, "events_lost"));
	json_array_foreach (json_object_get(answer, "life"), i, c)
		lifecycle_print(c, stdout);
	json_array_foreach (json_object_get(answer, "containers"), i, c)
		print_container(c);
	return 0;
}

/* ---- events ---- */

static const struct argp_option events_options[] = {
	{"follow", 'f', NULL, 0, "Go on with those that come, until interrupted", 0},
	{"limit", 'l', "N", 0, "At most the last N", 0},
	{"json", 'j', NULL, 0, "Print JSON lines in the shape of Falco's alerts", 0},
	CONFIG_OPTION,
	{},
};

static const struct argp events_argp = {
	events_options, parse_plain, NULL, "Print what happened in guarded containers.",
	NULL,		NULL,	     NULL};

static int print_event(void *ctx, const char *line)
{
	const struct daemon_args *a = ctx;
	json_auto_t *j = NULL;

	if (a->json) {
		puts(line);
	} else {
		j = json_loads(line, 0, NULL);
		printf("%s %s\n", text(j, "time"), text(j, "output"));
	}
	return fflush(stdout) != 0;
}

int cmd_events(int argc, char **argv)
{
	struct daemon_args a = {.mode = -1, .limit = PROTOCOL_EVENTS_DEFAULT};
	json_auto_t *answer = NULL;
	struct err err;
	json_t *q;

	args_parse(&events_argp, argc, argv, false, &a);
	q = json_pack("{s:s, s:I, s:b}", "cmd", "events", "limit", (json_int_t)a.limit, "follow",
		      (int)a.follow);
	if (client_ask(a.config, q, &answer, print_event, &a, &err) < 0)
		return cli_fail(&err);
	return 0;
}
