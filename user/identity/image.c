/* SPDX-License-Identifier: Apache-2.0 */
/* Image references, [REGISTRY/]REPOSITORY[:TAG][@DIGEST], as Docker and Podman complete them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/identity/identity.h"

#define SHORT_DIGITS 4 /* of an image id that a person abbreviates, at least */

/* A part of a text; s is NULL: there is none. */
struct span {
	const char *s;
	size_t len;
};

/* The parts of a reference; they point into its text. */
struct reference {
	struct span registry; /* none: Docker's, or a short name */
	struct span repository;
	struct span tag;
	const char *digest;
};

static struct span skip_prefix(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.s, prefix, n) == 0 ? (struct span){s.s + n, s.len - n} : s;
}

static bool is_equal_span(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

static struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

/* Returns the digits of an image id, which may begin with "sha256:". */
static const char *id_digits(const char *s)
{
	return skip_prefix(span_of(s), "sha256:").s;
}

/* Returns true if the reference is an image id, <none> or a digest: no repository. */
static bool is_nameless(const char *s)
{
	const char *id = id_digits(s);

	return strncmp(s, "<none>", 6) == 0 || *s == '@' || *s == '\0' || id != s ||
	       (strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64);
}

/* Takes the registry from the start of a name, as Docker tells it from a first part of the path. */
static struct span take_registry(struct span *name)
{
	const char *slash = memchr(name->s, '/', name->len);
	struct span first = {name->s, slash ? (size_t)(slash - name->s) : 0};

	if (!slash || !(memchr(first.s, '.', first.len) || memchr(first.s, ':', first.len) ||
			is_equal_span(first, span_of("localhost"))))
		return (struct span){};
	*name = (struct span){slash + 1, name->len - first.len - 1};
	if (is_equal_span(first, span_of("docker.io")) ||
	    is_equal_span(first, span_of("index.docker.io")))
		return span_of("docker.io");
	return first;
}

static bool split_reference(const char *s, struct reference *ret)
{
	const char *colon = NULL;
	struct span name;

	if (!s || is_nameless(s))
		return false;
	*ret = (struct reference){.digest = strchr(s, '@')};
	name = (struct span){s, ret->digest ? (size_t)(ret->digest - s) : strlen(s)};
	/* A registry may have a port, so the colon of the tag comes after the last slash. */
	for (const char *p = s; p < s + name.len; p++) {
		if (*p == ':')
			colon = p;
		else if (*p == '/')
			colon = NULL;
	}
	if (colon) {
		ret->tag = (struct span){colon + 1, (size_t)(s + name.len - colon - 1)};
		name.len = (size_t)(colon - s);
	}
	ret->registry = take_registry(&name);
	if (!ret->registry.s || is_equal_span(ret->registry, span_of("docker.io")))
		name = skip_prefix(name, "library/");
	ret->repository = name;
	ret->digest += ret->digest != NULL;
	return name.len > 0;
}

static bool is_equal_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/*
 * Returns true if a policy for ours may be for an image of theirs. A short name of a policy is that of
 * an image of Docker's registry or of one that was built here, which Podman calls localhost/NAME.
 */
static bool is_same_registry(struct span theirs, struct span ours)
{
	struct span docker = span_of("docker.io"), local = span_of("localhost");

	if (!theirs.s)
		theirs = docker;
	if (!ours.s)
		return is_equal_span(theirs, docker) || is_equal_span(theirs, local);
	return is_equal_span(theirs, ours);
}

static enum image_match match_reference(const char *theirs, const char *ours)
{
	struct reference c, p;

	if (!split_reference(theirs, &c) || !split_reference(ours, &p) ||
	    !is_equal_span(c.repository, p.repository) || !is_same_registry(c.registry, p.registry))
		return IMAGE_NO_MATCH;
	if (!p.tag.s)
		return IMAGE_ANY_TAG;
	if (!c.tag.s && !c.digest)
		c.tag = span_of("latest");
	return c.tag.s && is_equal_span(c.tag, p.tag) ? IMAGE_REFERENCE : IMAGE_NO_MATCH;
}

/* ---- aliases ---- */

/* Copies the next alias to buf. Returns where the one after it begins; NULL: there is none. */
static const char *next_alias(const char *at, char buf[static IDENTITY_TEXT_MAX + 1])
{
	size_t len;

	at += strspn(at, " ");
	len = strcspn(at, " ");
	if (!len || len > IDENTITY_TEXT_MAX)
		return NULL;
	memcpy(buf, at, len);
	buf[len] = '\0';
	return at + len;
}

/* How well a policy matches the other names of the image. */
static enum image_match match_aliases(const struct identity *w, const char *image,
				      const char *digest)
{
	char alias[IDENTITY_TEXT_MAX + 1];
	enum image_match best = IMAGE_NO_MATCH;

	for (const char *at = w->aliases; at && (at = next_alias(at, alias));) {
		const char *of = strchr(alias, '@');
		enum image_match m = IMAGE_NO_MATCH;

		if (of)
			m = is_equal_text(of + 1, digest) ? IMAGE_DIGEST : IMAGE_NO_MATCH;
		else
			m = match_reference(alias, image);
		best = m > best ? m : best;
	}
	return best;
}

int identity_add_alias(struct identity *w, const char *reference)
{
	char alias[IDENTITY_TEXT_MAX + 1];
	_cleanup_free_ char *all = NULL;
	int r;

	if (!*reference || strchr(reference, ' '))
		return 0;
	for (const char *at = w->aliases; at && (at = next_alias(at, alias));)
		if (strcmp(alias, reference) == 0)
			return 0;
	if (asprintf(&all, "%s%s%s", w->aliases ? w->aliases : "", w->aliases ? " " : "",
		     reference) < 0)
		return -ENOMEM;
	r = identity_set(&w->aliases, all);
	return r == -E2BIG ? 0 : r;
}

bool identity_has_digest(const struct identity *w, const char *digest)
{
	return is_equal_text(w->digest, digest) || match_aliases(w, NULL, digest) == IMAGE_DIGEST;
}

/* ---- images ---- */

bool image_is_same_repository(const char *a, const char *b)
{
	struct reference x, y;

	return split_reference(a, &x) && split_reference(b, &y) &&
	       is_equal_span(x.repository, y.repository) &&
	       is_same_registry(x.registry, y.registry);
}

bool image_is_id(const char *image, const char *image_id)
{
	const char *digits = image ? id_digits(image) : "";
	size_t len = strlen(digits);

	if (!image_id || len < SHORT_DIGITS || strspn(digits, "0123456789abcdef") != len)
		return false;
	return strncmp(digits, id_digits(image_id), len) == 0;
}

enum image_match image_match(const struct identity *w, const char *image, const char *digest,
			     bool *ret_other)
{
	struct reference p, c = {};
	enum image_match m, alias;

	*ret_other = false;
	if (!digest && split_reference(image, &p))
		digest = p.digest;
	if (split_reference(w->image, &c) && !w->digest && is_equal_text(c.digest, digest))
		return IMAGE_DIGEST;
	if (is_equal_text(w->digest, digest) || is_equal_text(w->image_id, digest))
		return IMAGE_DIGEST;
	m = match_reference(w->image, image);
	alias = match_aliases(w, image, digest);
	m = alias > m ? alias : m;
	/* An image's id says nothing of its manifest's digest. */
	*ret_other = m && m != IMAGE_DIGEST && digest && w->digest;
	return m;
}
