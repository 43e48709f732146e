/* SPDX-License-Identifier: Apache-2.0 */
/* References of images: [REGISTRY/]REPOSITORY[:TAG][@DIGEST], as Docker and Podman complete them.
 */
#include <string.h>

#include "user/identity/identity.h"

/* Parts of a reference; each points into it. */
struct reference {
	const char *repository;
	size_t repository_len;
	const char *tag;
	size_t tag_len;
	const char *digest;
};

static const char *skip(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : s;
}

/* An image without a name is called by its id, or <none>. */
static bool is_nameless(const char *s)
{
	const char *id = skip(s, "sha256:");

	return strncmp(s, "<none>", 6) == 0 || *s == '@' || *s == '\0' ||
	       (strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64);
}

static bool split(const char *s, struct reference *ret)
{
	const char *at, *end, *colon = NULL;

	if (!s || is_nameless(s))
		return false;
	s = skip(s, "localhost/");
	s = skip(s, "docker.io/");
	s = skip(s, "index.docker.io/");
	s = skip(s, "library/");
	at = strchr(s, '@');
	end = at ? at : s + strlen(s);
	/* A registry may have a port: the tag's colon comes after the last slash. */
	for (const char *p = s; p < end; p++) {
		if (*p == ':')
			colon = p;
		else if (*p == '/')
			colon = NULL;
	}
	*ret = (struct reference){.repository = s,
				  .repository_len = (size_t)((colon ? colon : end) - s),
				  .tag = colon ? colon + 1 : NULL,
				  .tag_len = colon ? (size_t)(end - colon - 1) : 0,
				  .digest = at ? at + 1 : NULL};
	return ret->repository_len > 0;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static enum image_match match_reference(const char *theirs, const char *ours)
{
	struct reference c, p;

	if (!split(theirs, &c) || !split(ours, &p) ||
	    !same(c.repository, c.repository_len, p.repository, p.repository_len))
		return IMAGE_NO_MATCH;
	if (!p.tag)
		return IMAGE_ANY_TAG;
	if (!c.tag && !c.digest) {
		c.tag = "latest";
		c.tag_len = strlen(c.tag);
	}
	return c.tag && same(c.tag, c.tag_len, p.tag, p.tag_len) ? IMAGE_REFERENCE : IMAGE_NO_MATCH;
}

enum image_match image_match(const struct identity *w, const char *image, const char *digest,
			     bool *ret_other)
{
	struct reference p, c = {};
	enum image_match m;

	*ret_other = false;
	if (!digest && split(image, &p))
		digest = p.digest;
	if (split(w->image, &c) && !w->digest && equal(c.digest, digest))
		return IMAGE_DIGEST;
	if (equal(w->digest, digest) || equal(w->image_id, digest))
		return IMAGE_DIGEST;
	m = match_reference(w->image, image);
	*ret_other = m && digest && (w->digest || w->image_id);
	return m;
}
