/* SPDX-License-Identifier: Apache-2.0 */
/* A set of object operations as JSON. */
#include "lib/abi/op_set.h"

#include <errno.h>

#include "lib/abi/names.h"
#include "lutra/abi.h"

json_t *op_set_to_json(uint32_t ops)
{
	json_t *a = json_array();

	for (unsigned op = LUTRA_OP_NONE + 1; op < LUTRA_OP_COUNT; op++) {
		if (ops >> op & 1)
			json_array_append_new(a, json_string(op_name(op)));
	}
	return a;
}

int op_set_from_json(const json_t *a, uint32_t *ret)
{
	uint32_t ops = 0;
	unsigned op;

	if (!json_is_array(a))
		return -EBADMSG;
	for (size_t i = 0; i < json_array_size(a); i++) {
		if (op_parse(json_string_value(json_array_get(a, i)), &op) < 0)
			return -EBADMSG;
		ops |= 1u << op;
	}
	*ret = ops;
	return 0;
}
