/* SPDX-License-Identifier: Apache-2.0 */
/* lutra learn: has lutrad learn a policy for an image, waits, and shows the progress. */
#include <math.h>
#include <signal.h>
#include <time.h>

#include "lib/base/command/progress_bar.h"
#include "user/cli/cli.h"
#include "user/cli/daemon/lifecycle_print.h"
#include "user/sys/clock.h"

#define POLL_NS 250000000l
#define GONE_NS 60000000000ull /* waits so long for a lutrad that restarts */

struct learn_args {
	const char *config_file;
	const char *image;
	uint64_t runs;	   /* 0: until little is new */
	uint64_t drop_run; /* number of the run to drop; 0: none */
	bool status, stop, forget, detach, json;
	bool accept_new, anew;
};

enum { OPT_STATUS = 256, OPT_STOP, OPT_ANEW, OPT_FORGET, OPT_DROP_RUN, OPT_RUNS, OPT_ACCEPT_NEW };

#define S struct learn_args
static const struct args_option options[] = {
	CLI_OPTION_IMAGE(S, image, "Image to learn, as the engine names it: nginx:1.25"),
	ARGS_NUMBER("runs", OPT_RUNS, "N", "Train after so many runs, whatever is still new", 1,
		    CONFIG_LIFE_RUNS_MAX, S, runs),
	ARGS_FLAG("accept-new", OPT_ACCEPT_NEW,
		  "Let the update make the policy weaker where the new runs ask for it", S,
		  accept_new),
	ARGS_FLAG("anew", OPT_ANEW, "Make the policy anew: take nothing from the one that exists",
		  S, anew),
	ARGS_FLAG("detach", 'd', "Do not wait: lutrad learns on its own", S, detach),
	ARGS_FLAG("status", OPT_STATUS, "Show the progress and the next step", S, status),
	ARGS_FLAG("stop", OPT_STOP, "Stop learning and keep the recorded runs", S, stop),
	ARGS_NUMBER("drop-run", OPT_DROP_RUN, "N", "Remove the recorded run N", 1, UINT32_MAX, S,
		    drop_run),
	ARGS_FLAG("forget", OPT_FORGET, "Stop learning and remove the recorded runs", S, forget),
	CLI_OPTION_JSON(S),
	CLI_OPTION_CONFIG(S),
	{},
};
#undef S

/* Returns true if the command is not to begin to learn. */
static bool is_no_start(const struct learn_args *a)
{
	return a->status || a->stop || a->forget || a->drop_run;
}

static error_t check_learn_args(struct argp_state *state, void *ret)
{
	struct learn_args *a = ret;

	if (a->image && !*a->image)
		return args_usage(state, "--image: is empty");
	if (a->status + a->stop + a->detach + a->forget + (a->drop_run != 0) > 1)
		return args_usage(state, "give one of --detach, --status, --stop, --forget and "
					 "--drop-run");
	if ((a->runs || a->accept_new || a->anew) && is_no_start(a))
		return args_usage(state,
				  "--%s does not go with --status, --stop, --forget or --drop-run",
				  a->runs	  ? "runs"
				  : a->accept_new ? "accept-new"
						  : "anew");
	if (a->anew && a->accept_new)
		return args_usage(state,
				  "--accept-new is for an update: it does not go with --anew");
	if (!a->image &&
	    (a->runs || a->detach || a->accept_new || a->anew || (is_no_start(a) && !a->status)))
		return args_usage(state, "give --image REF");
	a->status |= !a->image;
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "[--image REF]",
	.doc = "Learn a policy for an image from runs of its containers."
	       "\vUse containers of the image as on every day, those that run already too; lutrad "
	       "records each run until little is new (life.new_per_day of the configuration), "
	       "trains the policy, and puts it in mode audit. A policy that is there already is "
	       "updated: its mode stays, and what it alerts about or refuses is left out. A run "
	       "ends with its container, or after life.run_max_s. With --anew the new policy takes "
	       "nothing from the one that exists but what a person accepted; the old one stays in "
	       "force until the new one takes its place, and its mode stays. A policy of an older "
	       "lutra, whose level M is off, needs this. lutrad goes on if this command "
	       "is interrupted. --forget removes what lutrad recorded of the image, and --drop-run "
	       "one run, so that no training takes it; the policy stays. Without --image the "
	       "command shows what is learned.",
	.check = check_learn_args,
};

static volatile sig_atomic_t interrupted;

static void on_end_signal(int sig)
{
	interrupted = sig;
}

static int ask_status(const struct learn_args *a, json_t **ret, struct err *err)
{
	char path[LOCAL_CLIENT_PATH] = "learn";

	if (a->image)
		local_client_query(path, "learn", "image", a->image);
	return cli_ask(a->config_file, path, LOCAL_GET, ret, err);
}

static int show_status(const struct learn_args *a)
{
	json_auto_t *answer = NULL;
	json_t *images, *one;
	struct err err;
	size_t i;

	if (ask_status(a, &answer, &err) < 0)
		return cli_fail(&err);
	images = json_object_get(answer, "images");
	if (a->json)
		return cli_print_json(json_incref(a->image ? json_array_get(images, 0) : images),
				      true);
	json_array_foreach (images, i, one)
		lifecycle_print(one);
	if (!json_array_size(images))
		puts("no image is learned; start with lutra learn --image REF");
	return 0;
}

