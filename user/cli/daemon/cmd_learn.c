/* SPDX-License-Identifier: Apache-2.0 */
/* lutra learn: from an image to its policy, by lutrad; this waits and shows how far it is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lutra/types.h"
#include "lib/base/progress_bar.h"
#include "lib/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/http/control_client.h"
#include "user/sys/clock.h"
#include "user/policy/lifecycle.h"
#include "user/cli/daemon/lifecycle_print.h"

#define LOOK_NS 250000000l
#define AWAY_NS (60 * NSEC_PER_SEC) /* a daemon that restarts is waited for */

enum { OPT_STATUS = 256, OPT_STOP };

struct learn_args {
	const char *config;
	const char *image;
	unsigned long long runs; /* 0: the daemon's number */
	bool status, stop, detach, json;
};

static const struct argp_option options[] = {
	{"image", 'i', "REF", 0, "Image to learn, as the engine names it: nginx:1.25", 0},
	{"runs", 'r', "N", 0, "Runs to learn from; default: life.runs of the configuration (5)", 0},
	{"detach", 'd', NULL, 0, "Do not wait: lutrad learns on its own", 0},
	{"status", OPT_STATUS, NULL, 0, "Say how far it is, and what is next", 0},
	{"stop", OPT_STOP, NULL, 0,
	 "Learn no further; runs that are recorded stay for the next time", 0},
	{"json", 'j', NULL, 0, "Print JSON", 0},
	{"config", 'c', "FILE", 0, "The daemon's configuration, for its socket", 0},
	{},
};

static error_t check(struct argp_state *state, struct learn_args *a)
{
	if (a->status + a->stop + a->detach > 1)
		return args_usage(state, "give one of --detach, --status and --stop");
	if (a->runs && (a->status || a->stop))
		return args_usage(state, "--runs is for what begins to learn");
	if (!a->image && (a->runs || a->stop || a->detach))
		return args_usage(state, "--image is needed");
	a->status |= !a->image;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct learn_args *a = state->input;

	switch (key) {
	case 'i':
		a->image = arg;
		return *arg ? 0 : args_usage(state, "--image: is empty");
	case 'r':
		if (args_number(state, arg, CONFIG_LIFE_RUNS_MAX, "--runs", &a->runs))
			return EINVAL;
		return a->runs ? 0 : args_usage(state, "--runs must be at least 1");
	case 'd':
		a->detach = true;
		return 0;
	case OPT_STATUS:
		a->status = true;
		return 0;
	case OPT_STOP:
		a->stop = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'c':
		a->config = arg;
		return 0;
	case ARGP_KEY_ARG:
		return args_usage(state, "takes no argument: name the image with --image");
	case ARGP_KEY_END:
		return check(state, a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"[--image REF]",
	"Make a policy for an image: lutrad records each start-to-stop of its containers, trains "
	"on "
	"these runs when there are enough, and puts the policy in audit, where it only alerts."
	"\vWaits for the runs, which are yours to make: start, use and stop the image's containers "
	"as every day. Interrupted, lutrad goes on. An image that is learned already gets more "
	"runs "
	"into its policy. Without --image: says what is learned.",
	NULL,
	NULL,
	NULL};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

/* ---- asking ---- */

static int ask_status(const struct learn_args *a, json_t **ret, struct err *err)
{
	json_t *q = json_pack("{s:s}", "cmd", "learn-status");

	if (a->image)
		json_object_set_new(q, "image", json_string(a->image));
	return client_ask(a->config, q, ret, NULL, NULL, err);
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
		lifecycle_print(one, stdout);
	if (!json_array_size(images))
		puts("nothing is learned; lutra learn --image REF begins");
	return 0;
}

/* "learn" or "learn-stop": the image's state, or NULL with err. */
static json_t *ask_image(const struct learn_args *a, const char *cmd, struct err *err)
{
	json_auto_t *answer = NULL;
	json_t *q = json_pack("{s:s, s:s}", "cmd", cmd, "image", a->image);

	if (q && a->runs)
		json_object_set_new(q, "runs", json_integer((json_int_t)a->runs));
	if (client_ask(a->config, q, &answer, NULL, NULL, err) < 0)
		return NULL;
	return json_incref(json_object_get(answer, "image"));
}

static int say(const struct learn_args *a, json_t *image)
{
	if (a->json)
		return cli_print_json(image, true);
	lifecycle_print(image, stdout);
	json_decref(image);
	return 0;
}

/* ---- waiting ---- */

struct wait {
	const struct learn_args *args;
	struct bar bar;
	char said[640];		/* the last line */
	json_int_t policy_runs; /* when it began */
	uint64_t heard_ns;	/* CLOCK_MONOTONIC; the daemon's last answer */
};

static void show(struct wait *w, const json_t *image)
{
	json_int_t have = json_integer_value(json_object_get(image, "runs_waiting"));
	json_int_t wanted = json_integer_value(json_object_get(image, "runs_wanted"));
	const char *note = json_string_value(json_object_get(image, "note"));
	char line[sizeof(w->said)], stage[32];
	size_t n;

	lifecycle_print_progress(image, line, sizeof(line));
	n = strlen(line);
	if (note)
		snprintf(line + n, sizeof(line) - n, "; %s", note);
	if (strcmp(line, w->said) != 0) {
		bar_done(&w->bar);
		fprintf(stderr, "lutra: %s\n", line);
		memcpy(w->said, line, sizeof(line));
	}
	snprintf(stage, sizeof(stage), "%d of %d runs", (int)have, (int)wanted);
	bar_show(&w->bar, stage, have < wanted ? (double)have / (double)wanted : 1);
}

/* The state when it is no longer learned; NULL: interrupted, or err says why. */
static json_t *wait_for(struct wait *w, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	while (!interrupted) {
		json_auto_t *answer = NULL;
		json_t *image;
		int r = ask_status(w->args, &answer, err);

		if (r < 0 && (r != -ECONNREFUSED || clock_now_ns() - w->heard_ns > AWAY_NS))
			return NULL;
		if (r == 0) {
			w->heard_ns = clock_now_ns();
			image = json_array_get(json_object_get(answer, "images"), 0);
			if (!json_is_true(json_object_get(image, "learning")))
				return json_incref(image);
			show(w, image);
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int wait_and_say(const struct learn_args *a, json_t *begun)
{
	struct wait w = {.args = a, .heard_ns = clock_now_ns()};
	struct sigaction sa = {.sa_handler = on_signal};
	struct err err = {};
	json_t *image;

	w.policy_runs = json_integer_value(json_object_get(begun, "policy_runs"));
	json_decref(begun);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	bar_init(&w.bar, stderr);
	image = wait_for(&w, &err);
	bar_done(&w.bar);
	if (interrupted) {
		json_decref(image);
		fprintf(stderr,
			"lutra: lutrad goes on learning; lutra learn --image %s --status says how "
			"far it is, --stop ends it\n",
			a->image);
		return 128 + interrupted;
	}
	if (!image)
		return cli_fail(&err);
	if (json_integer_value(json_object_get(image, "policy_runs")) <= w.policy_runs) {
		json_decref(image);
		return cli_failf("%s: learning was stopped", a->image);
	}
	return say(a, image);
}

int cmd_learn(int argc, char **argv)
{
	struct learn_args a = {};
	json_t *image;
	struct err err;

	args_parse(&argp, argc, argv, false, &a);
	if (a.status)
		return show_status(&a);
	image = ask_image(&a, a.stop ? "learn-stop" : "learn", &err);
	if (!image)
		return cli_fail(&err);
	return a.stop || a.detach ? say(&a, image) : wait_and_say(&a, image);
}
