/* SPDX-License-Identifier: Apache-2.0 */
/* lutra maintenance: begins, ends and lists maintenance: all events of an image are one incident. */
#include "user/cli/cli.h"
#include "user/cli/cli_time.h"
#include "user/identity/identity.h"

#define SECONDS_MAX (7 * 86400)

enum { OPT_FOR = 256, OPT_REASON };

struct maintenance_args {
	const char *config_file, *reason;
	uint64_t seconds;
	bool end, json;
	struct args_list args; /* IMAGE */
};

static error_t read_duration(struct argp_state *state, const char *text, void *ret)
{
	uint64_t *seconds = ret;

	if (cli_duration_parse(text, seconds) < 0 || *seconds < 1 || *seconds > SECONDS_MAX)
		return args_usage(state, "--for: give a time of 1s to 7d, as 30m");
	return 0;
}

static const struct args_option options[] = {
	ARGS_CALL("for", OPT_FOR, "TIME", "How long, as 30m or 2h; at most 7d", read_duration,
		  struct maintenance_args, seconds),
	ARGS_STRING("reason", OPT_REASON, "TEXT", "What is done", struct maintenance_args, reason),
	ARGS_FLAG("end", 'e', "End the maintenance of IMAGE", struct maintenance_args, end),
	CLI_OPTION_JSON(struct maintenance_args),
	CLI_OPTION_CONFIG(struct maintenance_args),
	{},
};

static error_t check_maintenance_args(struct argp_state *state, void *ret)
{
	const struct maintenance_args *a = ret;

	if (!a->args.n)
		return a->end || a->seconds || a->reason ? args_usage(state, "give IMAGE") : 0;
	if (a->end)
		return a->seconds || a->reason
			       ? args_usage(state, "--end takes neither --for nor --reason")
			       : 0;
	return a->seconds && a->reason ? 0 : args_usage(state, "give --for and --reason, or --end");
}

static const struct args_command command = {
	.options = options,
	.usage = "[IMAGE]",
	.doc = "Begin or end the maintenance of an image, or list what is under way."
	       "\vUntil it ends, all that happens in containers of the image is one incident. What "
	       "a policy refuses or kills is refused or killed as before.",
	.max = 1,
	.list = offsetof(struct maintenance_args, args),
	.check = check_maintenance_args,
};

static int print_maintenance(const struct maintenance_args *a, json_t *answer)
{
	const json_t *list = json_object_get(answer, "maintenance"), *m;
	size_t i;

	if (a->json)
		return cli_print_json(json_incref(answer), true);
	if (json_array_size(list) == 0)
		printf("No maintenance is under way.\n");
	json_array_foreach (list, i, m)
		printf("%s: until %s, begun by %s: %s\n", cli_json_text(m, "image"),
		       cli_json_text(m, "until"), cli_json_text(m, "by"),
		       cli_json_text(m, "reason"));
	return 0;
}

/* Returns true if the image of an object of the API is that of a reference, or the other way round. */
static bool is_same_image(const json_t *j, char *image)
{
	_cleanup_free_ char *other = strdup(cli_json_text(j, "image"));
	const struct identity theirs = {.image = other}, ours = {.image = image};
	bool other_digest;

	return other && *other &&
	       (image_match(&theirs, image, NULL, &other_digest) != IMAGE_NO_MATCH ||
		image_match(&ours, other, NULL, &other_digest) != IMAGE_NO_MATCH);
}

/*
 * Returns true if one of a list of the API has the image, or if that is not known: lutrad does not
 * answer, or its answer has not all of the list.
 */
static bool may_have_image(const char *config_file, const char *path, const char *name, char *image)
{
	json_auto_t *answer = NULL;
	const json_t *list, *one;
	size_t i;

	if (cli_ask(config_file, path, LOCAL_GET, &answer, NULL) < 0)
		return true;
	list = json_object_get(answer, name);
	json_array_foreach (list, i, one)
		if (is_same_image(one, image))
			return true;
	return cli_json_number(answer, "total") > (long long)json_array_size(list);
}

/* Says on stderr if neither a guarded container nor a policy has the image. */
static void warn_of_unknown_image(const char *config_file, char *image)
{
	if (!may_have_image(config_file, "containers?limit=200", "containers", image) &&
	    !may_have_image(config_file, "policies", "policies", image))
		cli_failf("warning: %s: no guarded container and no policy has this image; if "
			  "the name is wrong, end it with --end",
			  image);
}

int cmd_maintenance(int argc, char **argv)
{
	struct maintenance_args a = {};
	json_auto_t *answer = NULL;
	json_t *body = LOCAL_GET;
	const char *path = "maintenance";

	args_read(&command, argc, argv, &a);
	if (a.end) {
		path = "maintenance/end";
		body = json_pack("{s:s}", "image", a.args.arg[0]);
	} else if (a.args.n) {
		body = json_pack("{s:s, s:I, s:s, s:s}", "image", a.args.arg[0], "seconds",
				 (json_int_t)a.seconds, "reason", a.reason, "by", cli_user_name());
	}
	if (cli_ask_or_fail(a.config_file, path, body, &answer))
		return 1;
	if (a.args.n && !a.end)
		warn_of_unknown_image(a.config_file, a.args.arg[0]);
	return print_maintenance(&a, answer);
}
