/* SPDX-License-Identifier: Apache-2.0 */
/* The list of rules. docs/alerts.md and web/openapi.json repeat it; a unit test compares them. */
#include "lib/abi/rules.h"

#include <errno.h>
#include <string.h>

#define OPEN_READ_TEXT "A file or directory was read that training never saw read."
#define OPEN_WRITE_TEXT "A file was opened for writing that training never saw written."
#define PATH_TEXT "A name was made, changed or removed where training never saw it."

static const struct rule rules[RULES_COUNT] = {
	[LUTRA_RULE_NEW_SYSCALL] =
		{"T", "System call never seen in training", LUTRA_ACTION_LOG,
		 "A system call that the service never made in this role while it was recorded."},
	[LUTRA_RULE_NEW_HOOKABLE] = {"TH", "Refusable system call never seen in training",
				     LUTRA_ACTION_DENY,
				     "A system call that an LSM hook can refuse, and that the "
				     "service never made while it was recorded."},
	[LUTRA_RULE_LEVEL] = {"M", "Unusual sequence of calls and objects", LUTRA_ACTION_ALERT,
			      "System calls, and the files, programs and addresses that they "
			      "used, in a sequence so unlike the recorded ones that level M "
			      "passed its threshold."},
	[LUTRA_RULE_EXEC] =
		{"exec", "Program never executed in training", LUTRA_ACTION_DENY,
		 "A program was started that the service never started while it was recorded."},
	[LUTRA_RULE_EXEC_FRESH] =
		{"exec-fresh", "Fresh file executed", LUTRA_ACTION_DENY,
		 "A program was started whose file is younger than the container."},
	[LUTRA_RULE_CONNECT] = {"connect", "Connection to an unseen address", LUTRA_ACTION_DENY,
				"A connection to an address that the service never used."},
	[LUTRA_RULE_BIND] = {"bind", "Unseen address bound", LUTRA_ACTION_DENY,
			     "A port or socket was opened that the service never opened."},
	[LUTRA_RULE_SEND] = {"send", "Message to an unseen address", LUTRA_ACTION_DENY,
			     "A message to an address that the service never wrote to."},
	[LUTRA_RULE_MAPX] = {"mapx", "Unseen file mapped as code", LUTRA_ACTION_DENY,
			     "A file was mapped as code that the service never ran code from."},
	[LUTRA_RULE_WX] = {"wx", "Writable and executable memory", LUTRA_ACTION_DENY,
			   "Memory that can be written and executed, as injected code needs it."},
	[LUTRA_RULE_CAPABLE] = {"capable", "Capability never used in training", LUTRA_ACTION_DENY,
				"A privilege of the kernel that the service never used."},
	[LUTRA_RULE_OPEN_READ_PROTECTED] = {"open-r-P", "Unseen file read in a protected directory",
					    LUTRA_ACTION_DENY, OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_READ_PROGRAM_DIR] = {"open-r-U", "Unseen file read among the programs",
					      LUTRA_ACTION_LOG, OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_READ_ELSEWHERE] = {"open-r-O", "Unseen file read", LUTRA_ACTION_ALERT,
					    OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_READ_NEW_USE] = {"open-r-K", "File read in a new way", LUTRA_ACTION_ALERT,
					  OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_READ_NEW_ROLE] = {"open-r-Y", "File read in another role",
					   LUTRA_ACTION_ALERT, OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_DIR] = {"open-dir", "Unseen directory read", LUTRA_ACTION_ALERT,
				 OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_WRITE_PROTECTED] = {"open-w-P",
					     "Unseen file written in a protected directory",
					     LUTRA_ACTION_DENY, OPEN_WRITE_TEXT},
	[LUTRA_RULE_OPEN_WRITE_PROGRAM_DIR] = {"open-w-U", "Unseen file written among the programs",
					       LUTRA_ACTION_DENY, OPEN_WRITE_TEXT},
	[LUTRA_RULE_OPEN_WRITE_DATA_DIR] = {"open-w-W", "New file in a data directory",
					    LUTRA_ACTION_ALERT, OPEN_WRITE_TEXT},
	[LUTRA_RULE_OPEN_WRITE_ELSEWHERE] = {"open-w-O", "Unseen file written", LUTRA_ACTION_DENY,
					     OPEN_WRITE_TEXT},
	[LUTRA_RULE_OPEN_WRITE_NEW_USE] = {"open-w-K", "File written in a new way",
					   LUTRA_ACTION_DENY, OPEN_WRITE_TEXT},
	[LUTRA_RULE_OPEN_WRITE_NEW_ROLE] = {"open-w-Y", "File written in another role",
					    LUTRA_ACTION_ALERT, OPEN_WRITE_TEXT},
	[LUTRA_RULE_PATH_PROTECTED] = {"path-P", "Name changed in a protected directory",
				       LUTRA_ACTION_DENY, PATH_TEXT},
	[LUTRA_RULE_PATH_PROGRAM_DIR] = {"path-U", "Name changed among the programs",
					 LUTRA_ACTION_DENY, PATH_TEXT},
	[LUTRA_RULE_PATH_DATA_DIR] = {"path-W", "Name changed in a data directory",
				      LUTRA_ACTION_ALERT, PATH_TEXT},
	[LUTRA_RULE_PATH_ELSEWHERE] = {"path-O", "Unseen name changed", LUTRA_ACTION_ALERT,
				       PATH_TEXT},
	[LUTRA_RULE_PATH_NEW_USE] = {"path-K", "Name changed in a new way", LUTRA_ACTION_ALERT,
				     PATH_TEXT},
	[LUTRA_RULE_UPDATED] = {"updated", "Updated program or library run", LUTRA_ACTION_ALERT,
				"A program or library was run that an exec session wrote: an "
				"upgrade, or a change by hand."},
	[LUTRA_RULE_OPEN_READ_IMAGE] = {"open-r-I", "Unseen file of the image read",
					LUTRA_ACTION_LOG, OPEN_READ_TEXT},
	[LUTRA_RULE_OPEN_READ_SIBLING] = {"open-r-S", "New file read beside known ones",
					  LUTRA_ACTION_ALERT,
					  "A new file was read in a directory where the service "
					  "reads files of the same kind."},
	[LUTRA_RULE_NOVELTY] =
		{"N", "Many pairs of calls and objects never seen in training", LUTRA_ACTION_ALERT,
		 "So many system calls, files, programs and addresses came after one "
		 "another as they never did while the service was recorded that level N "
		 "passed its threshold."},
	[LUTRA_RULE_GUARD] = {"guard", "Attack on the guard itself", LUTRA_ACTION_DENY,
			      "The guard itself was attacked."},
	[LUTRA_RULE_AUDIT_FALLBACK] =
		{"fallback", "Rules fell back to audit", LUTRA_ACTION_ALERT,
		 "Rules of one kind refused many different things soon after "
		 "they were in force: in this container they only alert now."},
	[LUTRA_RULE_MODE] = {"mode", "Mode changed", LUTRA_ACTION_LOG,
			     "The guard of a container refuses more or less than before."},
	[LUTRA_RULE_SESSION] =
		{"session", "Session opened", LUTRA_ACTION_LOG,
		 "Somebody started a program in the running container from outside."},
	[LUTRA_RULE_UNGUARDED] = {"unguarded", "Container without a guard", LUTRA_ACTION_ALERT,
				  "A container runs that nothing guards, mostly because no policy "
				  "is for its image."},
	[LUTRA_RULE_MISSED] =
		{"missed", "The kernel skipped programs of the guard", LUTRA_ACTION_ALERT,
		 "The kernel skipped runs of the programs that follow tasks and system "
		 "calls, so what a container did may be unseen."},
};

const struct rule *rule_get(unsigned rule)
{
	static const struct rule unknown = {"?", "Unknown rule", LUTRA_ACTION_LOG,
					    "This version has no text for the rule."};

	return rule < RULES_COUNT && rules[rule].name ? &rules[rule] : &unknown;
}

const char *rule_name(unsigned rule)
{
	return rule_get(rule)->name;
}

int rule_find(const char *name, unsigned *ret)
{
	for (unsigned i = 0; name && i < RULES_COUNT; i++) {
		if (rules[i].name && strcmp(rules[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

int rule_parse(const char *name, unsigned *ret)
{
	unsigned rule;

	if (rule_find(name, &rule) < 0 || rule >= LUTRA_RULE_COUNT)
		return -EINVAL;
	*ret = rule;
	return 0;
}

bool rule_is_old(const char *name)
{
	return name && (strcmp(name, "A") == 0 || strcmp(name, "B") == 0);
}
