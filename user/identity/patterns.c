/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that engines give to the cgroups of containers. ID is 64 hexadecimal digits. The
 * systemd driver makes PREFIX-ID.scope, cgroupfs makes PREFIX-ID or ID.
 *
 *   Docker       docker-ID.scope; /docker/ID
 *   containerd   cri-containerd-ID.scope; ID in a pod; SLICE:cri-containerd:ID where the runtime
 *                uses cgroupfs but gets a systemd name; nerdctl-ID.scope; /default/ID
 *   CRI-O        crio-ID[.scope]; crio-conmon-ID.scope is the monitor
 *   Podman       libpod-ID[.scope], in it container/; libpod-payload-ID with --cgroups=split;
 *                libpod-conmon-ID.scope is the monitor; /libpod_parent/ID is a pod
 */
#include "user/identity/patterns.h"

#include <string.h>

#define HEX "0123456789abcdef"
#define ID_LEN (PATTERNS_ID - 1)

static const struct {
	const char *prefix;
	enum engine engine;
} named[] = {
	{"docker-", ENGINE_DOCKER},	 {"cri-containerd-", ENGINE_CONTAINERD},
	{"nerdctl-", ENGINE_CONTAINERD}, {"crio-", ENGINE_CRIO},
	{"libpod-", ENGINE_PODMAN},	 {"libpod-payload-", ENGINE_PODMAN},
};

/* A component of a path and the component above it. */
struct part {
	const char *s;
	size_t len;
	const char *above;
	size_t above_len;
};

static bool is_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

static bool has_prefix(const char *s, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(s, word, strlen(word)) == 0;
}

/* Reads an id and nothing else. */
static bool take_container_id(const char *s, size_t len, struct pattern *p)
{
	if (len != ID_LEN || strspn(s, HEX) < ID_LEN)
		return false;
	memcpy(p->id, s, ID_LEN);
	p->id[ID_LEN] = '\0';
	return true;
}

/* Reads PREFIX-ID or PREFIX-ID.scope. */
static bool match_named(const struct part *c, struct pattern *p)
{
	size_t len = c->len;

	if (len > 6 && memcmp(c->s + len - 6, ".scope", 6) == 0)
		len -= 6;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		size_t n = strlen(named[i].prefix);

		if (!has_prefix(c->s, len, named[i].prefix) ||
		    !take_container_id(c->s + n, len - n, p))
			continue;
		p->engine = named[i].engine;
		return true;
	}
	return false;
}

/*
 * Reads the uid of a pod from its directory, podUID or [kubepods-]…-podUID.slice with '_' for '-'.
 * The uid of a static pod is a hash of 32 digits.
 */
static void note_pod(const struct part *c, struct pattern *p)
{
	size_t at = c->len, end = c->len, n = 0;
	char uid[PATTERNS_UID];

	if (end > 6 && memcmp(c->s + end - 6, ".slice", 6) == 0)
		end -= 6;
	for (size_t i = 0; i + 3 <= end; i++)
		if (memcmp(c->s + i, "pod", 3) == 0 && (i == 0 || c->s[i - 1] == '-'))
			at = i + 3;
	for (; at < end && n < sizeof(uid) - 1; at++)
		uid[n++] = c->s[at] == '_' ? '-' : c->s[at];
	if (at < end || (n != 36 && n != 32))
		return;
	uid[n] = '\0';
	if (strspn(uid, HEX "-") == n)
		memcpy(p->pod_uid, uid, n + 1);
}

/* Reads SLICE:PREFIX:ID. */
static bool match_colons(const struct part *c, struct pattern *p)
{
	const char *last = memrchr(c->s, ':', c->len), *first = memchr(c->s, ':', c->len);
	struct part slice = {.s = c->s};
	size_t len;

	if (!last || first == last)
		return false;
	slice.len = (size_t)(first - c->s);
	len = (size_t)(last - first - 1);
	if (!take_container_id(last + 1, (size_t)(c->s + c->len - last - 1), p))
		return false;
	p->engine = ENGINE_UNKNOWN;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		/* Compare with the prefix without its dash. */
		if (strlen(named[i].prefix) == len + 1 &&
		    memcmp(named[i].prefix, first + 1, len) == 0)
			p->engine = named[i].engine;
	}
	note_pod(&slice, p);
	return true;
}

/* Reads a bare ID; the directory above it tells the engine. */
static bool match_bare(const struct part *c, struct pattern *p)
{
	if (is_word(c->above, c->above_len, "libpod_parent") || !take_container_id(c->s, c->len, p))
		return false;
	if (is_word(c->above, c->above_len, "docker"))
		p->engine = ENGINE_DOCKER;
	else if (p->pod_uid[0] || is_word(c->above, c->above_len, "default") ||
		 is_word(c->above, c->above_len, "k8s.io"))
		p->engine = ENGINE_CONTAINERD;
	else
		p->engine = ENGINE_UNKNOWN;
	return true;
}

bool pattern_match(const char *path, struct pattern *ret)
{
	struct part c = {.s = path, .above = "", .above_len = 0};
	struct pattern p = {};

	while (*c.s) {
		c.s += strspn(c.s, "/");
		c.len = strcspn(c.s, "/");
		if (match_named(&c, &p) || match_colons(&c, &p) || match_bare(&c, &p)) {
			p.len = (size_t)(c.s + c.len - path);
			*ret = p;
			return true;
		}
		note_pod(&c, &p);
		c.above = c.s;
		c.above_len = c.len;
		c.s += c.len;
	}
	return false;
}
