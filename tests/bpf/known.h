/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of opens that the kernel side remembers: a servant in the container that opens what it
 * is told to, policies that know single paths, and looks at what is remembered.
 *
 * An open that is judged known is remembered anew each time, one that is known already is not: the
 * difference is seen in the map's sequence counts.
 */
#ifndef LUTRA_TESTS_BPF_KNOWN_H
#define LUTRA_TESTS_BPF_KNOWN_H

#include "tests/bpf/fixture.h"

#include <bpf/libbpf.h>
#include <sched.h>
#include <sys/mman.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

#define DIR "/tmp/lutra-test-known"
#define NOVEL SYS_getpgid /* harmless, and nothing but the servant calls it */
#define PATH_BYTES 640
#define ANY_ROLE (-1)

/* ---- the servant ---- */

enum task { OPEN, ACCEPT, CALL_NOVEL };

struct request {
	uint32_t task;
	uint32_t times;
	int32_t flags;
	uint32_t nr; /* SYS_openat, or SYS_open */
	/* Opened in turn; the second may be empty. */
	char path[2][PATH_BYTES];
};
_Static_assert(sizeof(struct request) <= 4096, "a pipe takes it at once");

struct reply {
	int32_t error; /* of the last that failed, or 0 */
	uint32_t opened;
};

struct servant {
	pid_t pid;
	int to, from;
};

static const char *servant_fds; /* the servant's argument */

static inline void serve_open(const struct request *q, struct reply *ret)
{
	for (uint32_t i = 0; i < q->times; i++) {
		const char *path = q->path[q->path[1][0] ? i & 1 : 0];
		long fd = q->nr == SYS_open ? syscall(SYS_open, path, q->flags, 0)
					    : syscall(SYS_openat, AT_FDCWD, path, q->flags, 0);

		if (fd < 0) {
			ret->error = errno;
			continue;
		}
		ret->opened++;
		close((int)fd);
	}
}

static inline int work_servant(void)
{
	int from = -1, to = -1;
	struct request q;

	if (!servant_fds || sscanf(servant_fds, "%d,%d", &from, &to) != 2)
		return 1;
	while (read(from, &q, sizeof(q)) == sizeof(q)) {
		struct reply r = {};

		if (q.task == OPEN)
			serve_open(&q, &r);
		else if (q.task == ACCEPT)
			syscall(SYS_accept4, -1, NULL, NULL, 0);
		else
			syscall(NOVEL, 0);
		if (write(to, &r, sizeof(r)) != sizeof(r))
			return 1;
	}
	return 0;
}

static inline void servant_tell(const struct servant *sv, const struct request *q)
{
	assert_int_equal(write(sv->to, q, sizeof(*q)), sizeof(*q));
}

static inline struct reply servant_hear(const struct servant *sv)
{
	struct reply r;

	assert_int_equal(read(sv->from, &r, sizeof(r)), sizeof(r));
	return r;
}

static inline struct reply servant_ask(const struct servant *sv, const struct request *q)
{
	servant_tell(sv, q);
	return servant_hear(sv);
}

static inline void servant_do(const struct servant *sv, enum task task)
{
	const struct request q = {.task = task};

	servant_ask(sv, &q);
}

/* One in a cgroup, by a worker that becomes it, at work when this returns. Ends with the test. */
static inline struct servant servant_by(struct box *b, const char *cgroup, const char *worker)
{
	int in[2], out[2];
	struct servant sv;
	struct child *c;
	char arg[32];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(fcntl(in[0], F_SETFD, 0), 0);
	assert_int_equal(fcntl(out[1], F_SETFD, 0), 0);
	snprintf(arg, sizeof(arg), "%d,%d", in[0], out[1]);
	c = box_fork(b, worker, arg);
	close(in[0]);
	close(out[1]);
	sv = (struct servant){.pid = c->pid, .to = in[1], .from = out[0]};
	assert_int_equal(cgroup_join(cgroup, c->pid), 0);
	child_go(c);
	servant_ask(&sv, &(struct request){.task = OPEN});
	return sv;
}

