/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What matched a rule, as text that does not depend on the policy: things of two policies, or of
 * two versions of lutra, can be compared.
 *
 *   a path           operation, "write", "fresh" or "executable" where it is, the path with digits
 *                    folded as the scorer folds them: "open write /var/lib/#.db"
 *   a socket         operation, family, class of the address, port ("ephemeral" from 32768 on)
 *   a hook, a capability, W+X memory  operation and its name
 *   a system call    "call NAME"
 *   level M          "pair BEFORE NAME": the task's last two system calls; the object, if its level
 *                    passed the threshold there
 */
#ifndef LUTRA_BENCH_ALARMS_THING_H
#define LUTRA_BENCH_ALARMS_THING_H

#include "lib/replay/replay.h"

#define THING_TEXT (LUTRA_STRING_MAX + 128)

/* Describes an object. str: its path, str_len bytes. Returns the length of the text. */
size_t thing_object_text(const struct lutra_object *o, const char *arch, const char *str,
			 size_t str_len, char ret[static THING_TEXT]);

/*
 * Returns true if the rule is a level of the model. Levels are told by their names, A, B, M or N, because
 * the older build that is judged beside this one has other levels.
 */
bool thing_is_of_level(unsigned rule);

/* Describes a system call, or, for level M, the pair of it and the one before. */
size_t thing_syscall_text(unsigned rule, const char *arch, unsigned before, unsigned nr,
			  char ret[static THING_TEXT]);

#endif
