/* SPDX-License-Identifier: Apache-2.0 */
/* Adaptive attacks: what they are made of, and that they take the fewest fillers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lutra/score.h"
#include "tests/support/sample.h"
#include "trainer/eval/adapt/object_class.h"
#include "trainer/eval/adapt/splice.h"

#define SEED 5
#define TASKS 6	    /* of the made-up known runs */
#define REQUESTS 40 /* that each task answers */

/* ---- made-up known runs ---- */

/* A task of the known runs, under construction. */
struct known_made {
	struct known_runs *k;
	struct macro_draft draft;
	uint32_t macros[512];
	size_t n;
};

static void end_macro(struct known_made *t)
{
	uint32_t number;

	assert_int_equal(macro_draft_end(&t->k->macros, &t->draft, &number), 0);
	if (number == MACRO_NONE)
		return;
	assert_true(t->n < sizeof(t->macros) / sizeof(t->macros[0]));
	t->macros[t->n++] = number;
}

static void know_syscall(struct known_made *t, unsigned nr)
{
	const struct macro_event e = {{.type = LUTRA_RECORD_SYSCALL, .nr = (uint16_t)nr},
				      LUTRA_NO_STRING};

	end_macro(t);
	macro_draft_begin(&t->draft, &e);
}

static void know_open(struct known_made *t, const char *path, bool write)
{
	const struct lutra_object o = {.op = LUTRA_OP_OPEN,
				       .mode = 0100644,
				       .flags = LUTRA_OBJ_PATH | (write ? LUTRA_OBJ_WRITE : 0)};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .nr = SYS_openat};
	struct macro_event e;

	lutra_object_pack(&o, &rec);
	assert_int_equal(macro_event_make(&t->k->macros, &rec, path, strlen(path), &e), 0);
	assert_int_equal(macro_draft_add(&t->k->macros, &t->draft, &e, path, strlen(path)), 0);
}

static void know_end(struct known_made *t)
{
	end_macro(t);
	assert_int_equal(known_runs_append(t->k, t->macros, t->n), 0);
}

/* A task that answers requests: it opens a page or a log, and does other things now and then. */
static void know_task(struct known_runs *k, uint64_t *random)
{
	static const unsigned others[] = {SYS_fstat, SYS_lseek, SYS_getpid, SYS_fcntl, SYS_clone};
	struct known_made t = {.k = k};

	for (unsigned i = 0; i < REQUESTS; i++) {
		know_syscall(&t, SYS_epoll_wait);
		know_syscall(&t, SYS_recvfrom);
		if (sample_random(random) % 2)
			know_syscall(&t, others[sample_random(random) % 5]);
		know_syscall(&t, SYS_openat);
		if (sample_random(random) % 3)
			know_open(&t, "/srv/pages/a.html", false);
		else
			know_open(&t, "/srv/count", true);
		if (sample_random(random) % 2)
			know_syscall(&t, others[sample_random(random) % 4]);
		know_syscall(&t, sample_random(random) % 3 ? SYS_read : SYS_write);
		know_syscall(&t, SYS_sendto);
		know_syscall(&t, SYS_close);
	}
	know_end(&t);
}

static void make_known(struct known_runs *ret)
{
	uint64_t random = 99;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(macro_set_init(&ret->macros, "x86_64"), 0);
	for (unsigned i = 0; i < TASKS; i++)
		know_task(ret, &random);
}

/* Sets the start of an attack behind place `at` of the known sequence. */
static void make_start(const struct known_runs *k, size_t at, struct attack_start *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ATTACK_STARTS_RECENT; i++) {
		ret->macros[i] = k->sequence[at - i];
		ret->calls[i] = k->macros.list[ret->macros[i]].nr;
	}
}

/* Returns a place at which a task has just received. */
static size_t find_receive(const struct known_runs *k, size_t from)
{
	while (k->sequence[from] == MACRO_NONE ||
	       k->macros.list[k->sequence[from]].nr != SYS_recvfrom)
		from++;
	return from;
}

