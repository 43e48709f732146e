/* SPDX-License-Identifier: Apache-2.0 */
/* A set of object operations (bit per enum lutra_op) as an array of their names. */
#ifndef LUTRA_LIB_ABI_OP_SET_H
#define LUTRA_LIB_ABI_OP_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lutra/abi.h"

/* Operations that LSM hooks alone see: the fallback, and recordings of other tools, have none of them. */
#define OPS_OF_HOOKS                                                                               \
	(1u << LUTRA_OP_CAPABLE | 1u << LUTRA_OP_HOOK | 1u << LUTRA_OP_PEER |                      \
	 1u << LUTRA_OP_SOCKET | 1u << LUTRA_OP_OUTSIDE | 1u << LUTRA_OP_CAPABILITY_ROLES)

/* Returns true if a recording or policy with these operations is not of LSM hooks. */
static inline bool op_set_lacks_hooks(uint32_t ops)
{
	return !(ops >> LUTRA_OP_CAPABLE & 1) || !(ops >> LUTRA_OP_HOOK & 1);
}

/* NULL: out of memory. */
json_t *op_set_to_json(uint32_t ops);

/* -EBADMSG: not an array, or not of operations. */
int op_set_from_json(const json_t *a, uint32_t *ret);

#endif
