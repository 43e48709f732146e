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

static int run_alu(struct machine *m, const struct sock_filter *f)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_ADD:
		m->a += b;
		return 0;
	case BPF_SUB:
		m->a -= b;
		return 0;
	case BPF_MUL:
		m->a *= b;
		return 0;
	case BPF_DIV:
		m->a = b ? m->a / b : 0;
		return 0;
	case BPF_AND:
		m->a &= b;
		return 0;
	case BPF_OR:
		m->a |= b;
		return 0;
	case BPF_XOR:
		m->a ^= b;
		return 0;
	case BPF_LSH:
		m->a = b < 32 ? m->a << b : 0;
		return 0;
	case BPF_RSH:
		m->a = b < 32 ? m->a >> b : 0;
		return 0;
	case BPF_NEG:
		m->a = -m->a;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Sets *ret to the number of instructions to skip. */
static int run_jump(const struct machine *m, const struct sock_filter *f, size_t *ret)
{
	uint32_t b = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	bool taken;

	switch (BPF_OP(f->code)) {
	case BPF_JA:
		*ret = f->k;
		return 0;
	case BPF_JEQ:
		taken = m->a == b;
		break;
	case BPF_JGT:
		taken = m->a > b;
		break;
	case BPF_JGE:
		taken = m->a >= b;
		break;
	case BPF_JSET:
		taken = m->a & b;
		break;
	default:
		return -EINVAL;
	}
	*ret = taken ? f->jt : f->jf;
	return 0;
}

/* Runs an instruction that neither jumps nor returns. */
static int run_instruction(struct machine *m, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load_operand(m, f, &m->a);
	case BPF_LDX:
		return load_operand(m, f, &m->x);
	case BPF_ALU:
		return run_alu(m, f);
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
		size_t skip = 0;
		int r = 0;

		if (BPF_CLASS(f->code) == BPF_RET) {
			*ret = BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
			return 0;
		}
		if (BPF_CLASS(f->code) == BPF_JMP)
			r = run_jump(&m, f, &skip);
		else
			r = run_instruction(&m, f);
		if (r < 0 || skip >= n - pc)
			return -EINVAL;
		pc += skip;
	}
	return -EINVAL;
}
