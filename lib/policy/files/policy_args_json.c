/* SPDX-License-Identifier: Apache-2.0 */
/* The "arguments" member of policy.json: {"socket": [[1, 2], ...], "prctl": [15, ...]}. */
#include "lib/policy/files/policy_format.h"

#include <errno.h>

#include "lib/abi/syscalls.h"

static bool is_seen(const struct policy *p, unsigned nr)
{
	for (unsigned role = 0; role < LUTRA_ROLES; role++)
		if (p->token[role][nr] != LUTRA_UNK)
			return true;
	return false;
}

static json_t *encode_value(const struct syscall_args *args, uint64_t value)
{
	if (args->n == 1)
		return json_integer((json_int_t)value);
	return json_pack("[I, I]", (json_int_t)(value & UINT32_MAX), (json_int_t)(value >> 32));
}

json_t *policy_args_encode(const struct policy *p)
{
	json_t *j = json_object();
	char buf[32];

	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		const struct policy_args_seen *seen = &p->args.call[i];
		const struct syscall_args *args;
		json_t *values;
		unsigned nr;

		if (!seen->n)
			continue;
		args = policy_args_syscall(i, &nr);
		values = json_array();
		for (uint32_t k = 0; k < seen->n; k++)
			json_array_append_new(values, encode_value(args, seen->value[k]));
		json_object_set_new(j, syscall_name(p->arch, nr, buf, sizeof(buf)), values);
	}
	return j;
}

/* -EBADMSG: not a value that the call could have. */
static int decode_value(const struct syscall_args *args, json_t *j, uint64_t *ret)
{
	uint64_t value = 0;

	if (args->n > 1 && json_array_size(j) != args->n)
		return -EBADMSG;
	for (unsigned k = 0; k < args->n; k++) {
		json_t *v = args->n > 1 ? json_array_get(j, k) : j;
		json_int_t n = json_integer_value(v);

		if (!json_is_integer(v) || n < 0 || n > UINT32_MAX ||
		    n & ~(json_int_t)args->mask[k])
			return -EBADMSG;
		value |= (uint64_t)n << (32 * k);
	}
	*ret = value;
	return 0;
}

static int decode_call(struct policy *p, const char *name, json_t *values, struct err *err)
{
	struct policy_args_seen *seen;
	uint64_t value;
	size_t k;
	json_t *v;
	unsigned nr;
	int i = -1;

	if (syscall_parse(p->arch, name, &nr) == 0)
		i = policy_args_find(p->arch, nr);
	if (i < 0)
		return err_set(err, -EBADMSG, "arguments: of %.40s none is kept", name);
	seen = &p->args.call[i];
	if (!json_array_size(values) || json_array_size(values) > POLICY_ARGS_VALUES)
		return err_set(err, -EBADMSG, "arguments.%s: 1 to %d values", name,
			       POLICY_ARGS_VALUES);
	json_array_foreach (values, k, v) {
		if (decode_value(policy_args_syscall((unsigned)i, NULL), v, &value) < 0)
			return err_set(err, -EBADMSG, "arguments.%s: not a value of it", name);
		policy_args_add(&p->args, (unsigned)i, value);
	}
	return seen->n == json_array_size(values)
		       ? 0
		       : err_set(err, -EBADMSG, "arguments.%s: a value is there twice", name);
}

/* What is listed is of the alphabet; what is not may have any value. */
static int complete_arguments(struct policy *p, struct err *err)
{
	char buf[32];

	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		unsigned nr;
		bool known;

		policy_args_syscall(i, &nr);
		known = policy_args_find(p->arch, nr) >= 0 && is_seen(p, nr);

		if (known && !p->args.call[i].n)
			policy_args_add_any(&p->args, i);
		else if (!known && p->args.call[i].n)
			return err_set(err, -EBADMSG, "arguments.%s: the alphabet lacks the call",
				       syscall_name(p->arch, nr, buf, sizeof(buf)));
	}
	return 0;
}

int policy_args_decode(struct policy *p, json_t *j, struct err *err)
{
	json_t *arguments = json_object_get(j, "arguments"), *values;
	bool must = json_integer_value(json_object_get(j, "format")) > 1;
	const char *name;
	int r;

	if (must != json_is_object(arguments))
		return err_set(err, -EBADMSG, "arguments: an object, since format 2");
	json_object_foreach (arguments, name, values) {
		r = decode_call(p, name, values, err);
		if (r < 0)
			return r;
	}
	return complete_arguments(p, err);
}
