/* SPDX-License-Identifier: Apache-2.0 */
/* lutra: the main program of the command line. Finds the command and runs it. */
#include "user/cli/cli.h"

#include "lib/base/command/closest.h"
#include "version.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{"doctor", cmd_doctor, "Show what this host supports, and the fallbacks"},
	{"run", cmd_run, "Run a command in its own cgroup, recorded or guarded"},
	{"record", cmd_record, "Record a container, a cgroup or a command"},
	{"import", cmd_import, "Turn a recording of another tool into a trace"},
	{"learn", cmd_learn, "Learn a policy for an image from runs of its containers"},
	{"train", cmd_trainer, "Train a policy from recorded runs"},
	{"eval", cmd_trainer, "Measure false alarms and detection of a policy"},
	{"score", cmd_score, "Score a recorded run, one line per event"},
	{"trace", cmd_trace, "Inspect, merge or verify traces"},
	{"policy", cmd_policy, "List, show, verify, compare and sign policies, set their mode"},
	{"seccomp", cmd_seccomp, "Make, merge and check seccomp profiles"},
	{"enroll", cmd_enroll, "Guard a container"},
	{"release", cmd_release, "Stop guarding a container"},
	{"mode", cmd_mode, "Change the mode of a running container"},
	{"thaw", cmd_thaw, "Thaw a frozen container"},
	{"ps", cmd_ps, "List the guarded containers"},
	{"top", cmd_top, "Show the guarded containers and their levels in the terminal"},
	{"status", cmd_status, "Show what lutrad guards, and its counters"},
	{"incidents", cmd_incidents, "List, show and close incidents"},
	{"events", cmd_events, "Print events of guarded containers"},
	{"explain", cmd_explain, "Say what a rule means, or why an event was one"},
	{"maintenance", cmd_maintenance, "Begin or end the maintenance of an image"},
	{"review", cmd_review, "Walk through findings and accept those that are fine"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	puts("lutra guards containers: the kernel scores each of their system calls.\n\n"
	     "Usage: lutra COMMAND [OPTION]… [ARGUMENT]…\n"
	     "       lutra help [COMMAND]…\n"
	     "       lutra --version\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].summary);
	puts("\nSee lutra COMMAND --help. Exit status: 0 success, 1 failure, 2 wrong use.");
	return fflush(stdout) == 0 ? 0 : 1;
}

static bool is_word(const char *arg, const char *name, const char *option, const char *letter)
{
	return strcmp(arg, name) == 0 || strcmp(arg, option) == 0 || strcmp(arg, letter) == 0;
}

static int print_version(void)
{
	puts("lutra " LUTRA_VERSION);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Says that there is no such command, and which one may be meant. */
static int refuse_command(const char *name)
{
	const char *meant = closest_name(name, commands, N_COMMANDS, sizeof(commands[0]));

	if (meant)
		cli_failf("unknown command '%s': did you mean '%s'?", name, meant);
	else
		cli_failf("unknown command '%s'; see `lutra --help`", name);
	return EXIT_USAGE;
}

/* Turns "help COMMAND…" into "COMMAND… --help". */
static void ask_for_help(int argc, char **argv)
{
	static char help[] = "--help";

	for (int i = 1; i + 1 < argc; i++)
		argv[i] = argv[i + 1];
	argv[argc - 1] = help;
}

int main(int argc, char **argv)
{
	char name[64];
	int r;

	if (argc < 2)
		return cli_failf("no command; see `lutra --help`"), EXIT_USAGE;
	if (is_word(argv[1], "version", "--version", "-V"))
		return print_version();
	if (argc == 2 || argv[1][0] == '-') {
		if (is_word(argv[1], "help", "--help", "-h"))
			return print_help();
	} else if (strcmp(argv[1], "help") == 0) {
		ask_for_help(argc, argv);
	}
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
	return refuse_command(argv[1]);
}