/* Returns true if the symbols stand in the known sequence, found without the graph. */
static bool is_known(const struct gram_graph *g, const uint32_t *symbols)
{
	const struct known_runs *k = g->known;

	for (size_t i = 0; i + g->order <= k->n; i++) {
		unsigned same = 0;

		while (same < g->order && k->sequence[i + same] != MACRO_NONE &&
		       gram_graph_symbol(g, k->sequence[i + same]) == symbols[same])
			same++;
		if (same == g->order)
			return true;
	}
	return false;
}

/* ---- classes and macro events ---- */

static void assert_class(struct lutra_object o, const char *path, const char *text, unsigned uses)
{
	struct object_class class;

	assert_true(object_class_find(&o, path, path ? strlen(path) : 0, &class));
	assert_string_equal(class.text, text);
	assert_int_equal(class.uses, uses);
}

static void object_class_tells_what_an_object_is_good_for(void **state)
{
	const struct lutra_object
		file = {.op = LUTRA_OP_OPEN, .mode = 0100644},
		written = {.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE},
		dir = {.op = LUTRA_OP_OPEN, .mode = 040755},
		peer = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 3306},
		far = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET6, .port = 40000};
	struct object_class class;

	(void)state;
	assert_class(file, "/etc/shop.conf", "read etc", OBJECT_USE_VALUE | OBJECT_USE_DATA);
	assert_class(file, "/etc/shadow", "read secret", OBJECT_USE_VALUE);
	assert_class(file, "/run/secrets/key", "read secret", OBJECT_USE_VALUE);
	assert_class(file, "/home/x/y", "read home", OBJECT_USE_VALUE);
	assert_class(file, "/usr/lib/x86_64/libc.so.6", "read lib", 0);
	assert_class(file, "/usr/share/zoneinfo/UTC", "read usr", 0);
	assert_class(file, "/proc/self/maps", "read proc", 0);
	assert_class(file, "/srv/pages/a/b.html", "read own/pages/",
		     OBJECT_USE_VALUE | OBJECT_USE_DATA);
	assert_class(file, "/srv/page7", "read own/#", OBJECT_USE_VALUE | OBJECT_USE_DATA);
	assert_class(file, "/var/lib/db/t1", "read own/db/", OBJECT_USE_VALUE | OBJECT_USE_DATA);
	assert_class(written, "/srv/x/access.log", "write own/log",
		     OBJECT_USE_WRITE | OBJECT_USE_CHANGE);
	assert_class(dir, "/srv/pages", "list own/pages", 0);
	assert_class(peer, NULL, "connect inet 3306", 0);
	assert_class(far, NULL, "connect inet 32768", 0);
	assert_class((struct lutra_object){.op = LUTRA_OP_RENAME_TO}, "/tmp/x", "rename-from tmp",
		     OBJECT_USE_CHANGE);
	assert_false(
		object_class_find(&(struct lutra_object){.op = LUTRA_OP_CHDIR}, "/", 1, &class));
}

static void macro_set_tells_macro_events_apart_by_their_objects(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k = {0};
	const struct macro_set *m = &k.macros;
	struct known_made t = {.k = &k};

	(void)state;
	assert_int_equal(macro_set_init(&k.macros, "x86_64"), 0);
	know_syscall(&t, SYS_openat);
	know_open(&t, "/srv/pages/a.html", false);
	know_syscall(&t, SYS_openat);
	know_open(&t, "/srv/pages/b.html", false);
	know_syscall(&t, SYS_openat);
	know_open(&t, "/srv/count", true);
	know_syscall(&t, SYS_openat);
	know_syscall(&t, SYS_execve);
	know_end(&t);
	assert_int_equal(m->n, 4);
	assert_int_equal(k.sequence[0], k.sequence[1]);
	assert_int_equal(m->list[0].steps, 1u << MACRO_OPEN_VALUE | 1u << MACRO_OPEN_DATA);
	assert_int_equal(m->list[1].steps, 1u << MACRO_CHANGE);
	assert_int_equal(m->list[2].steps, 0);
	assert_true(m->list[2].filler);
	assert_false(m->list[3].filler);
	/* The records of its first appearance. */
	assert_int_equal(m->list[0].n, 2);
	assert_int_equal(m->events[m->list[0].first].rec.nr, SYS_openat);
	assert_int_equal(m->events[m->list[0].first + 1].string, 0);
}

