/* SPDX-License-Identifier: Apache-2.0 */
/* lutra events: prints events of the store, and with -f the ones that follow. */
#include "user/cli/cli.h"
#include "user/cli/cli_time.h"
#include "user/sys/clock.h"

#define EVENTS_DEFAULT 50
#define EVENTS_MAX 1000
#define PAGE_MAX 200 /* of the API */

struct events_args {
	const char *config_file;
	const char *container, *image, *verdict, *rule, *path; /* NULL: any */
	uint64_t since_ns, until_ns;			       /* CLOCK_REALTIME; 0: any */
	uint64_t limit;
	bool follow, json;
};

static error_t read_time(struct argp_state *state, const char *text, void *ret)
{
	return cli_time_parse(text, clock_realtime_ns(), ret) == 0
		       ? 0
		       : args_usage(state,
				    "%s: give a time as 2h (ago), 2027-01-31 or "
				    "2027-01-31T12:00:00Z",
				    text);
}

enum { OPT_SINCE = 256, OPT_UNTIL, OPT_PATH };

static const struct args_option options[] = {
	ARGS_FLAG("follow", 'f', "Wait for new events until interrupted", struct events_args,
		  follow),
	ARGS_NUMBER("limit", 'l', "N", "Number of stored events to print; default: 50", 0,
		    EVENTS_MAX, struct events_args, limit),
	ARGS_STRING("container", 'n', "NAME",
		    "Only events of this container: name, or id's beginning", struct events_args,
		    container),
	ARGS_STRING("image", 'i', "REF", "Only events of containers of this image",
		    struct events_args, image),
	ARGS_STRING("verdict", 'v', "VERDICT", "Only events with this verdict: alert, deny or kill",
		    struct events_args, verdict),
	ARGS_STRING("rule", 'r', "RULE", "Only events of this rule, as exec-fresh",
		    struct events_args, rule),
	ARGS_STRING("path", OPT_PATH, "PATH", "Only events about this path, or what is below it",
		    struct events_args, path),
	ARGS_CALL("since", OPT_SINCE, "TIME", "Only events from then on: 2h (ago), 2027-01-31",
		  read_time, struct events_args, since_ns),
	ARGS_CALL("until", OPT_UNTIL, "TIME", "Only events until then", read_time,
		  struct events_args, until_ns),
	ARGS_FLAG("json", 'j', "Print JSON lines in the form of Falco", struct events_args, json),
	CLI_OPTION_CONFIG(struct events_args),
	{},
};

static error_t check_events_args(struct argp_state *state, void *ret)
{
	const struct events_args *a = ret;

	if (a->follow && (a->container || a->image || a->verdict || a->rule || a->path ||
			  a->since_ns || a->until_ns))
		return args_usage(state, "--follow prints all events: leave the filters out");
	if (a->since_ns && a->until_ns && a->since_ns > a->until_ns)
		return args_usage(state, "--since is later than --until");
	if (a->rule && cli_check_rule(state, a->rule))
		return EINVAL;
	return a->verdict ? cli_check_verdict(state, a->verdict) : 0;
}

static const struct args_command command = {
	.options = options,
	.check = check_events_args,
	.doc = "Print events of guarded containers."
	       "\vWithout options the newest 50 are printed, the newest last. Each line has the "
	       "time, the id and the text of an event. `lutra explain ID` says more of it.",
};

/* Prints an event; takes over the reference. Returns false if it cannot. */
static bool print_event(const struct events_args *a, json_t *event)
{
	json_auto_t *e = event;

	if (!a->json) {
		printf("%s %s %s\n", cli_json_text(e, "time"), cli_json_text(e, "key"),
		       cli_json_text(e, "output"));
		return fflush(stdout) == 0;
	}
	/* What the API adds to an alert. */
	json_object_del(e, "key");
	json_object_del(e, "at");
	json_object_del(e, "folded");
	return cli_print_json(json_incref(e), false) == 0 && fflush(stdout) == 0;
}

/* Adds a time to a query; 0: any. */
static void add_time(char path[static LOCAL_CLIENT_PATH], const char *name, uint64_t time_ns)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)time_ns);
	local_client_add(path, name, time_ns ? text : NULL);
}

/*
 * Gets the newest events, at most a->limit, newest first. The caller frees *ret. *ret_more: there are
 * more.
 */
static int get_events(const struct events_args *a, const char *socket, json_t **ret, bool *ret_more,
		      struct err *err)
{
	json_auto_t *all = json_array();
	char path[LOCAL_CLIENT_PATH], number[24], before[64] = "";

	while (json_array_size(all) < a->limit) {
		uint64_t left = a->limit - json_array_size(all);
		json_auto_t *page = NULL;
		int r;

		snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)(left < PAGE_MAX ? left : PAGE_MAX));
		local_client_query(path, "events", "limit", number);
		local_client_add(path, "before", *before ? before : NULL);
		local_client_add(path, "container", a->container);
		local_client_add(path, "image", a->image);
		local_client_add(path, "verdict", a->verdict);
		local_client_add(path, "rule", a->rule);
		local_client_add(path, "path", a->path);
		add_time(path, "since", a->since_ns);
		add_time(path, "until", a->until_ns);
		r = local_client_ask(socket, path, LOCAL_GET, &page, err);
		if (r < 0)
			return r;
		json_array_extend(all, json_object_get(page, "events"));
		snprintf(before, sizeof(before), "%s", cli_json_text(page, "next"));
		if (!*before)
			break;
	}
	*ret = json_incref(all);
	*ret_more = *before;
	return 0;
}

/* Returns true if one of the stored events has the key of e. */
static bool is_stored(const json_t *stored, const json_t *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach (stored, i, one)
		if (strcmp(cli_json_text(one, "key"), cli_json_text(e, "key")) == 0)
			return true;
	return false;
}

static int print_events(const struct events_args *a, const char *socket, struct local_stream *s,
			struct err *err)
{
	json_auto_t *stored = NULL;
	bool has_more = false;
	json_t *e;
	int r = get_events(a, socket, &stored, &has_more, err);

	if (r < 0)
		return r;
	if (has_more && !a->json && a->limit)
		fprintf(stderr, "lutra: the newest %llu of more events; --limit N prints others\n",
			(unsigned long long)a->limit);
	for (size_t i = json_array_size(stored); i > 0; i--)
		if (!print_event(a, json_deep_copy(json_array_get(stored, i - 1))))
			return 0;
	/* An event that came while the store was read is in both. */
	while (s && (e = local_stream_next(s))) {
		long long folded = cli_json_number(e, "folded");

		if (folded)
			cli_failf("%lld events left out: they came faster than lutrad could send "
				  "them; `lutra events` prints what is stored",
				  folded);
		if (is_stored(stored, e))
			json_decref(e);
		else if (!print_event(a, e))
			return 0;
	}
	return s ? err_set(err, -EPIPE,
			   "lutrad ended the stream: it stops, or events came faster than they "
			   "were read; `lutra events` prints what is stored")
		 : 0;
}

int cmd_events(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct events_args a = {.limit = EVENTS_DEFAULT};
	struct local_stream *s = NULL;
	struct err err;
	int r;

	args_read(&command, argc, argv, &a);
	r = cli_config(a.config_file, &config, &err);
	/* The stream opens first, so that no event falls between the store and the stream. */
	if (r == 0 && a.follow)
		r = local_stream_open(&s, config->socket, "stream", &err);
	if (r == 0)
		r = print_events(&a, config->socket, s, &err);
	if (s)
		local_stream_close(s);
	return r < 0 ? cli_fail(&err) : 0;
}
