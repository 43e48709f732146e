/* SPDX-License-Identifier: Apache-2.0 */
/* What a mistyped word was probably meant to be. */
#ifndef LUTRA_LIB_BASE_COMMAND_CLOSEST_H
#define LUTRA_LIB_BASE_COMMAND_CLOSEST_H

#include <stddef.h>

/*
 * Returns the name that is the fewest edits away from the word. An edit adds, removes or replaces a byte,
 * or swaps two neighbours. A name that begins with the word is one edit away. Returns NULL if no name is
 * within two edits and within half of the word's length.
 * names: n elements of stride bytes; each begins with a pointer to its name.
 */
const char *closest_name(const char *word, const void *names, size_t n, size_t stride);

#endif