/* ---- the graph and its search ---- */

static void gram_graph_has_the_ngrams_of_the_runs_and_no_others(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k;
	_cleanup_(gram_graph_done) struct gram_graph g = {0};
	uint32_t last[2], context;

	(void)state;
	make_known(&k);
	assert_int_equal(gram_graph_init(&g, &k, 3, false, SEED), 0);
	for (uint32_t c = 0; c < g.n_contexts; c++) {
		size_t len;
		const uint32_t *symbols = intern_get(g.contexts, c, &len);

		assert_int_equal(len, 2 * sizeof(*symbols));
		for (uint32_t s = 0; s < 300; s++) {
			const uint32_t gram[] = {symbols[0], symbols[1], s};
			bool known = gram_graph_next(&g, c, s) != GRAM_NONE;

			assert_int_equal(known, is_known(&g, gram));
		}
	}
	/* The last one first; a context that nothing follows is none. */
	last[0] = SYS_recvfrom;
	last[1] = SYS_epoll_wait;
	context = gram_graph_find(&g, last);
	assert_int_not_equal(context, GRAM_NONE);
	last[0] = SYS_epoll_wait;
	last[1] = SYS_recvfrom;
	assert_int_equal(gram_graph_find(&g, last), GRAM_NONE);
}

/* Returns how many fillers there are at least to a step, by trying all ways of each length. */
static uint32_t count_fillers(const struct gram_graph *g, uint32_t from, unsigned step)
{
	_cleanup_free_ bool *here = calloc(g->n_contexts, 1), *next = calloc(g->n_contexts, 1);

	here[from] = true;
	for (uint32_t n = 0; n <= g->n_contexts; n++) {
		memset(next, 0, g->n_contexts);
		for (size_t i = 0; i < g->n_edges; i++) {
			const struct gram_symbol *s = &g->symbols[g->edges[i].symbol];

			if (!here[g->edges[i].from])
				continue;
			if (s->steps >> step & 1)
				return n;
			next[g->edges[i].to] |= s->filler;
		}
		memcpy(here, next, g->n_contexts);
	}
	return GRAM_NONE;
}

static void gram_graph_distance_is_that_of_the_fewest_fillers(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k;
	static const struct {
		unsigned order;
		bool by_macro;
	} kinds[] = {{1, false}, {2, false}, {3, false}, {2, true}, {4, true}};

	(void)state;
	make_known(&k);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		_cleanup_(gram_graph_done) struct gram_graph g = {0};

		assert_int_equal(gram_graph_init(&g, &k, kinds[i].order, kinds[i].by_macro, SEED),
				 0);
		for (uint32_t c = 0; c < g.n_contexts; c++)
			for (unsigned step = 0; step < MACRO_STEPS; step++)
				assert_int_equal(g.distance[step][c], count_fillers(&g, c, step));
	}
}

/* ---- attacks ---- */

/* Checks that every n-gram is known, also those that begin before the attack. */
static void assert_grams_known(const struct gram_graph *g, const struct attack_start *start,
			       const struct splice *s)
{
	uint32_t last[GRAM_ORDER_MAX];

	for (unsigned i = 0; i + 1 < g->order; i++)
		last[i + 1] = g->by_macro ? start->macros[g->order - 2 - i]
					  : start->calls[g->order - 2 - i];
	for (size_t i = 0; i < s->n; i++) {
		memmove(last, last + 1, (g->order - 1) * sizeof(last[0]));
		last[g->order - 1] = gram_graph_symbol(g, s->items[i].macro);
		assert_true(is_known(g, last));
	}
}

/* Checks that the payload does the steps of exfil in their order, and that nothing ends the task. */
static void assert_exfil(const struct known_runs *k, const struct splice *s)
{
	static const unsigned steps[] = {MACRO_OPEN_VALUE, MACRO_READ, MACRO_SEND, MACRO_CLOSE};
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct macro *m = &k->macros.list[s->items[i].macro];

		assert_int_not_equal(m->nr, SYS_clone);
		if (s->items[i].payload)
			assert_true(m->steps >> steps[n++ % 4] & 1);
	}
	assert_int_equal(n, 3 * 4);
}

