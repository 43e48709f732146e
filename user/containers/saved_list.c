/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved list of containers, one JSON array that is written whole at every change, and a copy of
 * it within a second. The kernel keeps what it needs to guard the containers, the list keeps what
 * people call them. Where the kernel has lost them, or a guard of another version has them, they
 * are enrolled again from it.
 *
 * A thread of its own writes the files: a busy disk takes long. The main loop waits for it only
 * where a command is to be told that all is saved.
 *
 * Fails: what cannot be written is tried again every second. A list that is damaged is renamed, and
 * the copy is read; what the kernel guards stays guarded whatever the files say (rebuild.c).
 */
#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/worker.h"

#define LIST_FILE "enrolled.json"
#define COPY_FILE "enrolled.copy.json"
#define LIST_MAX_BYTES (16u << 20)
#define DELAY_NS 200000000ull

struct saved_list {
	struct containers *all;
	struct containers_observer observer;
	struct loop_idle idle;
	struct worker *worker;
	_Atomic int failed;    /* -errno of the thread's last try to write; 0: it is written */
	bool unqueued;	       /* the list of now could not be handed to the thread. The loop's */
	_Atomic bool copy_due; /* the copy is older than the list */
};

/* A file to be written. The thread's from worker_put() on. */
struct saved_file {
	struct worker_item item;
	bool is_copy;
	char *path, *text;
};

/* ---- writing ---- */

static json_t *saved_to_json(const struct container *c)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:i, s:s, s:b, s:b, s:b, s:b, s:b, "
		"s:b, "
		"s:I, s:I, s:I}",
		"name", text_json_keep(c->name), "who", identity_to_json(&c->identity), "cgroup",
		text_json_keep(c->cgroup), "policy", text_json_keep(c->policy_dir), "policy_sha256",
		c->policy_sha256, "accepted_sha256", c->accepted_sha256, "policy_since_ns",
		(json_int_t)c->policy_since_ns, "cgroup_id", (json_int_t)c->cgroup_id, "since_ns",
		(json_int_t)c->since_ns, "slot", (int)c->slot, "mode", mode_name(c->mode),
		"own_mode", c->own_mode, "frozen", c->frozen, "reacted", c->acted, "sessions",
		c->sessions, "learned", c->recorded, "release", c->is_release, "release_rules",
		(json_int_t)c->release_rules, "release_until_ns", (json_int_t)c->release_until_ns,
		"fallback_rules", (json_int_t)c->fallback_rules);
}

static void free_file(struct worker_item *i)
{
	struct saved_file *f = (struct saved_file *)i;

	if (!f)
		return;
	free(f->path);
	free(f->text);
	free(f);
}
DEFINE_FREEP(struct worker_item, free_file);

/* Makes what is to be written of the containers as they are now. NULL: out of memory. */
static struct saved_file *make_file(const struct saved_list *l, bool is_copy)
{
	struct saved_file *f = calloc(1, sizeof(*f));
	_cleanup_(free_filep) struct worker_item *item = f ? &f->item : NULL;
	json_auto_t *list = json_array();

	if (!f)
		return NULL;
	for (const struct container *c = l->all->first; c; c = c->next)
		json_array_append_new(list, saved_to_json(c));
	f->is_copy = is_copy;
	f->text = json_dumps(list, JSON_INDENT(1));
	if (!f->text || asprintf(&f->path, "%s/%s", l->all->parts.config->state_dir,
				 is_copy ? COPY_FILE : LIST_FILE) < 0) {
		f->path = NULL;
		return NULL;
	}
	f->item.bytes = strlen(f->text);
	TAKE_PTR(item);
	return f;
}

/* Notes how the thread's try to write the list ended, and logs when that changes. */
static void note_written(struct saved_list *l, int r)
{
	int before = atomic_exchange(&l->failed, r);

	if (r < 0 && r != before)
		log_error("%s/" LIST_FILE ": %s: lutrad tries again every second; until then the "
			  "next lutrad knows the containers by what the kernel tells alone",
			  l->all->parts.config->state_dir, strerror(-r));
	else if (r == 0 && before < 0)
		log_info("%s/" LIST_FILE ": the containers are saved again",
			 l->all->parts.config->state_dir);
}

/* Returns true if a file is to be written again by a later item. */
static bool is_outdated(const struct saved_file *f)
{
	const struct worker_item *later = f->item.next;

	while (later && ((const struct saved_file *)later)->is_copy != f->is_copy)
		later = later->next;
	return later;
}

