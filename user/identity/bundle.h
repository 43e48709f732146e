/* SPDX-License-Identifier: Apache-2.0 */
/* Identities from what runtimes and engines write: hook states, bundles, container storage. */
#ifndef LUTRA_USER_IDENTITY_BUNDLE_H
#define LUTRA_USER_IDENTITY_BUNDLE_H

#include <sys/types.h>

#include "user/identity/identity.h"

#define OCI_STATE_MAX (1u << 20)     /* bytes of a state on a hook's stdin */
#define OCI_CONFIG_MAX (8u << 20)    /* bytes of a bundle's config.json */
#define STORAGE_JSON_MAX (64u << 20) /* bytes of containers.json or images.json */

/* The state that a runtime gives to a hook. */
struct oci_state {
	char *id;
	char *bundle; /* directory; NULL: not given */
	pid_t pid;    /* first process of the container; 0: none, for example after its end */
	json_t *annotations; /* an object, or NULL */
};

void oci_state_done(struct oci_state *s);
/* Reads a state. The caller calls oci_state_done(). -EBADMSG: not a state. -ENOMEM. */
int oci_state_from_json(const char *text, size_t len, struct oci_state *ret, struct err *err);

/*
 * Sets *at to "sha256:…" from NAME@sha256:…, sha256:… or 64 hexadecimal digits. Another value
 * leaves *at as it is. -ENOMEM.
 */
int identity_set_digest(char **at, const char *value);

/*
 * Adds what annotations of Kubernetes, CRI-O and containerd say; labels of an engine's API have the
 * same names. Known members stay as they are. -ENOMEM.
 */
int identity_from_annotations(struct identity *w, const json_t *annotations);

/*
 * Adds what a bundle says: the annotations in config.json, and name, image and digest from the
 * container storage of Podman and CRI-O. w->id must be set; known members stay as they are. A
 * missing file is no error. -EBADMSG, -EFBIG or as open(2): a file cannot be used; the other files
 * were.
 */
int identity_from_bundle(struct identity *w, const char *bundle, struct err *err);
/*
 * Adds what the bundle of w->id says in a directory where an engine keeps bundles. A file that cannot
 * be used is logged. -ENOMEM.
 */
int identity_from_bundles(struct identity *w, const char *dir);

#endif
