/* SPDX-License-Identifier: Apache-2.0 */
/* Image references, [REGISTRY/]REPOSITORY[:TAG][@DIGEST], as Docker and Podman complete them. */
#include <string.h>

#include "user/identity/identity.h"

/* The parts of a reference; they point into its text. */
struct reference {
	const char *repository;
	size_t repository_len;
	const char *tag;
	size_t tag_len;
	const char *digest;
};

static const char *skip_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : s;
}

/* Returns true if the reference is an image id, <none> or a digest: no repository. */
static bool is_nameless(const char *s)
{
	const char *id = skip_prefix(s, "sha256:");

	return strncmp(s, "<none>", 6) == 0 || *s == '@' || *s == '\0' ||
	       (strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64);
}

static bool split_reference(const char *s, struct reference *ret)
{
	const char *at, *end, *colon = NULL;

	if (!s || is_nameless(s))
		return false;
	s = skip_prefix(s, "localhost/");
	s = skip_prefix(s, "docker.io/");
	s = skip_prefix(s, "index.docker.io/");
	s = skip_prefix(s, "library/");
	at = strchr(s, '@');
	end = at ? at : s + strlen(s);
	/* A registry may have a port, so the colon of the tag comes after the last slash. */
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

static bool is_equal_span(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool is_equal_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static enum image_match match_reference(const char *theirs, const char *ours)
{
	struct reference c, p;

	if (!split_reference(theirs, &c) || !split_reference(ours, &p) ||
	    !is_equal_span(c.repository, c.repository_len, p.repository, p.repository_len))
		return IMAGE_NO_MATCH;
	if (!p.tag)
		return IMAGE_ANY_TAG;
	if (!c.tag && !c.digest) {
		c.tag = "latest";
		c.tag_len = strlen(c.tag);
	}
	return c.tag && is_equal_span(c.tag, c.tag_len, p.tag, p.tag_len) ? IMAGE_REFERENCE
									  : IMAGE_NO_MATCH;
}

enum image_match image_match(const struct identity *w, const char *image, const char *digest,
			     bool *ret_other)
{
	struct reference p, c = {};
	enum image_match m;

	*ret_other = false;
	if (!digest && split_reference(image, &p))
		digest = p.digest;
	if (split_reference(w->image, &c) && !w->digest && is_equal_text(c.digest, digest))
		return IMAGE_DIGEST;
	if (is_equal_text(w->digest, digest) || is_equal_text(w->image_id, digest))
		return IMAGE_DIGEST;
	m = match_reference(w->image, image);
	*ret_other = m && digest && (w->digest || w->image_id);
	return m;
}
