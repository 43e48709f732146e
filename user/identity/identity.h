/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity of a container. The sources, best first: the OCI hook, the API of an engine, the
 * bundle on disk, the path of the cgroup. lutrad keeps one struct identity in each struct container
 * and shows it in the status, in alerts and in the saved list.
 */
#ifndef LUTRA_USER_IDENTITY_IDENTITY_H
#define LUTRA_USER_IDENTITY_IDENTITY_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define IDENTITY_TEXT_MAX 1024 /* bytes of each string */

enum engine {
	ENGINE_UNKNOWN = 0,
	ENGINE_DOCKER,
	ENGINE_CONTAINERD,
	ENGINE_CRIO,
	ENGINE_PODMAN,
	ENGINE_COUNT
};

/* The strings belong to the struct; NULL: unknown. */
struct identity {
	enum engine engine;
	char *id;	/* the engine's id, mostly 64 hexadecimal digits */
	char *name;	/* the engine's name for the container */
	char *image;	/* reference as the engine has it: docker.io/library/nginx:1.25 */
	char *image_id; /* sha256:… of the image's configuration */
	char *digest;	/* sha256:… of the image's manifest, in the repository of image */
	/*
	 * More names of the image, with blanks between them: REPOSITORY@DIGEST; and REPOSITORY:TAG
	 * where the container was started by the image's id, and so has no name of its own.
	 */
	char *aliases;
	char *pod; /* Kubernetes: name, namespace and uid of the pod */
	char *pod_namespace;
	char *pod_uid;
	char *pod_container; /* name of the container in the pod */
};

void identity_done(struct identity *w);
/* Copies from *from what *to does not know. Errors as identity_set(). */
int identity_fill(struct identity *to, const struct identity *from);
/*
 * Replaces the string *at by a copy of value; "" and NULL: unknown. -E2BIG: over IDENTITY_TEXT_MAX.
 * -ENOMEM.
 */
int identity_set(char **at, const char *value);

/* Adds a name of the image to w->aliases; one for which there is no room is left out. -ENOMEM. */
int identity_add_alias(struct identity *w, const char *reference);
/* Returns true if it is a digest of the image, in whatever repository. digest may be NULL. */
bool identity_has_digest(const struct identity *w, const char *digest);

/* Bytes that identity_pack() writes. */
size_t identity_packed_bytes(const struct identity *w);
/*
 * Copies an identity. Its strings go to buf, one behind the other: they are buf's, and
 * identity_done() must not be called. Returns the end of what was written to buf.
 */
char *identity_pack(const struct identity *w, struct identity *ret, char *buf);

/* Returns {"engine", "id", "name", "image", "image_id", "digest", "pod", …}; null: unknown. */
json_t *identity_to_json(const struct identity *w);
/*
 * Reads what identity_to_json() writes. is_newer: a newer version may have written it, so unknown
 * members and engines are ignored. -EBADMSG: an unknown member or a wrong type. -ENOMEM.
 */
int identity_from_json(json_t *j, bool is_newer, struct identity *ret, struct err *err);

const char *engine_name(enum engine e);

/* ---- image.c: whether a policy is for an image ---- */

enum image_match {
	IMAGE_NO_MATCH = 0,
	IMAGE_ANY_TAG,	 /* the policy names the repository without a tag */
	IMAGE_REFERENCE, /* the policy names repository and tag */
	IMAGE_DIGEST,	 /* the digests are equal */
};

/*
 * Tells how well a policy's image and digest (NULL: none) match a container. References are
 * compared as engines complete them: nginx is docker.io/library/nginx, a missing tag of the
 * container is latest. The registry counts; a policy for a name without one is also for
 * localhost/NAME, which was built here. *ret_other: the policy was made for another digest of the
 * image.
 */
enum image_match image_match(const struct identity *w, const char *image, const char *digest,
			     bool *ret_other);
/* Returns true if two references name the same repository. */
bool image_is_same_repository(const char *a, const char *b);
/* Returns true if the reference is the image's id, or the beginning of it. image_id may be NULL. */
bool image_is_id(const char *image, const char *image_id);

#endif
