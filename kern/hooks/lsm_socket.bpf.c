/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets: the LSM hooks of addresses, and of a service's first accept.
 *
 * Hooks: lsm/socket_connect, socket_bind
 *        lsm/socket_sendmsg     messages with an address
 *        lsm/socket_accept      makes the task steady where its calls are not seen
 * Maps: tasks, scratch, slots, and what the judging uses.
 * Fails: as files.bpf.c.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/policy.bpf.h"

static __always_inline int socket_event(const void *address, int len, __u32 op)
{
	struct lutra_slot *slot = NULL;
	struct lutra_scratch *s;
	struct lutra_task *e;
	__u32 flags, bytes = (__u32)len;

	e = subject(&slot, &flags);
	if (!e || !slot || idle(slot))
		return 0;
	s = begin(e, flags);
	if (!s)
		return blind(e, slot);
	if (bytes > SOCKADDR_BYTES)
		bytes = SOCKADDR_BYTES;
	__builtin_memset(s->source, 0, SOCKADDR_BYTES + 8);
	bpf_probe_read_kernel(s->source, bytes, address);
	s->source_len = bytes;
	return address_event(e, s, op);
}

SEC("lsm/socket_connect")
int BPF_PROG(lutra_socket_connect, struct socket *sock, struct sockaddr *address, int len)
{
	if (socket_event(address, len, LUTRA_OP_CONNECT))
		return deny();
	return 0;
}

SEC("lsm/socket_bind")
int BPF_PROG(lutra_socket_bind, struct socket *sock, struct sockaddr *address, int len)
{
	if (socket_event(address, len, LUTRA_OP_BIND))
		return deny();
	return 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(lutra_socket_sendmsg, struct socket *sock, struct msghdr *msg)
{
	const void *address = msg->msg_name;

	if (address && socket_event(address, msg->msg_namelen, LUTRA_OP_SEND))
		return deny();
	return 0;
}

/* What lutra_role_steady() does at the call's entry, for accepts that are not calls, or not seen. */
static __always_inline void accepted(struct lutra_task *e)
{
	const struct lutra_policy *p;

	if (!lutra_may_start(e->state.role))
		return;
	p = policy_get(e->slot);
	if (p)
		lutra_role_steady(&e->state, p, NR_ACCEPT);
	else
		e->state.role = LUTRA_ROLE_STEADY;
}

SEC("lsm/socket_accept")
int BPF_PROG(lutra_socket_accept, struct socket *sock)
{
	struct lutra_slot *slot = NULL;
	struct lutra_task *e;
	__u32 flags;

	e = subject(&slot, &flags);
	if (e && slot)
		accepted(e);
	if (hook_standing(0))
		return deny();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
