/* SPDX-License-Identifier: Apache-2.0 */
/* Containers by what runtimes and engines leave on disk: states, bundles, container storage. */
#ifndef LUTRA_USER_IDENTITY_BUNDLE_H
#define LUTRA_USER_IDENTITY_BUNDLE_H

#include <stddef.h>
#include <sys/types.h>

#include "user/identity/identity.h"

#define OCI_STATE_MAX (1u << 20)     /* bytes of a state on a hook's standard input */
#define OCI_CONFIG_MAX (8u << 20)    /* of a bundle's config.json */
#define STORAGE_JSON_MAX (64u << 20) /* of containers.json and images.json */

/* What a runtime tells a hook. */
struct oci_state {
	char *id;
	char *bundle; /* NULL: not said */
	pid_t pid;    /* of the container's first process; 0: there is none, as after its end */
	json_t *annotations; /* or NULL */
};

void oci_state_done(struct oci_state *s);
/* -EBADMSG: not a state. *ret is all of it, or untouched. */
int oci_state_from_json(const char *text, size_t len, struct oci_state *ret, struct err *err);

/* "sha256:…" out of NAME@sha256:…, of that itself, or of 64 digits; others leave *at. -ENOMEM. */
int identity_set_digest(char **at, const char *value);

/*
 * Kubernetes' annotations, as CRI-O and containerd put them into a bundle, and labels of an
 * engine's API, which have the same names. Keeps what is known; -ENOMEM.
 */
int identity_from_annotations(struct identity *w, const json_t *annotations);

/*
 * What a bundle says of its container: annotations in config.json; and name, image and digest in
 * the container storage that Podman and CRI-O keep bundles in. w->id must be set; keeps what is
 * known. A file that is not there says nothing; -EBADMSG, -EFBIG and the like: one that is there
 * cannot be used, the others were.
 */
int identity_from_bundle(struct identity *w, const char *bundle, struct err *err);

#endif
