/* SPDX-License-Identifier: Apache-2.0 */
/* A set of distinct 64-bit numbers, which have indexes in the order in which they were added. */
#ifndef LUTRA_TRAINER_DATA_NAMES_NUMBER_MAP_H
#define LUTRA_TRAINER_DATA_NAMES_NUMBER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAP_MAX (1u << 27) /* numbers */

struct number_map {
	uint64_t *number; /* (n) */
	size_t n, size;
	uint32_t *bucket; /* (n_buckets): index + 1, or 0 if free */
	size_t n_buckets; /* a power of two, above n * 2 */
	uint64_t seed;	  /* random: nobody can choose numbers that make the map slow */
};

/* Makes an empty map. The caller calls number_map_done(), also after a failure. Returns 0 or -ENOMEM. */
int number_map_init(struct number_map *m);
void number_map_done(struct number_map *m);

/*
 * Finds the index of a number, or adds the number. Returns 0, -ENOMEM, or -E2BIG if the map has
 * NUMBER_MAP_MAX numbers.
 */
int number_map_add(struct number_map *m, uint64_t number, uint32_t *ret);

/* Returns true and the number's index if it is in the map. */
bool number_map_find(const struct number_map *m, uint64_t number, uint32_t *ret);

#endif
