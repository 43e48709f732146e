/* SPDX-License-Identifier: Apache-2.0 */
/* lutra events: prints events of the store, and with -f the ones that follow. */
#include "user/cli/cli.h"

#define EVENTS_DEFAULT 50
#define EVENTS_MAX 1000
#define PAGE_MAX 200 /* of the API */

struct events_args {
	const char *config_file;
	const char *container, *image, *verdict; /* NULL: any */
	uint64_t limit;
	bool follow, json;
};

static const struct args_option options[] = {
	ARGS_FLAG("follow", 'f', "Wait for new events until interrupted", struct events_args,
		  follow),
	ARGS_NUMBER("limit", 'l', "N", "Number of stored events to print; default: 50", 0,
		    EVENTS_MAX, struct events_args, limit),
	ARGS_STRING("container", 'n', "NAME", "Only events of this container", struct events_args,
		    container),
	ARGS_STRING("image", 'i', "REF", "Only events of containers of this image",
		    struct events_args, image),
	ARGS_STRING("verdict", 'v', "VERDICT", "Only events with this verdict: alert, deny or kill",
		    struct events_args, verdict),
	ARGS_FLAG("json", 'j', "Print JSON lines in the form of Falco", struct events_args, json),
	CLI_OPTION_CONFIG(struct events_args),
	{},
};

static error_t check_events_args(struct argp_state *state, void *ret)
{
	const struct events_args *a = ret;

	if (a->follow && (a->container || a->image || a->verdict))
		return args_usage(state, "--follow prints the events of all containers: leave "
					 "--container, --image and --verdict out");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.check = check_events_args,
	.doc = "Print events of guarded containers."
	       "\vEach line has the time, the id and the text of an event. `lutra explain ID` says "
	       "more "
	       "of it.",
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

/* Gets the newest events, at most a->limit, newest first. The caller frees *ret. */
static int get_events(const struct events_args *a, const char *socket, json_t **ret,
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
		r = local_client_ask(socket, path, LOCAL_GET, &page, err);
		if (r < 0)
			return r;
		json_array_extend(all, json_object_get(page, "events"));
		snprintf(before, sizeof(before), "%s", cli_json_text(page, "next"));
		if (!*before)
			break;
	}
	*ret = json_incref(all);
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
	json_t *e;
	int r = get_events(a, socket, &stored, err);

	if (r < 0)
		return r;
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
	r = config_load(a.config_file, &config, &err);
	/* The stream opens first, so that no event falls between the store and the stream. */
	if (r == 0 && a.follow)
		r = local_stream_open(&s, config->socket, "stream", &err);
	if (r == 0)
		r = print_events(&a, config->socket, s, &err);
	if (s)
		local_stream_close(s);
	return r < 0 ? cli_fail(&err) : 0;
}
