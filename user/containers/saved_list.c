/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of containers on disk, for the daemon that comes next: the kernel keeps what it needs to
 * guard them, this is what people call them. One JSON array, written whole at every change. Where
 * the kernel has lost them, or a guard of another version has them, they are enrolled again from
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/sys/cgroup.h"
#include "user/sys/clock.h"
#include "user/learn/learn.h"

#define ENROLLED_FILE "enrolled.json"
#define ENROLLED_MAX (16u << 20)

static json_t *encode(const struct container *c)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:i, s:s, s:b, s:b, s:b, s:b, s:b}",
		"name", text_json_keep(c->name), "who", identity_to_json(&c->who), "cgroup",
		text_json_keep(c->cgroup), "policy", text_json_keep(c->policy_dir), "policy_sha256",
		c->policy_sha256, "policy_since_ns", (json_int_t)c->policy_since_ns, "cgroup_id",
		(json_int_t)c->cgroup_id, "since_ns", (json_int_t)c->since_ns, "slot", (int)c->slot,
		"mode", mode_name(c->mode), "own_mode", c->own_mode, "frozen", c->frozen, "reacted",
		c->reacted, "sessions", c->sessions, "learned", c->recorded);
}

void enrolled_save(struct daemon *d)
{
	if (!d->config->pin_dir || d->enrolled_changed)
		return;
	d->enrolled_changed = true;
	d->enrolled_changed_ns = clock_now_ns();
}

void enrolled_write(struct daemon *d)
{
	json_auto_t *list = json_array();
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r = -ENOMEM;

	if (!d->enrolled_changed)
		return;
	d->enrolled_changed = false;
	for (const struct container *c = d->containers; c; c = c->next)
		json_array_append_new(list, encode(c));
	text = json_dumps(list, JSON_INDENT(1));
	if (text && asprintf(&path, "%s/" ENROLLED_FILE, d->config->state_dir) > 0)
		r = file_replace(path, 0600, text, strlen(text));
	if (r < 0)
		daemon_log(d, LOG_LEVEL_ERROR,
			   "%s/" ENROLLED_FILE ": %s: the next lutrad will not know the containers",
			   d->config->state_dir, strerror(-r));
}

/* Of a daemon that knew no more. */
static int decode_old(const char *id, const char *image, struct identity *who)
{
	int r = identity_set(&who->id, id);

	return r < 0 ? r : identity_set(&who->image, image);
}

/* One of the list; -EBADMSG: not a container. */
static int decode(json_t *j, struct container *c)
{
	/* Of a daemon that did not know which policy is in force: it is put in force anew. */
	const char *name, *id = NULL, *image = NULL, *cgroup, *policy, *sha256 = "", *mode;
	json_int_t cgroup_id, since_ns, policy_since_ns = 0;
	int slot, own_mode = 1, frozen, reacted, sessions = 0, learned = 0;
	json_t *who = NULL;

	if (json_unpack(j,
			"{s:s, s?o, s?s, s?s, s:s, s:s, s?s, s?I, s:I, s:I, s:i, s:s, s?b, s:b, "
			"s:b, s?b, s?b}",
			"name", &name, "who", &who, "id", &id, "image", &image, "cgroup", &cgroup,
			"policy", &policy, "policy_sha256", &sha256, "policy_since_ns",
			&policy_since_ns, "cgroup_id", &cgroup_id, "since_ns", &since_ns, "slot",
			&slot, "mode", &mode, "own_mode", &own_mode, "frozen", &frozen, "reacted",
			&reacted, "sessions", &sessions, "learned", &learned) < 0 ||
	    mode_parse(mode, &c->mode) < 0 || slot < 1 || slot >= LUTRA_SLOTS ||
	    strlen(sha256) >= sizeof(c->policy_sha256))
		return -EBADMSG;
	c->cgroup_id = (uint64_t)cgroup_id;
	c->since_ns = (uint64_t)since_ns;
	c->slot = (uint32_t)slot;
	memcpy(c->policy_sha256, sha256, strlen(sha256) + 1);
	c->policy_since_ns = (uint64_t)policy_since_ns;
	c->own_mode = own_mode != 0;
	c->frozen = frozen != 0;
	c->reacted = reacted != 0;
	c->sessions = sessions != 0;
	c->recorded = learned != 0;
	c->name = strdup(name);
	c->cgroup = strdup(cgroup);
	c->policy_dir = strdup(policy);
	if (!c->name || !c->cgroup || !c->policy_dir)
		return -ENOMEM;
	return who ? identity_from_json(who, &c->who, NULL) : decode_old(id, image, &c->who);
}