/* Starts or stops learning. Returns the image's state, or NULL with err. */
static json_t *ask_image(const struct learn_args *a, const char *path, struct err *err)
{
	json_t *runs = a->runs ? json_integer((json_int_t)a->runs) : NULL, *answer = NULL;
	json_t *accept = a->accept_new ? json_true() : NULL, *anew = a->anew ? json_true() : NULL;
	json_t *q = json_pack("{s:s, s:o*, s:o*, s:o*}", "image", a->image, "runs", runs,
			      "accept_new", accept, "anew", anew);

	return cli_ask(a->config_file, path, q, &answer, err) < 0 ? NULL : answer;
}

static int print_image(const struct learn_args *a, json_t *image)
{
	if (a->json)
		return cli_print_json(json_incref(image), true);
	lifecycle_print(image);
	return 0;
}

struct wait {
	const struct learn_args *args;
	struct progress_bar bar;
	char shown[1280];     /* the last line that was printed */
	uint64_t answered_ns; /* CLOCK_MONOTONIC of lutrad's last answer */
};

static void show_progress_of(struct wait *w, const json_t *image)
{
	long long have = cli_json_number(image, "runs_waiting");
	long long wanted = cli_json_number(image, "runs_wanted");
	double hours = json_real_value(json_object_get(image, "hours_recorded"));
	double more = json_real_value(json_object_get(image, "hours_more"));
	double done = wanted ? fmin((double)have / (double)wanted, 1) : 1;
	const char *note = cli_json_text(image, "note");
	char line[sizeof(w->shown)] = "", stage[32];
	FILE *out = fmemopen(line, sizeof(line) - 1, "w"); /* the last byte stays NUL */

	if (!out)
		return;
	lifecycle_print_progress(image, out);
	fprintf(out, "%s%s", *note ? "; " : "", note);
	fclose(out);
	if (strcmp(line, w->shown) != 0) {
		progress_bar_done(&w->bar);
		fprintf(stderr, "lutra: %s\n", line);
		memcpy(w->shown, line, sizeof(line));
	}
	snprintf(stage, sizeof(stage), "%d runs", (int)have);
	if (!cli_json_is(image, "by_runs"))
		done = fmin(done, hours + more > 0 ? hours / (hours + more) : 0);
	progress_bar_show(&w->bar, stage, done);
}

/* Returns the image's state at the end of learning; NULL: interrupted, or a failure in err. */
static json_t *wait_for_end(struct wait *w, struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};

	while (!interrupted) {
		json_auto_t *answer = NULL;
		json_t *image;
		int r = ask_status(w->args, &answer, err);

		if (r < 0 && (r != -ECONNREFUSED || clock_now_ns() - w->answered_ns > GONE_NS))
			return NULL;
		if (r == 0) {
			w->answered_ns = clock_now_ns();
			image = json_array_get(json_object_get(answer, "images"), 0);
			if (!cli_json_is(image, "learning"))
				return json_incref(image);
			show_progress_of(w, image);
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* Returns true if the policy of an image has the same runs and calls in both states. */
static bool is_same_policy(const json_t *a, const json_t *b)
{
	return cli_json_number(a, "policy_runs") == cli_json_number(b, "policy_runs") &&
	       cli_json_number(a, "policy_calls") == cli_json_number(b, "policy_calls");
}

/* begun: the image's state before. */
static int wait_and_print(const struct learn_args *a, const json_t *begun)
{
	struct wait w = {.args = a, .answered_ns = clock_now_ns()};
	struct sigaction sa = {.sa_handler = on_end_signal};
	json_auto_t *image = NULL;
	struct err err = {};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	progress_bar_init(&w.bar, stderr);
	image = wait_for_end(&w, &err);
	progress_bar_done(&w.bar);
	if (interrupted) {
		fprintf(stderr,
			"lutra: lutrad goes on learning; see lutra learn --image %s --status, or "
			"stop it with --stop\n",
			a->image);
		return 128 + interrupted;
	}
	if (!image)
		return cli_fail(&err);
	if (is_same_policy(image, begun))
		return cli_failf("%s: learning was stopped", a->image);
	return print_image(a, image);
}

static int drop_run(const struct learn_args *a)
{
	json_auto_t *image = NULL;
	json_t *q = json_pack("{s:s, s:I}", "image", a->image, "run", (json_int_t)a->drop_run);

	if (cli_ask_or_fail(a->config_file, "learn/drop", q, &image))
		return 1;
	return print_image(a, image);
}

static int forget_image(const struct learn_args *a)
{
	json_auto_t *gone = NULL;
	const char *policy;

	if (cli_ask_or_fail(a->config_file, "learn/forget", json_pack("{s:s}", "image", a->image),
			    &gone))
		return 1;
	if (a->json)
		return cli_print_json(json_incref(gone), true);
	policy = cli_json_text(gone, "policy");
	printf("%s: %lld recorded runs are removed\n", a->image, cli_json_number(gone, "runs"));
	if (*policy)
		printf("  policy    %s stays as it is; lutra policy show %s\n", policy, policy);
	return 0;
}

int cmd_learn(int argc, char **argv)
{
	struct learn_args a = {};
	json_auto_t *image = NULL;
	struct err err;

	args_read(&command, argc, argv, &a);
	if (a.status)
		return show_status(&a);
	if (a.forget)
		return forget_image(&a);
	if (a.drop_run)
		return drop_run(&a);
	image = ask_image(&a, a.stop ? "learn/stop" : "learn", &err);
	if (!image)
		return cli_fail(&err);
	return a.stop || a.detach ? print_image(&a, image) : wait_and_print(&a, image);
}