/* Writes files in the thread: of each the newest, as more may have come while the disk was slow. */
static unsigned write_files(void *ctx, struct worker_item *items)
{
	struct saved_list *l = ctx;

	for (struct worker_item *i = items; i; i = i->next) {
		const struct saved_file *f = (struct saved_file *)i;
		int r;

		if (is_outdated(f))
			continue;
		r = file_replace(f->path, 0600, f->text, strlen(f->text));
		if (f->is_copy && r < 0)
			l->copy_due = true;
		else if (!f->is_copy)
			note_written(l, r);
	}
	return 0;
}

static void write_list(struct saved_list *l)
{
	struct saved_file *f = make_file(l, false);

	l->copy_due = true;
	l->unqueued = !f || !worker_put(l->worker, &f->item);
	if (l->unqueued)
		log_error("%s/" LIST_FILE ": out of memory: lutrad tries again every second",
			  l->all->parts.config->state_dir);
}

static void write_copy(struct saved_list *l)
{
	struct saved_file *f = make_file(l, true);

	/* The thread sets it, if it fails. */
	l->copy_due = false;
	if (!f || !worker_put(l->worker, &f->item))
		l->copy_due = true;
}

static void on_idle(void *ctx)
{
	write_list(ctx);
}

static void on_changed(void *ctx, const struct container *c)
{
	struct saved_list *l = ctx;

	(void)c;
	loop_when_idle(l->all->parts.loop, &l->idle);
}

int saved_list_flush(struct saved_list *l, struct err *err)
{
	int r;

	if (!l)
		return 0;
	if (loop_cancel_idle(l->all->parts.loop, &l->idle) || l->failed < 0 || l->unqueued)
		write_list(l);
	worker_sync(l->worker);
	r = l->unqueued ? -ENOMEM : l->failed;
	if (r < 0)
		return err_set(err, r, "%s/" LIST_FILE ": %s", l->all->parts.config->state_dir,
			       strerror(-r));
	return 0;
}

void saved_list_check(struct saved_list *l)
{
	if (l && (l->failed < 0 || l->unqueued))
		write_list(l);
	if (l && l->failed == 0 && !l->unqueued && l->copy_due)
		write_copy(l);
}

/* ---- reading ---- */

/* From the list of an older daemon, which knew no more. */
static int identity_from_old(const char *id, const char *image, struct identity *ret)
{
	int r = identity_set(&ret->id, id);

	return r < 0 ? r : identity_set(&ret->image, image);
}

/* Fills in a container from an entry of the list. -EBADMSG: it is none; -ENOMEM. */
static int saved_from_json(json_t *j, struct container *c)
{
	/* An older daemon wrote no checksum: the policy is then put in force again. */
	const char *name, *id = NULL, *image = NULL, *cgroup, *policy, *sha256 = "", *mode;
	const char *accepted = "";
	json_int_t cgroup_id, since_ns, policy_since_ns = 0;
	int slot, own_mode = 1, frozen, reacted, sessions = 0, learned = 0;
	json_int_t release_rules = 0, release_until = 0, fallback_rules = 0;
	int release = 0;
	json_t *who = NULL;

	if (json_unpack(
		    j,
		    "{s:s, s?o, s?s, s?s, s:s, s:s, s?s, s?s, s?I, s:I, s:I, s:i, s:s, s?b, s:b, "
		    "s:b, s?b, s?b, s?b, s?I, s?I, s?I}",
		    "name", &name, "who", &who, "id", &id, "image", &image, "cgroup", &cgroup,
		    "policy", &policy, "policy_sha256", &sha256, "accepted_sha256", &accepted,
		    "policy_since_ns", &policy_since_ns, "cgroup_id", &cgroup_id, "since_ns",
		    &since_ns, "slot", &slot, "mode", &mode, "own_mode", &own_mode, "frozen",
		    &frozen, "reacted", &reacted, "sessions", &sessions, "learned", &learned,
		    "release", &release, "release_rules", &release_rules, "release_until_ns",
		    &release_until, "fallback_rules", &fallback_rules) < 0 ||
	    mode_parse(mode, &c->mode) < 0 || slot < 1 || slot >= LUTRA_SLOTS ||
	    strlen(sha256) >= sizeof(c->policy_sha256) ||
	    strlen(accepted) >= sizeof(c->accepted_sha256) || release_rules < 0 ||
	    release_rules > UINT32_MAX || release_until < 0 || fallback_rules < 0 ||
	    fallback_rules > UINT32_MAX)
		return -EBADMSG;
	c->cgroup_id = (uint64_t)cgroup_id;
	c->since_ns = (uint64_t)since_ns;
	c->slot = (uint32_t)slot;
	memcpy(c->policy_sha256, sha256, strlen(sha256) + 1);
	memcpy(c->accepted_sha256, accepted, strlen(accepted) + 1);
	c->policy_since_ns = (uint64_t)policy_since_ns;
	c->own_mode = own_mode != 0;
	c->frozen = frozen != 0;
	c->acted = reacted != 0;
	c->sessions = sessions != 0;
	c->recorded = learned != 0;
	c->is_release = release != 0;
	c->release_rules = (uint32_t)release_rules;
	c->fallback_rules = (uint32_t)fallback_rules;
	c->release_until_ns = (uint64_t)release_until;
	c->name = strdup(name);
	c->cgroup = strdup(cgroup);
	c->policy_dir = strdup(policy);
	if (!c->name || !c->cgroup || !c->policy_dir)
		return -ENOMEM;
	return who ? identity_from_json(who, false, &c->identity, NULL)
		   : identity_from_old(id, image, &c->identity);
}