/* Read the list; an array, empty where there is none or it is damaged. */
static json_t *load(struct daemon *d)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_error_t je = {.text = "not an array"};
	struct err err = {};
	size_t len = 0;
	json_t *list = NULL;

	if (asprintf(&path, "%s/" ENROLLED_FILE, d->config->state_dir) < 0 ||
	    access(path, F_OK) < 0)
		return json_array();
	if (file_read(AT_FDCWD, path, ENROLLED_MAX, &text, &len, &err) == 0)
		list = json_loadb(text, len, 0, &je);
	else
		snprintf(je.text, sizeof(je.text), "%.100s", err.msg);
	if (json_is_array(list))
		return list;
	daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", path, je.text);
	json_decref(list);
	return json_array();
}

/* The kernel has it under guard as the list says. */
static bool is_guarded(const struct daemon *d, const struct container *c)
{
	struct lutra_slot slot;

	return guard_slot(d->guard, c->slot, &slot) == 0 && slot.cgroup_id == c->cgroup_id;
}

/*
 * A container that lives on while its kernel state is lost, or a guard of another version's. Its
 * tasks begin again. -ENOENT: it is gone; or as policy_load_signed() and guard_enroll().
 */
static int enroll_again(struct daemon *d, struct container *c, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct guard_enrolment e = {.cgroup = c->cgroup,
				    .mode = c->mode,
				    .record = c->recorded,
				    .sessions = c->sessions};
	uint64_t id;
	int r;

	if (cgroup_id(c->cgroup, &id, NULL) < 0 || id != c->cgroup_id)
		return err_set(err, -ENOENT, "gone");
	r = *c->policy_dir ? policy_load_signed(&p, c->policy_dir, &d->config->policy_keys, err)
			   : 0;
	if (r < 0)
		return r;
	if (p)
		container_has_policy(c, p);
	e.policy = p;
	return guard_enroll(d->guard, &e, &c->slot, err);
}

/* 0: it is under guard, and the daemon's from here on. */
static int restore(struct daemon *d, struct container *c)
{
	bool guarded = is_guarded(d, c), populated = false;
	struct err err = {};
	int r = guarded ? 0 : enroll_again(d, c, &err);

	if (r == -ENOENT)
		return r;
	if (r < 0) {
		daemon_log(d, LOG_LEVEL_ERROR, "%s: cannot be guarded again: %s", c->name, err.msg);
		return r;
	}
	containers_add(d, c);
	daemon_log(d, LOG_LEVEL_INFO, "%s: %s, mode %s", c->name,
		   guarded ? "taken over" : "enrolled again", mode_name(c->mode));
	if (c->recorded)
		learn_begin(d, c, cgroup_populated(c->events.fd, &populated) == 0 && populated);
	return 0;
}

/*
 * A guard of another version goes on as long as anything would be without one, and the list stays
 * as it is then.
 */
static void restore_all(struct daemon *d, json_t *list, bool known[LUTRA_SLOTS])
{
	bool failed = false;
	json_t *j;
	size_t i;

	json_array_foreach (list, i, j) {
		struct container *c = container_new();
		int r = c ? decode(j, c) : -ENOMEM;

		if (r == 0 && !containers_find(d, c->name))
			r = restore(d, c);
		else
			r = -EBADMSG;
		if (r == 0)
			known[c->slot] = true;
		else
			container_free(c);
		failed |= r < 0 && r != -ENOENT;
	}
	if (!failed) {
		guard_remove_other_versions(d->guard);
		enrolled_save(d);
	} else if (guard_has_other_versions(d->guard)) {
		daemon_log(d, LOG_LEVEL_WARNING,
			   "what the lutrad before guarded stays as that left it");
	}
}

void enrolled_restore(struct daemon *d)
{
	json_auto_t *list = load(d);
	bool known[LUTRA_SLOTS] = {false};
	struct lutra_slot slot;

	restore_all(d, list, known);
	for (uint32_t s = 1; s < LUTRA_SLOTS; s++) {
		if (known[s] || guard_slot(d->guard, s, &slot) < 0)
			continue;
		daemon_log(d, LOG_LEVEL_WARNING,
			   "slot %u is enrolled and not in the list of containers: released", s);
		guard_release(d->guard, s);
	}
}

void enrolled_remove(const struct config *config)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/" ENROLLED_FILE, config->state_dir) > 0)
		unlink(path);
}
