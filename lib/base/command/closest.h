/* SPDX-License-Identifier: Apache-2.0 */
/* What a mistyped word was probably meant to be. */
#ifndef LUTRA_LIB_BASE_COMMAND_CLOSEST_H
#define LUTRA_LIB_BASE_COMMAND_CLOSEST_H

#include <stddef.h>

/*
 * Returns the name that needs the fewest edits to become the word, or NULL if none needs at most two,
 * and at most half of the word. An edit adds, removes or replaces a byte, or swaps two neighbours. A name of which the word is the
 * beginning needs one. names: n strings, stride bytes apart, each at the start of its element.
 */
const char *closest_name(const char *word, const void *names, size_t n, size_t stride);

#endif
