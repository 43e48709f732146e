/* SPDX-License-Identifier: Apache-2.0 */
/* The policies of policies_dir by the images that they are for. */
#ifndef LUTRA_USER_POLICY_IMAGE_INDEX_H
#define LUTRA_USER_POLICY_IMAGE_INDEX_H

#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/identity/identity.h"

/* What each policy.json says, remembered until the file is another. */
struct image_index;

struct image_index_match {
	const char *policy; /* its name in the directory; the catalog's, until it is asked again */
	enum image_match how;
	bool other_digest; /* made for another image of that name: this one has changed since */
};

int image_index_new(struct image_index **ret, const char *policies_dir);
void image_index_free(struct image_index *c);
DEFINE_FREEP(struct image_index, image_index_free);

/*
 * The policy that fits best; of two that fit as well, one for this very image, then the first by
 * name. Only policy.json is looked at: whether the policy is good is seen when it is loaded.
 * -ENOENT: none is for this image. -ENOMEM, or as opendir(3).
 */
int image_index_find(struct image_index *c, const struct identity *w, struct image_index_match *ret,
		     struct err *err);

#endif