static inline struct servant servant_new(struct box *b, const char *cgroup)
{
	return servant_by(b, cgroup, "servant");
}

static inline void servant_end(struct servant *sv)
{
	close(sv->to);
	close(sv->from);
}

/* Has a servant not answered yet? */
static inline bool at_work(const struct servant *sv)
{
	struct pollfd p = {.fd = sv->from, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* ---- policies ---- */

static inline unsigned known_node(struct policy *p, unsigned parent, const char *name, bool dir,
				  unsigned flags)
{
	unsigned n = sample_node(p, parent, name, dir, flags);

	for (unsigned i = 1; i < n; i++)
		if (p->nodes[i].parent == parent && p->nodes[i].dir == dir &&
		    p->nodes[i].key == p->nodes[n].key) {
			p->n_nodes--;
			return i;
		}
	return n;
}

/*
 * The policy knows opens of a path for reading (flags: LUTRA_OBJ_WRITE: for writing), of that
 * type; in one role, or where that is ANY_ROLE in each.
 */
static inline void know(struct policy *p, const char *path, uint8_t flags, uint16_t mode, int role)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | flags, .mode = mode};
	struct lutra_policy *none = calloc(1, sizeof(*none));
	struct lutra_class c = {.flags = role == ANY_ROLE ? 0 : LUTRA_NODE_ROLE};
	char name[LUTRA_NAME];
	unsigned node = 0;

	assert_non_null(none);
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		assert_true(len < sizeof(name));
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		node = known_node(p, node, name, *path || S_ISDIR(mode), c.flags);
	}
	c.node = (uint16_t)node;
	p->objects[p->n_objects++] =
		lutra_object_token(none, &o, &c, 0, (uint8_t)(role == ANY_ROLE ? 0 : role));
	free(none);
}

/* Looks at opens only, and knows none. */
static inline struct policy *open_policy(void)
{
	struct policy *p = sample_policy();

	p->ops = 1u << LUTRA_OP_OPEN;
	p->nodes[0].flags = 0;
	return p;
}

static inline struct policy *policy_of(const char *path)
{
	struct policy *p = open_policy();

	if (path)
		know(p, path, 0, S_IFREG, ANY_ROLE);
	return p;
}

/* Bind a policy, which is freed, in place of the one that the box has. */
static inline void swap_policy(struct box *b, struct policy *p)
{
	struct err err = {};

	if (guard_set_policy(b->guard, b->slot, p, &err) < 0)
		fail_msg("guard_set_policy: %s", err.msg);
	policy_free(p);
}

/* ---- what is remembered ---- */

struct known_place {
	uint32_t seq, others;
	uint64_t key, dentry, n, word[28];
};

#define KNOWN_PLACES 1024
#define PATIENCE 8 /* of a place that another path has: this open replaces it */

/* Does this kernel let the programs load its memory, without which nothing is remembered? */
static inline bool remembers(const struct box *b)
{
	return b->guard->skel->rodata->lutra_has_rdonly_cast;
}

/* How often each place was written. */
static inline void known_look(const struct box *b, uint32_t ret[KNOWN_PLACES])
{
	const struct bpf_map *m = b->guard->skel->maps.open_cache;
	const size_t bytes = KNOWN_PLACES * sizeof(struct known_place);
	const struct known_place *k;

	assert_int_equal(bpf_map__value_size(m), sizeof(*k));
	assert_int_equal(bpf_map__max_entries(m), KNOWN_PLACES);
	k = mmap(NULL, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(m), 0);
	assert_true(k != MAP_FAILED);
	for (size_t i = 0; i < KNOWN_PLACES; i++)
		ret[i] = __atomic_load_n(&k[i].seq, __ATOMIC_SEQ_CST) / 2;
	assert_int_equal(munmap((void *)(uintptr_t)k, bytes), 0);
}

