/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's program whose first instruction is known: keyctl(99), a call that no engine, no
 * runtime and no loader makes. Static, without a library. One argument: then it waits to be killed.
 * Two: it waits without that call.
 */
void _start(void);

/* x86-64: argc lies on top of the stack. */
__attribute__((naked)) void _start(void)
{
	__asm__("cmpq $3, (%rsp)\n\t"
		"je 1f\n\t"
		"movl $250, %eax\n\t" /* keyctl */
		"movl $99, %edi\n\t"
		"syscall\n\t"
		"cmpq $1, (%rsp)\n\t"
		"jne 1f\n\t"
		"movl $60, %eax\n\t" /* exit */
		"xorl %edi, %edi\n\t"
		"syscall\n"
		"1:\n\t"
		"movl $34, %eax\n\t" /* pause */
		"syscall\n\t"
		"jmp 1b\n");
}
