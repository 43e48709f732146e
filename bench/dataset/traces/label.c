/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels the recording of an attack: writes a copy of a trace with marks of the attack's onset, its end
 * and the operations that did harm. Prints what was found as JSON.
 *
 * usage: label IN.ltr ATTACK.json OUT.ltr
 * exit:  0 each harm was found; 3 some were not: OUT.ltr is written all the same; 1 no OUT.ltr
 */
#include <stdio.h>

#include "bench/dataset/traces/mark_trace.h"
#include "lib/base/command/args.h"

#define EXIT_HARM_MISSING 3

static const struct args_option options[] = {{}};

static error_t check_files(struct argp_state *state, void *ret)
{
	const struct args_list *files = ret;

	return files->n == 3 ? 0 : args_usage(state, "give IN.ltr, ATTACK.json and OUT.ltr");
}

static const struct args_command command = {
	.options = options,
	.usage = "IN.ltr ATTACK.json OUT.ltr",
	.doc = "Copy a trace, and mark an attack in it: onset, end, and the operations that did "
	       "harm."
	       "\vExit status 3: an operation was not found; its file is written all the same.",
	.max = 3,
	.check = check_files,
};

/* Prints how often each harm was found. Returns how many were not, or -ENOMEM. */
static int print_found(const struct attack *a)
{
	json_auto_t *out = json_pack("{s:s, s:[]}", "name", a->name, "harms");
	json_t *harms = json_object_get(out, "harms");
	int missing = 0;

	for (size_t i = 0; i < a->n_harms; i++) {
		missing += a->harm[i].marked == 0;
		json_array_append_new(harms, json_pack("{s:s, s:i}", "harm", a->harm[i].text,
						       "marked", (int)a->harm[i].marked));
	}
	if (!out || json_dumpf(out, stdout, JSON_COMPACT) < 0)
		return -ENOMEM;
	putchar('\n');
	return missing;
}

int main(int argc, char **argv)
{
	_cleanup_(attack_done) struct attack attack = {};
	struct args_list files = {};
	struct err err = {""};
	int missing;

	args_read(&command, argc, argv, &files);
	if (attack_read(&attack, files.arg[1], &err) < 0 ||
	    mark_trace(files.arg[0], files.arg[2], &attack, &err) < 0) {
		fprintf(stderr, "label: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	missing = print_found(&attack);
	if (missing < 0)
		return EXIT_FAILURE;
	return missing ? EXIT_HARM_MISSING : EXIT_SUCCESS;
}