/* How many opens were remembered so far. */
static inline uint64_t kept(const struct box *b)
{
	uint32_t seq[KNOWN_PLACES];
	uint64_t n = 0;

	known_look(b, seq);
	for (size_t i = 0; i < KNOWN_PLACES; i++)
		n += seq[i];
	return n;
}

/* ---- what is expected ---- */

#define ANY_KEPT UINT64_MAX

/* How often a path is opened, and what that is to come to. */
struct opens {
	uint32_t times;
	uint64_t novel;
	uint64_t kept; /* remembered anew, where the kernel side remembers at all */
};

static inline void assert_opens_as(struct box *b, const struct servant *sv, const char *path,
				   int flags, struct opens want)
{
	struct request q = {.task = OPEN, .times = want.times, .flags = flags, .nr = SYS_openat};
	uint64_t objects = counter(b, LUTRA_COUNTER_OBJECTS),
		 novel = counter(b, LUTRA_COUNTER_NOVEL_OBJECTS);
	uint64_t before = kept(b), now;
	struct reply r;

	snprintf(q.path[0], sizeof(q.path[0]), "%s", path);
	r = servant_ask(sv, &q);
	if (r.opened != want.times)
		fail_msg("%s: opened %u times, not %u: %s", path, r.opened, want.times,
			 strerror(r.error));
	now = counter(b, LUTRA_COUNTER_OBJECTS) - objects;
	if (now != want.times)
		fail_msg("%s: %ju objects of %u opens", path, (uintmax_t)now, want.times);
	now = counter(b, LUTRA_COUNTER_NOVEL_OBJECTS) - novel;
	if (now != want.novel)
		fail_msg("%s: %ju of %u opens are novel, not %ju", path, (uintmax_t)now, want.times,
			 (uintmax_t)want.novel);
	now = kept(b) - before;
	if (want.kept != ANY_KEPT && now != (remembers(b) ? want.kept : 0))
		fail_msg("%s: %ju of %u opens were remembered anew, not %ju", path, (uintmax_t)now,
			 want.times, (uintmax_t)want.kept);
}

/* Known at once, and by what is remembered then: no later than where another path had the place. */
static inline void assert_known(struct box *b, const struct servant *sv, const char *path)
{
	assert_opens_as(b, sv, path, O_RDONLY, (struct opens){.times = PATIENCE + 2, .kept = 1});
}

/* Known by what is remembered. */
static inline void assert_remembered(struct box *b, const struct servant *sv, const char *path)
{
	assert_opens_as(b, sv, path, O_RDONLY, (struct opens){.times = 3});
}

/* Told each time. */
static inline void assert_novel(struct box *b, const struct servant *sv, const char *path,
				int flags)
{
	assert_opens_as(b, sv, path, flags, (struct opens){.times = 3, .novel = 3});
}

/* How many object records name a path. */
static inline size_t recorded(const struct box *b, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == LUTRA_RECORD_OBJECT &&
		     !strcmp(b->records[i].str, path);
	return n;
}

/* ---- files ---- */

static inline void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

static inline void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0)
		fail_msg("%s: %s", path, strerror(errno));
}

static inline void move(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		fail_msg("%s to %s: %s", from, to, strerror(errno));
}

/* ---- names nearly alike ---- */

/* A name of len letters, of which z is none; no two begin alike. */
static inline void name_of(char *ret, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)('a' + (len * 7 + i * 3) % 25);
	ret[len] = '\0';
}

struct names {
	struct box *b;
	const struct servant *sv;
	char at[PATH_BYTES]; /* where the file is */
};

static inline void name_move(struct names *n, const char *name)
{
	char to[PATH_BYTES];

	snprintf(to, sizeof(to), DIR "/%s", name);
	move(n->at, to);
	memcpy(n->at, to, sizeof(to));
}

static inline void assert_name_is_novel(struct names *n, const char *name)
{
	name_move(n, name);
	assert_opens_as(n->b, n->sv, n->at, O_RDONLY, (struct opens){.times = 2, .novel = 2});
}