static void splice_keeps_every_ngram_known_and_does_the_goal(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k;
	_cleanup_(splice_source_done) struct splice_source src = {0};
	struct rng rng = {7};
	size_t at = 0;
	unsigned made = 0;

	(void)state;
	make_known(&k);
	assert_int_equal(splice_source_init(&src, &k, SEED, 2, NULL), 0);
	for (uint8_t order = 0; order < SPLICE_ORDERS; order++) {
		for (uint8_t dilution = 0; dilution < SPLICE_DILUTIONS; dilution++) {
			const struct splice_plan plan = {SPLICE_EXFIL, order, dilution};
			_cleanup_(splice_done) struct splice s = {0};
			struct attack_start start;

			at = find_receive(&k, at < 20 ? 20 : at + 1);
			make_start(&k, at, &start);
			if (splice_make(&src, &plan, &start, &rng, &s) == 0)
				continue;
			made++;
			assert_grams_known(&src.graphs[order], &start, &s);
			assert_exfil(&k, &s);
			/* k calls for each one of the attack, but for the wait at its end. */
			if (order == 0)
				assert_true(s.n >= 12 * (1 + splice_dilution_calls(dilution)));
		}
	}
	assert_true(made >= SPLICE_ORDERS * SPLICE_DILUTIONS / 2);
}

/* Without an order, nothing stands between the steps. */
static void splice_of_order_one_has_no_fillers(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k;
	_cleanup_(splice_source_done) struct splice_source src = {0};
	_cleanup_(splice_done) struct splice s = {0};
	const struct splice_plan plan = {SPLICE_OVERWRITE, 0, 0};
	struct attack_start start;
	struct rng rng = {7};

	(void)state;
	make_known(&k);
	assert_int_equal(splice_source_init(&src, &k, SEED, 1, NULL), 0);
	make_start(&k, find_receive(&k, 20), &start);
	assert_int_equal(splice_make(&src, &plan, &start, &rng, &s), 1);
	assert_int_equal(s.n, 10 * 3 + 1); /* and it waits */
	for (size_t i = 0; i + 1 < s.n; i++)
		assert_true(s.items[i].payload);
	assert_false(s.items[s.n - 1].payload);
}

/* A goal whose steps no run did cannot be reached. */
static void splice_without_the_steps_is_not_made(void **state)
{
	_cleanup_(known_runs_done) struct known_runs k = {0};
	_cleanup_(splice_source_done) struct splice_source src = {0};
	_cleanup_(splice_done) struct splice s = {0};
	const struct splice_plan plan = {SPLICE_MASS, 1, 0};
	struct known_made t = {.k = &k};
	struct attack_start start;
	struct rng rng = {7};

	(void)state;
	assert_int_equal(macro_set_init(&k.macros, "x86_64"), 0);
	for (unsigned i = 0; i < 20; i++) {
		know_syscall(&t, SYS_epoll_wait);
		know_syscall(&t, SYS_recvfrom);
		know_syscall(&t, SYS_sendto);
	}
	know_end(&t);
	assert_int_equal(splice_source_init(&src, &k, SEED, 1, NULL), 0);
	make_start(&k, find_receive(&k, 20), &start);
	assert_int_equal(splice_make(&src, &plan, &start, &rng, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_class_tells_what_an_object_is_good_for),
		cmocka_unit_test(macro_set_tells_macro_events_apart_by_their_objects),
		cmocka_unit_test(gram_graph_has_the_ngrams_of_the_runs_and_no_others),
		cmocka_unit_test(gram_graph_distance_is_that_of_the_fewest_fillers),
		cmocka_unit_test(splice_keeps_every_ngram_known_and_does_the_goal),
		cmocka_unit_test(splice_of_order_one_has_no_fillers),
		cmocka_unit_test(splice_without_the_steps_is_not_made),
	};

	return cmocka_run_group_tests_name("splice", tests, NULL, NULL);
}
