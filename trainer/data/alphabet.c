/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for (role, system call). */
#include "trainer/data/alphabet.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define TOKENS_MAX (LUTRA_V_MAX - LUTRA_TOKEN0)

/* A (role, system call) that was seen. */
struct cell {
	uint64_t count;
	uint16_t nr;
	uint8_t role;
};

/* Orders cells by role, then the rarest first. */
static int compare_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* Returns the next higher role of the service that made the system call, or role itself. */
static uint8_t next_role(const uint64_t calls[LUTRA_ROLES][LUTRA_NR], uint8_t role, uint16_t nr)
{
	for (unsigned r = role + 1; r < LUTRA_ROLE_SESSION; r++)
		if (calls[r][nr])
			return (uint8_t)r;
	return role;
}

/* Returns the first role that made the system call: a session's own token is for what it alone did. */
static uint8_t first_role(const uint64_t calls[LUTRA_ROLES][LUTRA_NR], uint16_t nr)
{
	uint8_t r = 0;

	while (r < LUTRA_ROLE_SESSION && !calls[r][nr])
		r++;
	return r;
}

/*
 * Merges cells until at most TOKENS_MAX tokens are left. Sets to[role][nr] to the role whose token
 * the cell uses. Returns how many tokens are left.
 */
static size_t merge_tokens(const uint64_t calls[LUTRA_ROLES][LUTRA_NR],
			   uint8_t to[LUTRA_ROLES][LUTRA_NR])
{
	struct cell cells[LUTRA_ROLES * LUTRA_NR];
	size_t n = 0, left;

	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		for (uint16_t nr = 0; nr < LUTRA_NR; nr++) {
			to[role][nr] = role == LUTRA_ROLE_SESSION ? first_role(calls, nr) : role;
			if (calls[role][nr] && to[role][nr] == role)
				cells[n++] = (struct cell){calls[role][nr], nr, role};
		}
	}
	qsort(cells, n, sizeof(*cells), compare_cells);
	left = n;
	for (size_t i = 0; i < n && left > TOKENS_MAX; i++) {
		uint8_t role = next_role(calls, cells[i].role, cells[i].nr);

		left -= role != cells[i].role;
		to[cells[i].role][cells[i].nr] = role;
	}
	return left;
}

/* Sets the tokens of a role to those of the roles that its cells were merged with. */
static void share_tokens(const uint64_t calls[LUTRA_ROLES][LUTRA_NR],
			 const uint8_t to[LUTRA_ROLES][LUTRA_NR], int role, struct alphabet *ret)
{
	for (int nr = 0; nr < LUTRA_NR; nr++)
		if (calls[role][nr])
			ret->token[role][nr] = ret->token[to[role][nr]][nr];
}

int alphabet_build(const uint64_t calls[LUTRA_ROLES][LUTRA_NR], struct alphabet *ret)
{
	uint8_t to[LUTRA_ROLES][LUTRA_NR];

	if (merge_tokens(calls, to) > TOKENS_MAX)
		return -E2BIG;
	ret->v = LUTRA_TOKEN0;
	memset(ret->token, LUTRA_UNK, sizeof(ret->token));
	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			if (calls[role][nr] && to[role][nr] == role)
				ret->token[role][nr] = (uint8_t)ret->v++;
	/*
	 * From the last role of the service down: a merge leads to a higher role, whose token is
	 * already set. Exec sessions share the tokens of them all.
	 */
	for (int role = LUTRA_ROLE_SESSION - 1; role >= 0; role--)
		share_tokens(calls, to, role, ret);
	share_tokens(calls, to, LUTRA_ROLE_SESSION, ret);
	return 0;
}

/*
 * A service that listens in several places may accept in the first before it has bound the last, and
 * it starts threads when its load grows. Whether that is in start-up or later is a matter of chance.
 */
static const uint16_t of_both[] = {SYS_bind, SYS_listen, SYS_clone, SYS_clone3};

void alphabet_share_roles(uint8_t token[LUTRA_ROLES][LUTRA_NR])
{
	uint8_t *startup = token[LUTRA_ROLE_STARTUP], *steady = token[LUTRA_ROLE_STEADY];
	uint8_t *spawned = token[LUTRA_ROLE_SPAWNED], *deeper = token[LUTRA_ROLE_DEEPER];

	for (size_t i = 0; i < sizeof(of_both) / sizeof(of_both[0]); i++)
		if (steady[of_both[i]] == LUTRA_UNK)
			steady[of_both[i]] = startup[of_both[i]];
	for (int nr = 0; nr < LUTRA_NR; nr++) {
		if (spawned[nr] == LUTRA_UNK)
			spawned[nr] = deeper[nr];
		else if (deeper[nr] == LUTRA_UNK)
			deeper[nr] = spawned[nr];
	}
}
