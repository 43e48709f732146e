/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps summaries of policies. To make one, the whole policy is read, which takes milliseconds: a
 * list of hundreds would take seconds each time. Owns the summaries.
 */
#include "user/policy/policy_summary.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/list.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/files/policy_format.h"
#include "user/policy/modes.h"

#define SUMMARIES_MAX 1024 /* policies that come and go under other names are forgotten then */

static const char *const files[] = {POLICY_JSON_FILE, POLICY_TABLES_FILE, POLICY_SIGNATURE_FILE,
				    POLICY_ACCEPTED_FILE, POLICY_ACCEPTED_SIGNATURE};
#define FILES (sizeof(files) / sizeof(files[0]))

/* Tells one state of a file from another. All zero: there is none. */
struct file_stamp {
	uint64_t device, inode, bytes;
	int64_t changed_ns, modified_ns;
};

/* What a summary depends on. */
struct stamp {
	struct file_stamp file[FILES], modes;
	struct policy_keys keys;
};

struct summary {
	struct summary *next;
	char *name;
	struct stamp stamp;
	int64_t until; /* seconds since 1970, when something that was accepted ends; 0: never */
	json_t *json;  /* NULL: not made, or not of a good policy */
};

struct policy_summaries {
	struct summary *first;
	size_t n;
};

static struct file_stamp stamp_file(const char *dir, const char *name)
{
	char path[PATH_MAX + NAME_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) < 0)
		return (struct file_stamp){};
	return (struct file_stamp){
		.device = st.st_dev,
		.inode = st.st_ino,
		.bytes = (uint64_t)st.st_size,
		.changed_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec,
		.modified_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec};
}

static void take_stamp(const struct config *config, const char *name, struct stamp *ret)
{
	char dir[PATH_MAX];

	memset(ret, 0, sizeof(*ret));
	snprintf(dir, sizeof(dir), "%s/%.255s", config->policies_dir, name);
	for (size_t i = 0; i < FILES; i++)
		ret->file[i] = stamp_file(dir, files[i]);
	ret->modes = stamp_file(config->state_dir, MODES_FILE);
	ret->keys.n = config->policy_keys.n;
	memcpy(ret->keys.key, config->policy_keys.key, sizeof(ret->keys.key));
}

static bool is_fresh(const struct summary *s, const struct stamp *now)
{
	return s->json && memcmp(&s->stamp, now, sizeof(*now)) == 0 &&
	       (!s->until || accepted_now() < s->until);
}

static void summary_free(struct summary *s)
{
	json_decref(s->json);
	free(s->name);
	free(s);
}

static void forget_all(struct policy_summaries *all)
{
	while (all->first)
		summary_free(LIST_POP(all->first));
	all->n = 0;
}

/* Finds or adds the summary of a name. NULL: out of memory. */
static struct summary *summary_of_name(struct policy_summaries *all, const char *name)
{
	struct summary *s = all->first;

	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	if (s)
		return s;
	if (all->n >= SUMMARIES_MAX)
		forget_all(all);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->name = strdup(name);
	if (!s->name) {
		free(s);
		return NULL;
	}
	LIST_PUSH(all->first, s);
	all->n++;
	return s;
}

/* The stamp is older than what is read: what changes meanwhile is read again the next time. */
static json_t *make_summary(struct summary *s, const struct config *config,
			    const struct stamp *stamp)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	json_t *j = policy_summary_to_json(config, config->policies_dir, s->name, json_array(), &p);

	json_decref(s->json);
	s->json = p ? json_incref(j) : NULL;
	s->stamp = *stamp;
	s->until = p ? p->accepted_until : 0;
	return j;
}

json_t *policy_summaries_get(struct policy_summaries *all, const struct config *config,
			     const char *name, json_t *containers)
{
	struct summary *s = summary_of_name(all, name);
	json_auto_t *whole = NULL;
	json_t *ret = NULL;
	struct stamp now;

	if (s) {
		take_stamp(config, name, &now);
		whole = is_fresh(s, &now) ? json_incref(s->json) : make_summary(s, config, &now);
		ret = whole ? json_copy(whole) : NULL;
	}
	if (!ret)
		json_decref(containers);
	else
		json_object_set_new(ret, "containers", containers);
	return ret;
}

int policy_summaries_new(struct policy_summaries **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void policy_summaries_free(struct policy_summaries *all)
{
	if (!all)
		return;
	forget_all(all);
	free(all);
}
