/* SPDX-License-Identifier: Apache-2.0 */
/* An index of policies_dir: finds the policy for a container's image. */
#ifndef LUTRA_USER_POLICY_IMAGE_INDEX_H
#define LUTRA_USER_POLICY_IMAGE_INDEX_H

#include "user/identity/identity.h"

struct image_index;

struct image_index_match {
	const char *policy; /* name in policies_dir; the index keeps it until the next search */
	enum image_match how;
	bool other_digest; /* the policy was made for another digest of the image */
};

/* Makes an empty index; the first search reads the directory. -ENOMEM. */
int image_index_new(struct image_index **ret, const char *policies_dir);
void image_index_free(struct image_index *c);
DEFINE_FREEP(struct image_index, image_index_free);

/*
 * Reads what has changed in the directory, as each search does. After a start that is all of it: do it
 * before anybody waits. Errors as image_index_find().
 */
int image_index_refresh(struct image_index *c, struct err *err);

/*
 * Finds the policy that matches best; among equals one for the same digest, then the first by name.
 * Reads image and digest in policy.json only, and a file only after it changed. -ENOENT: no policy
 * is for this image. -ENOMEM, or as opendir(3).
 */
int image_index_find(struct image_index *c, const struct identity *w, struct image_index_match *ret,
		     struct err *err);

#endif
