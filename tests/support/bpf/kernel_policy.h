/* SPDX-License-Identifier: Apache-2.0 */
/* Small policies for the tests of the kernel side. policy_free() frees them. */
#ifndef LUTRA_TESTS_SUPPORT_BPF_KERNEL_POLICY_H
#define LUTRA_TESTS_SUPPORT_BPF_KERNEL_POLICY_H

#include "lib/policy/policy.h"
#include "lutra/score.h"

#define KERNEL_POLICY_TOKEN 2			/* of every known system call with an even number */
#define KERNEL_POLICY_ODD 3			/* with an odd number */
#define KERNEL_POLICY_OBJECT 4			/* of every object that is known */
#define KERNEL_POLICY_KEY (LUTRA_KEY_FIRST + 1) /* of the first object that is known */
#define KERNEL_POLICY_WEIGHT 100		/* of an unknown one */
#define KERNEL_POLICY_SHIFT 3			/* of levels M and N */
#define LEVEL_NEVER (1 << 28)			/* a threshold that no level reaches */
#define ANY_ROLE (-1)

/*
 * Makes a policy that knows every system call in every role, by two tokens. Unknown ones weigh 100,
 * each once, and the levels move fast. They never alarm. Objects are not looked at, all rules alert.
 */
struct policy *kernel_policy_new(void);

/* Makes a system call unknown in every role. hookable: a hook can refuse it. */
void kernel_policy_forget(struct policy *p, unsigned nr, bool hookable);

/* Adds a node to the path tree and returns its number. */
uint16_t kernel_policy_node(struct policy *p, unsigned parent, const char *name, bool dir,
			    unsigned flags);

/* Makes a policy that looks at opens alone, and knows none. */
struct policy *kernel_policy_of_opens(void);
/* The policy of kernel_policy_of_opens(), which knows a path for reading; NULL: none. */
struct policy *kernel_policy_of_path(const char *path);

/*
 * Adds opens of a path to what the policy knows. flags: LUTRA_OBJ_WRITE for writing, 0 for reading;
 * mode: the type of file; role: one role, or ANY_ROLE for each.
 */
void kernel_policy_know(struct policy *p, const char *path, uint8_t flags, uint16_t mode, int role);

#endif
