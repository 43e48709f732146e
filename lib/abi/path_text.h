/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded path strings and struct lutra_path, as the kernel's walk fills it. */
#ifndef LUTRA_LIB_ABI_PATH_TEXT_H
#define LUTRA_LIB_ABI_PATH_TEXT_H

#include <stddef.h>

#include "lutra/abi.h"

/*
 * Fill in from a recorded string: "/a/b", or "//name" for an object with no place in any mount
 * (memfd, pipe; "//@name" for an abstract socket), or "?..." for one that could not be resolved.
 * Components past 16 and over 63 bytes are marked as the kernel marks them. A string the kernel
 * recorded gives the same bytes that its walk had: it holds the 16 components nearest the root,
 * those of 64 bytes being cut ones, then one "/" for each component past 16. "." and empty
 * components before that are skipped; a ".." anywhere, or no "/" at the start, is unresolved.
 */
void path_text_parse(const char *s, size_t len, struct lutra_path *ret);

#endif
