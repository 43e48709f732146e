/* SPDX-License-Identifier: Apache-2.0 */
/* The version of lutra, as semver.org has it. */
#ifndef LUTRA_LIB_BASE_VERSION_H
#define LUTRA_LIB_BASE_VERSION_H

#define LUTRA_VERSION "0.9.0"

#endif