/* What was read of the files. */
struct saved_state {
	json_t *list; /* an array */
	bool is_copy; /* it is that of the copy */
	bool damaged; /* a file is, or an entry */
};

/* Renames a list that cannot be used. */
static void set_list_aside(const struct containers *all, const char *name, const char *why)
{
	_cleanup_free_ char *path = NULL, *aside = NULL;

	if (asprintf(&path, "%s/%s", all->parts.config->state_dir, name) < 0)
		return;
	if (file_set_aside(path, NULL, &aside) == 0)
		log_error("%s: %s: it is now %s", path, why, aside);
	else
		log_error("%s: %s", path, why);
}

/* Returns the array of a file; NULL: there is none, or it is damaged. */
static json_t *read_list(const struct containers *all, const char *name, bool *ret_damaged)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_error_t je = {.text = "not an array"};
	struct err err = {};
	size_t len = 0;
	json_t *list = NULL;

	if (asprintf(&path, "%s/%s", all->parts.config->state_dir, name) < 0 ||
	    access(path, F_OK) < 0)
		return NULL;
	if (file_read(AT_FDCWD, path, LIST_MAX_BYTES, &text, &len, &err) == 0)
		list = json_loadb(text, len, 0, &je);
	else
		snprintf(je.text, sizeof(je.text), "%.100s", err.msg);
	if (json_is_array(list))
		return list;
	*ret_damaged = true;
	set_list_aside(all, name, je.text);
	json_decref(list);
	return NULL;
}

/* Reads the list, or the copy where the list is gone or damaged. */
static struct saved_state read_saved_list(const struct containers *all)
{
	struct saved_state s = {};

	s.list = read_list(all, LIST_FILE, &s.damaged);
	if (!s.list) {
		s.list = read_list(all, COPY_FILE, &s.damaged);
		s.is_copy = s.list != NULL;
	}
	if (!s.list)
		s.list = json_array();
	return s;
}

/* Returns true if the kernel guards it as the list says. */
static bool is_guarded(const struct container *c)
{
	struct lutra_slot slot;

	return guard_slot(c->all->parts.guard, c->slot, &slot) == 0 &&
	       slot.cgroup_id == c->cgroup_id;
}

/*
 * Enrols a container that lives on while its kernel state is lost, or is that of a guard of another
 * version. Levels and histories of its tasks begin again. -ENOENT: the container is gone; else as
 * policy_load_signed() and guard_enroll().
 */
static int enrol_again(struct container *c, struct err *err)
{
	const struct containers_parts *parts = &c->all->parts;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct guard_enrolment e = {.cgroup = c->cgroup,
				    .mode = c->mode,
				    .record = c->recorded,
				    .sessions = c->sessions};
	struct host_view view;
	uint64_t id;
	int r = 0;

	if (cgroup_id(c->cgroup, &id, NULL) < 0 || id != c->cgroup_id)
		return err_set(err, -ENOENT, "gone");
	if (*c->policy_dir)
		r = container_load_policy(c, &p, err);
	if (r < 0)
		return r;
	if (p)
		container_note_policy(c, p);
	c->host_known = c->sessions && p && host_mounts_inspect(c);
	e.policy = container_view(c, p, &view);
	r = guard_enroll(parts->guard, &e, &c->slot, err);
	host_view_done(&view);
	return r;
}