/* The file has a known name of len bytes, then others nearly like it. */
static inline void assert_length(struct names *n, size_t len)
{
	char known[LUTRA_NAME + 8], name[LUTRA_NAME + 8];

	name_of(known, len);
	name_move(n, known);
	assert_opens_as(n->b, n->sv, n->at, O_RDONLY, (struct opens){.times = 3, .kept = 1});
	name_of(name, len);
	name[len - 1] = 'z';
	assert_name_is_novel(n, name);
	name_of(name, len);
	name[0] = 'z';
	assert_name_is_novel(n, name);
	name_of(name, len);
	memcpy(name + len, "z", 2);
	assert_name_is_novel(n, name);
	name_of(name, len);
	name[len - 1] = '\0';
	if (len > 1)
		assert_name_is_novel(n, name);
	name_move(n, known);
	assert_opens_as(n->b, n->sv, n->at, O_RDONLY, (struct opens){.times = 2});
}

/* ---- depths ---- */

/* DIR and directories below it, named by those lengths, up to a file; ret: its path. */
static inline void make_deep(char ret[PATH_BYTES], const unsigned *lens, size_t n)
{
	size_t at = (size_t)snprintf(ret, PATH_BYTES, DIR);

	for (size_t i = 0; i < n; i++) {
		if (i)
			mkdir(ret, 0755);
		ret[at++] = '/';
		memset(ret + at, 'a' + (int)i, lens[i]);
		at += lens[i];
		ret[at] = '\0';
	}
	make_file(ret);
}

/* ---- places that are shared ---- */

#define CROWD (2 * KNOWN_PLACES + 1) /* so many that three of them share a place for certain */

static inline uint32_t turns(void)
{
	const char *n = getenv("LUTRA_TEST_CALLS"); /* emulated machines are slow */

	return n ? (uint32_t)strtoul(n, NULL, 10) / 10 : 100000;
}

static inline void crowd_path(char ret[PATH_BYTES], unsigned i)
{
	snprintf(ret, PATH_BYTES, DIR "/%u", i);
}

/* The place where the opens of a path that is new are remembered. */
static inline size_t place_of(const struct box *b, const struct servant *sv, const char *path)
{
	struct request q = {.task = OPEN, .times = PATIENCE, .nr = SYS_openat};
	uint32_t before[KNOWN_PLACES], after[KNOWN_PLACES];
	size_t place = KNOWN_PLACES;

	snprintf(q.path[0], sizeof(q.path[0]), "%s", path);
	known_look(b, before);
	assert_int_equal(servant_ask(sv, &q).opened, q.times);
	known_look(b, after);
	for (size_t i = 0; i < KNOWN_PLACES; i++) {
		if (before[i] == after[i])
			continue;
		assert_int_equal(place, KNOWN_PLACES);
		place = i;
	}
	return place;
}

/* Of a crowd of files three that share a place, or any where nothing is remembered. */
static inline void three_in_a_place(const struct box *b, const struct servant *sv,
				    char ret[3][PATH_BYTES])
{
	static unsigned at[KNOWN_PLACES][3], n[KNOWN_PLACES];
	char path[PATH_BYTES];

	memset(n, 0, sizeof(n));
	for (unsigned i = 0; i < CROWD; i++) {
		size_t place;

		crowd_path(path, i);
		make_file(path);
		place = remembers(b) ? place_of(b, sv, path) : 0;
		assert_true(place < KNOWN_PLACES);
		at[place][n[place]++] = i;
		if (n[place] < 3)
			continue;
		for (size_t j = 0; j < 3; j++)
			crowd_path(ret[j], at[place][j]);
		return;
	}
	fail_msg("no three of %d files share a place", CROWD);
}

static inline void pin(const struct servant *sv, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Fails where there is one processor. */
	sched_setaffinity(sv->pid, sizeof(set), &set);
}

#endif
