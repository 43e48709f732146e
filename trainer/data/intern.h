/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct byte strings, numbered in the order in which they came. */
#ifndef LUTRA_TRAINER_DATA_INTERN_H
#define LUTRA_TRAINER_DATA_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

#define INTERN_MAX (1u << 24) /* strings */

struct intern;

int intern_new(struct intern **ret); /* -ENOMEM */
void intern_free(struct intern *t);
DEFINE_FREEP(struct intern, intern_free);

/* The string's number, a new one where it has none. -ENOMEM; -E2BIG: INTERN_MAX are in it. */
int intern_add(struct intern *t, const void *data, size_t len, uint32_t *ret);

/* The string's number, if it has one. */
bool intern_find(const struct intern *t, const void *data, size_t len, uint32_t *ret);

/* String i < intern_count(), valid until the next intern_add(). */
const void *intern_get(const struct intern *t, uint32_t i, size_t *ret_len);

uint32_t intern_count(const struct intern *t);

#endif
