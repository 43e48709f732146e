/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open cache of the kernel side, and what opens have to come to. An open that is judged known
 * is written to the cache each time. An open that is found there is not. The sequence numbers of
 * the map's entries show the difference.
 */
#ifndef LUTRA_TESTS_SUPPORT_BPF_CACHES_OPEN_CACHE_H
#define LUTRA_TESTS_SUPPORT_BPF_CACHES_OPEN_CACHE_H

#include "tests/support/bpf/opener.h"

#define OPEN_CACHE_ENTRIES 1024
#define EVICT_AFTER 8 /* misses of an entry that another path has: the last one replaces it */

/* Returns true if this kernel lets the programs read its memory: without that nothing is cached. */
bool open_cache_works(const struct box *b);
/* Reads how often each entry was written. */
void open_cache_read(const struct box *b, uint32_t ret[OPEN_CACHE_ENTRIES]);
/* Returns how many opens were written to the cache so far. */
uint64_t open_cache_writes(const struct box *b);

#define ANY_WRITES UINT64_MAX

/* How often a path is opened, and what that has to come to. */
struct opens {
	uint32_t times;
	uint64_t novel;	 /* opens that the policy does not know */
	uint64_t writes; /* to the cache, where it works; or ANY_WRITES */
};

void assert_opens(struct box *b, const struct opener *opener, const char *path, int flags,
		  struct opens want);
/* The opens are known, and cached no later than where another path had the entry. */
void assert_becomes_cached(struct box *b, const struct opener *opener, const char *path);
/* The opens are known from the cache. */
void assert_is_cached(struct box *b, const struct opener *opener, const char *path);
/* Each open is novel. */
void assert_is_novel(struct box *b, const struct opener *opener, const char *path, int flags);

#endif
