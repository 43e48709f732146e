/* SPDX-License-Identifier: Apache-2.0 */
/* A set of distinct byte strings, numbered in the order in which they were added. */
#ifndef LUTRA_TRAINER_DATA_NAMES_INTERN_H
#define LUTRA_TRAINER_DATA_NAMES_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

#define INTERN_MAX (1u << 24) /* strings */

struct intern;

int intern_new(struct intern **ret); /* Returns 0 or -ENOMEM. */
void intern_free(struct intern *t);
DEFINE_FREEP(struct intern, intern_free);

/*
 * Finds the string's number, or adds the string with the next number.
 * Returns 0, -ENOMEM, or -E2BIG if the set has INTERN_MAX strings.
 */
int intern_add(struct intern *t, const void *data, size_t len, uint32_t *ret);

/* Returns true and the string's number if the string is in the set. */
bool intern_find(const struct intern *t, const void *data, size_t len, uint32_t *ret);

/* Returns string i < intern_count(); the pointer is valid until the next intern_add(). */
const void *intern_get(const struct intern *t, uint32_t i, size_t *ret_len);

/* Returns the number of strings. */
uint32_t intern_count(const struct intern *t);

#endif
