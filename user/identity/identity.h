/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a container is. What is known comes, best first, from the OCI hook, from an engine's API,
 * from the bundle on disk, and from the path of its cgroup. lutrad keeps one struct identity in
 * each struct container (daemon.h: who), and tells it in the status and in enrolled.json.
 */
#ifndef LUTRA_USER_IDENTITY_IDENTITY_H
#define LUTRA_USER_IDENTITY_IDENTITY_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

#define IDENTITY_TEXT_MAX 1024 /* bytes of any of its strings */

enum engine {
	ENGINE_UNKNOWN = 0,
	ENGINE_DOCKER,
	ENGINE_CONTAINERD,
	ENGINE_CRIO,
	ENGINE_PODMAN,
	ENGINE_COUNT
};

/* Each string is owned; NULL: not known. */
struct identity {
	enum engine engine;
	char *id;	/* the engine's, 64 hexadecimal digits mostly */
	char *name;	/* the engine's */
	char *image;	/* reference as the engine has it: docker.io/library/nginx:1.25 */
	char *image_id; /* sha256:…, of the image's configuration */
	char *digest;	/* sha256:…, of the image's manifest */
	char *pod;	/* Kubernetes: name of the pod, its namespace and uid, */
	char *pod_namespace;
	char *pod_uid;
	char *pod_container; /* and the container's name in it */
};

void identity_done(struct identity *w);
/* Whatever to does not know yet, from what from does. Errors as identity_set(). */
int identity_fill(struct identity *to, const struct identity *from);
/* Replace a string by a copy; "" and NULL: not known. -ENOMEM, -E2BIG: over IDENTITY_TEXT_MAX. */
int identity_set(char **at, const char *value);

/* Bytes that identity_pack() writes. */
size_t identity_packed_bytes(const struct identity *w);
/*
 * Copies an identity. Its strings go to buf, one behind the other: they are buf's, and
 * identity_done() must not be called. Returns the end of what was written to buf.
 */
char *identity_pack(const struct identity *w, struct identity *ret, char *buf);

/* {"engine", "id", "name", "image", "image_id", "digest", "pod", …}, what is not known as null. */
json_t *identity_to_json(const struct identity *w);
/* The same read; unknown members, wrong types: -EBADMSG. *ret is all of it, or untouched. */
int identity_from_json(json_t *j, struct identity *ret, struct err *err);

const char *engine_name(enum engine e);

/* ---- image.c: which policy is for which image ---- */

enum image_match {
	IMAGE_NO_MATCH = 0,
	IMAGE_ANY_TAG,	 /* the policy names the repository, without a tag */
	IMAGE_REFERENCE, /* and the tag */
	IMAGE_DIGEST,	 /* and the very image */
};

/*
 * How well a policy's image and digest (NULL: none) fit a container. References are compared as
 * engines complete them: nginx is docker.io/library/nginx, a tag that the container's lacks is
 * latest, localhost/ is no registry. *ret_other: the policy names another digest than the
 * container's, the image has changed since it was made.
 */
enum image_match image_match(const struct identity *w, const char *image, const char *digest,
			     bool *ret_other);

#endif
