/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The least that looks at every call: what a guard on sys_enter is to be compared with. And the
 * least at a call's exit, where tracepoints stand in for hooks.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int empty(void *ctx)
{
	return 0;
}

SEC("tracepoint")
int empty_exit(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
