/* SPDX-License-Identifier: Apache-2.0 */
/* lutra record: records one run of a container, a cgroup or a command into a trace. */
#include "user/cli/cli.h"
#include "user/identity/cgroup_lookup.h"
#include "user/cli/local/session.h"

enum { OPT_CONTAINER = 256, OPT_FOR };

struct record_args {
	const char *config_file;
	const char *container;
	const char *cgroup;
	struct session_config session;
	struct args_list command; /* ends with NULL, as argv does */
};

#define S struct record_args
static const struct args_option options[] = {
	ARGS_STRING("container", OPT_CONTAINER, "NAME",
		    "Record this running container: name, or id's beginning", S, container),
	CLI_OPTION_CGROUP(S),
	CLI_OPTION_IMAGE(S, session.image, "Image reference for the trace"),
	CLI_OPTION_OUTPUT(S, session.record, "Trace to write; the file must not exist"),
	ARGS_NUMBER("for", OPT_FOR, "SECONDS", "Stop after this time", 0, 365ull * 86400, S,
		    session.seconds),
	CLI_OPTION_NO_LSM(S),
	CLI_OPTION_CONFIG(S),
	{},
};
#undef S

static error_t check_record_args(struct argp_state *state, void *ret)
{
	const struct record_args *a = ret;
	int n = (a->container != NULL) + (a->cgroup != NULL) + (a->command.n > 0);

	if (n == 0 && a->session.image)
		return args_usage(state, "--image alone cannot find a container: add --container, "
					 "--cgroup or -- COMMAND");
	if (n != 1)
		return args_usage(state, "give one of --container, --cgroup and -- COMMAND");
	if (!a->session.record)
		return args_usage(state, "no output file: give -o FILE.ltr");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "-o FILE.ltr (--container NAME | --cgroup PATH | -- COMMAND [ARGUMENT]…)",
	.doc = "Record one run of a container, a cgroup or a command, from start to stop."
	       "\vRecording ends with the container or command, after --for, or by SIGINT or "
	       "SIGTERM. "
	       "To record the start of a container, start recording its empty cgroup first.",
	.in_order = true,
	.max = INT_MAX,
	.list = offsetof(struct record_args, command),
	.check = check_record_args,
};

/* Finds a container of a list of the API by its name or the beginning of its id. NULL: none. */
static const json_t *find_listed(const json_t *list, const char *word)
{
	const json_t *c;
	size_t i;

	json_array_foreach (list, i, c)
		if (strcmp(cli_json_text(c, "name"), word) == 0 ||
		    (strlen(word) >= SHORT_ID_MIN &&
		     strncmp(cli_json_text(c, "id"), word, strlen(word)) == 0))
			return c;
	return NULL;
}

/*
 * Asks lutrad for the cgroup of a container, guarded or not, by its name. -ENOENT: lutrad does not run
 * or does not know it.
 */
static int ask_cgroup(const char *config_file, const char *word, char **ret)
{
	json_auto_t *guarded = NULL, *all = NULL;
	char path[LOCAL_CLIENT_PATH];
	const json_t *c = NULL;

	local_client_path(path, "containers", word, NULL);
	if (cli_ask(config_file, path, LOCAL_GET, &guarded, NULL) == 0)
		c = guarded;
	else if (cli_ask(config_file, "overview?limit=0", LOCAL_GET, &all, NULL) == 0)
		c = find_listed(json_object_get(json_object_get(all, "unguarded"), "containers"),
				word);
	/* Of a container that has ended there is no cgroup. */
	*ret = c && *cli_json_text(c, "cgroup") ? realpath(cli_json_text(c, "cgroup"), NULL) : NULL;
	return *ret ? 0 : -ENOENT;
}

/* Finds the cgroup; *ret stays NULL for a command, which gets a new one. */
static int find_cgroup(const struct record_args *a, char **ret, struct err *err)
{
	int r;

	if (a->container) {
		r = cgroup_lookup_by_id(a->container, ret, err);
		return r == -ENOENT && ask_cgroup(a->config_file, a->container, ret) == 0 ? 0 : r;
	}
	if (!a->cgroup)
		return 0;
	*ret = realpath(a->cgroup, NULL);
	return *ret ? 0 : err_set(err, -errno, "%s: %s", a->cgroup, strerror(errno));
}

int cmd_record(int argc, char **argv)
{
	_cleanup_free_ char *cgroup = NULL;
	_cleanup_(session_freep) struct session *s = NULL;
	struct record_args a = {.session.prefix = "lutra.record"};
	struct session_config *c = &a.session;
	char id[256];
	struct err err;

	args_read(&command, argc, argv, &a);
	if (find_cgroup(&a, &cgroup, &err) < 0)
		return cli_fail(&err);
	c->cgroup = cgroup;
	c->name = a.container ? a.container : a.cgroup ? a.cgroup : "command";
	if (cgroup) {
		cgroup_lookup_container_id(cgroup, id, sizeof(id));
		c->container_id = id;
	}
	if (session_new(&s, c, &err) < 0 ||
	    (!cgroup && session_start(s, a.command.arg, NULL, &err) < 0))
		return cli_fail(&err);
	return session_run(s);
}
