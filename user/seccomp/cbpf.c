/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interpreter of classic BPF as seccomp uses it: it loads aligned 32-bit words of struct
 * seccomp_data. Jumps go forward only, so each program ends.
 */
#include "user/seccomp/cbpf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct machine {
	const struct seccomp_data *data;
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
};

static int load_operand(struct machine *m, const struct sock_filter *f, uint32_t *ret)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		if (BPF_SIZE(f->code) != BPF_W || BPF_CLASS(f->code) != BPF_LD ||
		    f->k > sizeof(*m->data) - sizeof(*ret) || f->k % sizeof(*ret))
			return -EINVAL;
		memcpy(ret, (const char *)m->data + f->k, sizeof(*ret));
		return 0;
	case BPF_IMM:
		*ret = f->k;
		return 0;
	case BPF_LEN:
		*ret = sizeof(*m->data);
		return 0;
	case BPF_MEM:
		if (f->k >= BPF_MEMWORDS)
			return -EINVAL;
		*ret = m->mem[f->k];
		return 0;
	default:
		return -EINVAL;
	}
}

static uint32_t second_operand(const struct machine *m, const struct sock_filter *f)
{
	return BPF_SRC(f->code) == BPF_X ? m->x : f->k;
}

/* Returns the new value of the accumulator, or -EINVAL. */
static int64_t run_alu(const struct machine *m, const struct sock_filter *f)
{
	uint32_t a = m->a, b = second_operand(m, f);

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	case BPF_NEG:
		return -a;
	default:
		return -EINVAL;
	}
}

/* Returns the number of instructions to skip, or -EINVAL. */
static int64_t run_jump(const struct machine *m, const struct sock_filter *f)
{
	uint32_t a = m->a, b = second_operand(m, f);

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		return a == b ? f->jt : f->jf;
	case BPF_JGT:
		return a > b ? f->jt : f->jf;
	case BPF_JGE:
		return a >= b ? f->jt : f->jf;
	case BPF_JSET:
		return a & b ? f->jt : f->jf;
	default:
		return -EINVAL;
	}
}

/* Runs an instruction that neither jumps nor returns. */
static int run_instruction(struct machine *m, const struct sock_filter *f)
{
	int64_t result;

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load_operand(m, f, &m->a);
	case BPF_LDX:
		return load_operand(m, f, &m->x);
	case BPF_ALU:
		result = run_alu(m, f);
		m->a = (uint32_t)result;
		return result < 0 ? -EINVAL : 0;
	case BPF_ST:
	case BPF_STX:
		if (f->k >= BPF_MEMWORDS)
			return -EINVAL;
		m->mem[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		return 0;
	case BPF_MISC:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	default:
		return -EINVAL;
	}
}

int cbpf_run(const struct sock_filter *program, size_t n, const struct seccomp_data *data,
	     uint32_t *ret)
{
	struct machine m = {.data = data};

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &program[pc];
		int64_t skip = 0;

		if (BPF_CLASS(f->code) == BPF_RET) {
			*ret = BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
			return 0;
		}
		if (BPF_CLASS(f->code) == BPF_JMP)
			skip = run_jump(&m, f);
		else if (run_instruction(&m, f) < 0)
			return -EINVAL;
		if (skip < 0 || (uint64_t)skip >= n - pc)
			return -EINVAL;
		pc += (size_t)skip;
	}
	return -EINVAL;
}
