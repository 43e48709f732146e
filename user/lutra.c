/* SPDX-License-Identifier: Apache-2.0 */
/* lutra: the command line. Finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "user/cli/cli.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{"doctor", cmd_doctor, "what this host can do, and the fallback for what it cannot"},
	{"run", cmd_run, "run a command in a cgroup of its own, recorded or guarded"},
	{"record", cmd_record, "record a container, a cgroup or a command"},
	{"import", cmd_import, "a trace from another tool's recording"},
	{"learn", cmd_learn, "a policy for an image: runs recorded, trained, put in audit"},
	{"train", cmd_train, "make a policy from recorded runs"},
	{"eval", cmd_eval, "false alarms and detection of a policy on recorded runs"},
	{"score", cmd_score, "the reference scorer: one line an event of a trace"},
	{"trace", cmd_trace, "info, cat, merge, verify traces"},
	{"policy", cmd_policy, "list, show, verify, compare, sign policies, set their mode"},
	{"seccomp", cmd_seccomp, "a policy as a seccomp profile; merge, check profiles"},
	{"enroll", cmd_enroll, "put a cgroup under the daemon's guard"},
	{"release", cmd_release, "end it"},
	{"mode", cmd_mode, "switch its mode, at once"},
	{"thaw", cmd_thaw, "a frozen container goes on, its levels begin again"},
	{"ps", cmd_ps, "the containers under guard: engine, image, mode, policy, pod"},
	{"top", cmd_top, "the containers and their levels, in a terminal, as they change"},
	{"status", cmd_status, "what the daemon guards, and its counters"},
	{"events", cmd_events, "what happened"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	puts("lutra guards containers: it scores their system calls in the kernel.\n\n"
	     "Usage: lutra COMMAND [OPTION]… [ARGUMENT]…\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	puts("\nlutra COMMAND --help says more. Exit status: 0 done, 1 failed, 2 wrong use.");
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	char name[64];
	int r;

	if (argc < 2)
		return cli_failf("no command; see `lutra --help`"), EXIT_USAGE;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help();
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		snprintf(name, sizeof(name), "lutra %s", argv[1]);
		argv[1] = name;
		r = commands[i].run(argc - 1, argv + 1);
		if (fflush(stdout) != 0 || ferror(stdout))
			return cli_failf("cannot write to standard output");
		return r;
	}
	cli_failf("unknown command '%s'; see `lutra --help`", argv[1]);
	return EXIT_USAGE;
}
