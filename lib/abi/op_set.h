/* SPDX-License-Identifier: Apache-2.0 */
/* A set of object operations (bit per enum lutra_op) as an array of their names. */
#ifndef LUTRA_LIB_ABI_OP_SET_H
#define LUTRA_LIB_ABI_OP_SET_H

#include <jansson.h>
#include <stdint.h>

/* NULL: out of memory. */
json_t *op_set_to_json(uint32_t ops);

/* -EBADMSG: not an array, or not of operations. */
int op_set_from_json(const json_t *a, uint32_t *ret);

#endif
