/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/caches/open_cache.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <sys/mman.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

/* An entry of the map, by kern/object/open_cache.bpf.h. */
struct cache_entry {
	uint32_t seq, others;
	uint64_t key, dentry, n, word[28];
};

bool open_cache_works(const struct box *b)
{
	return b->guard->skel->rodata->lutra_has_rdonly_cast;
}

void open_cache_read(const struct box *b, uint32_t ret[OPEN_CACHE_ENTRIES])
{
	const struct bpf_map *m = b->guard->skel->maps.open_cache;
	const size_t bytes = OPEN_CACHE_ENTRIES * sizeof(struct cache_entry);
	struct cache_entry *k;

	assert_int_equal(bpf_map__value_size(m), sizeof(*k));
	assert_int_equal(bpf_map__max_entries(m), OPEN_CACHE_ENTRIES);
	k = mmap(NULL, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(m), 0);
	assert_true(k != MAP_FAILED);
	for (size_t i = 0; i < OPEN_CACHE_ENTRIES; i++)
		ret[i] = __atomic_load_n(&k[i].seq, __ATOMIC_SEQ_CST) / 2;
	assert_int_equal(munmap(k, bytes), 0);
}

uint64_t open_cache_writes(const struct box *b)
{
	uint32_t seq[OPEN_CACHE_ENTRIES];
	uint64_t n = 0;

	open_cache_read(b, seq);
	for (size_t i = 0; i < OPEN_CACHE_ENTRIES; i++)
		n += seq[i];
	return n;
}

void assert_opens(struct box *b, const struct opener *opener, const char *path, int flags,
		  struct opens want)
{
	struct opener_request q = {
		.task = OPENER_OPEN, .times = want.times, .flags = flags, .nr = SYS_openat};
	uint64_t objects = box_counter(b, LUTRA_COUNTER_OBJECTS),
		 novel = box_counter(b, LUTRA_COUNTER_NOVEL_OBJECTS);
	uint64_t before = open_cache_writes(b), now;
	struct opener_reply r;

	snprintf(q.path[0], sizeof(q.path[0]), "%s", path);
	r = opener_ask(opener, &q);
	if (r.opened != want.times)
		fail_msg("%s: opened %u times, not %u: %s", path, r.opened, want.times,
			 strerror(r.error));
	now = box_counter(b, LUTRA_COUNTER_OBJECTS) - objects;
	if (now != want.times)
		fail_msg("%s: %ju objects of %u opens", path, (uintmax_t)now, want.times);
	now = box_counter(b, LUTRA_COUNTER_NOVEL_OBJECTS) - novel;
	if (now != want.novel)
		fail_msg("%s: %ju of %u opens are novel, not %ju", path, (uintmax_t)now, want.times,
			 (uintmax_t)want.novel);
	now = open_cache_writes(b) - before;
	if (want.writes != ANY_WRITES && now != (open_cache_works(b) ? want.writes : 0))
		fail_msg("%s: %ju of %u opens were written to the cache, not %ju", path,
			 (uintmax_t)now, want.times, (uintmax_t)want.writes);
}

void assert_becomes_cached(struct box *b, const struct opener *opener, const char *path)
{
	assert_opens(b, opener, path, O_RDONLY,
		     (struct opens){.times = EVICT_AFTER + 2, .writes = 1});
}

void assert_is_cached(struct box *b, const struct opener *opener, const char *path)
{
	assert_opens(b, opener, path, O_RDONLY, (struct opens){.times = 3});
}

void assert_is_novel(struct box *b, const struct opener *opener, const char *path, int flags)
{
	assert_opens(b, opener, path, flags, (struct opens){.times = 3, .novel = 3});
}