/* Returns 0 if it is guarded and the registry's from here on. */
static int restore_container(struct container *c)
{
	bool guarded = is_guarded(c);
	struct err err = {};
	int r = guarded ? 0 : enrol_again(c, &err);

	if (r == -ENOENT)
		return r;
	if (r < 0) {
		log_error("%s: cannot be guarded again: %s", c->name, err.msg);
		return r;
	}
	log_info("%s: %s, mode %s", c->name, guarded ? "taken over" : "enrolled again",
		 mode_name(c->mode));
	containers_add(c, CONTAINERS_RESTORED);
	container_note_level(c);
	container_note_hooks(c);
	return 0;
}

/*
 * Restores a container from an entry. -EBADMSG: the entry is none, or its name is taken. -ENOENT:
 * the container is gone; or the entry is from the copy, which may be old, and the kernel does not
 * guard it.
 */
static int restore_entry(struct containers *all, const struct saved_state *s, json_t *j,
			 bool known[LUTRA_SLOTS])
{
	_cleanup_(container_freep) struct container *c = container_new(all);
	int r = c ? saved_from_json(j, c) : -ENOMEM;

	if (r < 0)
		return r;
	if (containers_find(all, c->name) || (is_guarded(c) && known[c->slot]))
		return -EBADMSG;
	if (s->is_copy && !is_guarded(c))
		return -ENOENT;
	r = restore_container(c);
	if (r < 0)
		return r;
	known[c->slot] = true;
	TAKE_PTR(c);
	return 0;
}

/*
 * A guard of another version stays, and the list with it, as long as a container would be without
 * any guard otherwise.
 */
static void restore_all(struct containers *all, struct saved_state *s, bool known[LUTRA_SLOTS])
{
	bool failed = s->damaged, bad = false;
	json_t *j;
	size_t i;

	json_array_foreach (s->list, i, j) {
		int r = restore_entry(all, s, j, known);

		bad |= r == -EBADMSG;
		failed |= r < 0 && r != -ENOENT;
	}
	if (bad && !s->is_copy)
		set_list_aside(all, LIST_FILE, "it has entries that this lutrad cannot read");
	if (!failed) {
		guard_remove_other_versions(all->parts.guard);
		containers_changed(all, NULL);
	} else if (guard_has_other_versions(all->parts.guard)) {
		log_warning("what the lutrad before guarded stays as it was");
	}
}

static void restore_list(struct containers *all)
{
	struct saved_state s = read_saved_list(all);
	bool known[LUTRA_SLOTS] = {false};

	restore_all(all, &s, known);
	json_decref(s.list);
	containers_rebuild(all, known);
}

/* ---- life ---- */

static struct saved_list *saved_list_new(struct containers *all)
{
	struct saved_list *l = calloc(1, sizeof(*l));
	const struct worker_config config = {.name = "lutra-saved",
					     .max_bytes = 4 * LIST_MAX_BYTES,
					     .on_items = write_files,
					     .free_item = free_file,
					     .ctx = l};

	if (!l)
		return NULL;
	l->all = all;
	l->observer = (struct containers_observer){.on_changed = on_changed, .ctx = l};
	l->idle = (struct loop_idle){.on_idle = on_idle, .delay_ns = DELAY_NS, .ctx = l};
	if (worker_new(&l->worker, &config) == 0 && worker_start(l->worker) == 0)
		return l;
	worker_free(l->worker);
	free(l);
	return NULL;
}

int saved_list_open(struct saved_list **ret, struct containers *all)
{
	struct saved_list *l = NULL;

	if (all->parts.config->pin_dir) {
		l = saved_list_new(all);
		if (!l)
			return -ENOMEM;
		containers_observe(all, &l->observer);
	}
	restore_list(all);
	*ret = l;
	return 0;
}

void saved_list_close(struct saved_list *l)
{
	if (!l)
		return;
	saved_list_flush(l, NULL);
	saved_list_check(l);
	worker_free(l->worker);
	free(l);
}

void saved_list_remove(const struct config *config)
{
	static const char *const names[] = {LIST_FILE, COPY_FILE};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", config->state_dir, names[i]) > 0)
			unlink(path);
	}
}
