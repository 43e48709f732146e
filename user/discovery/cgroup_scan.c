/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the cgroup tree. The processes of a new cgroup may still be the runtime's, whose system
 * calls are not the container's: a container is enrolled once it has had processes for some seconds.
 */
#include "user/discovery/discovery.h"

#include <errno.h>
#include <string.h>

#include "lib/base/list.h"
#include "user/identity/bundle.h"
#include "user/identity/patterns.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define INTERVAL_NS 5000000000ull
#define AGE_NS 5000000000ull /* with processes, before it is enrolled */
#define DEPTH_MAX 24

/* A container's cgroup that is not enrolled. */
struct stray {
	struct stray *next;
	uint64_t cgroup_id;
	uint64_t since_ns;	  /* CLOCK_MONOTONIC, of its first processes; 0: none yet */
	struct identity identity; /* has an id once its bundle was looked for */
	bool seen;		  /* by the present walk */
	bool logged;		  /* that there is no policy for it, or what is wrong */
};

struct cgroup_scan {
	const struct config *config;
	struct containers *containers;
	struct discovery *discovery;
	struct stray *strays;
	uint64_t next_ns; /* CLOCK_MONOTONIC, of the next walk */
};

static void stray_free(struct stray *s)
{
	identity_done(&s->identity);
	free(s);
}

/* Finds or adds the stray of a cgroup. NULL: out of memory. */
static struct stray *stray_of_cgroup(struct cgroup_scan *scan, uint64_t id)
{
	struct stray *s = scan->strays;

	while (s && s->cgroup_id != id)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->cgroup_id = id;
	LIST_PUSH(scan->strays, s);
	return s;
}

int discovery_read_identity(const struct config *config, const struct pattern *p,
			    struct identity *w)
{
	int r = identity_set(&w->id, p->id);

	w->engine = p->engine;
	if (r == 0)
		r = identity_set(&w->pod_uid, p->pod_uid);
	for (size_t i = 0; r == 0 && config->bundles[i] && !w->image; i++)
		r = identity_from_bundles(w, config->bundles[i]);
	return r;
}

static void enrol_stray(struct cgroup_scan *scan, struct stray *s, const char *cgroup,
			const struct pattern *p)
{
	struct discovered found = {.identity = &s->identity, .cgroup = cgroup, .quiet = s->logged};
	struct container *c = NULL;
	struct err why;
	int r;

	if (!s->identity.id && discovery_read_identity(scan->config, p, &s->identity) < 0)
		return;
	r = discovery_enrol(scan->discovery, &found, &c, &why);
	if (r < 0 && !s->logged)
		log_warning("%.12s: cannot be guarded: %s", p->id, why.msg);
	s->logged = !c;
}

static void on_container_cgroup(void *ctx, const char *cgroup, const struct pattern *p)
{
	struct cgroup_scan *scan = ctx;
	const struct container *c = containers_find(scan->containers, cgroup);
	uint64_t now = clock_now_ns(), id;
	struct stray *s;

	if (cgroup_id(cgroup, &id, NULL) < 0 || (c && c->cgroup_id == id))
		return;
	s = stray_of_cgroup(scan, id);
	if (!s)
		return;
	s->seen = true;
	if (!s->since_ns || !cgroup_has_tasks(cgroup))
		s->since_ns = now;
	else if (now - s->since_ns >= AGE_NS)
		enrol_stray(scan, s, cgroup, p);
}

static void forget_unseen(struct cgroup_scan *scan)
{
	LIST_EACH_SAFE (s, scan->strays) {
		if (s->seen) {
			s->seen = false;
			continue;
		}
		LIST_REMOVE(scan->strays, s);
		stray_free(s);
	}
}

int discovery_each_cgroup(void (*each)(void *ctx, const char *cgroup, const struct pattern *p),
			  void *ctx)
{
	_cleanup_free_ char *root = NULL;
	int r = cgroup_root(&root, NULL);
	struct pattern p;
	FTSENT *e;
	FTS *tree;

	if (r < 0)
		return r;
	tree = cgroup_walk(root);
	while (tree && (e = cgroup_walk_next(tree))) {
		bool is_container = pattern_match(e->fts_path, &p);

		if (is_container)
			each(ctx, e->fts_path, &p);
		if (is_container || e->fts_level > DEPTH_MAX)
			fts_set(tree, e, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
	return tree ? 0 : -ENOMEM;
}

void cgroup_scan_check(struct cgroup_scan *scan)
{
	uint64_t now = clock_now_ns();

	if (!scan->config->bundles[0] || now < scan->next_ns)
		return;
	scan->next_ns = now + INTERVAL_NS;
	if (discovery_each_cgroup(on_container_cgroup, scan) == 0)
		forget_unseen(scan);
}

int cgroup_scan_new(struct cgroup_scan **ret, const struct config *config,
		    struct containers *containers, struct discovery *discovery)
{
	struct cgroup_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return -ENOMEM;
	scan->config = config;
	scan->containers = containers;
	scan->discovery = discovery;
	*ret = scan;
	return 0;
}

void cgroup_scan_free(struct cgroup_scan *scan)
{
	if (!scan)
		return;
	while (scan->strays)
		stray_free(LIST_POP(scan->strays));
	free(scan);
}
