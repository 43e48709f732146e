/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of objects as an attacker tells them apart: what is done, and to which kind of place. They are
 * coarser than the object tokens of a policy, and need no policy.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_OBJECT_CLASS_H
#define LUTRA_TRAINER_EVAL_ADAPT_OBJECT_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define OBJECT_CLASS_TEXT 160

/* What an object is good for in an attack. */
enum object_use {
	OBJECT_USE_VALUE = 1,  /* a file is opened for reading that may hold a secret */
	OBJECT_USE_DATA = 2,   /* a file is opened for reading that may hold data */
	OBJECT_USE_WRITE = 4,  /* a file is opened for writing */
	OBJECT_USE_CHANGE = 8, /* a file is changed, replaced or removed */
};

struct object_class {
	uint8_t uses;		      /* bits of enum object_use */
	char text[OBJECT_CLASS_TEXT]; /* equal texts are one class */
};

/*
 * Classifies an object. path: len bytes, not NUL-terminated, or NULL.
 * Returns false if the object tells nothing of the attack: it is left out.
 */
bool object_class_find(const struct lutra_object *o, const char *path, size_t len,
		       struct object_class *ret);

#endif
