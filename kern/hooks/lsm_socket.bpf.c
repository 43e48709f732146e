/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The LSM hooks of socket addresses, and of a service's first accept.
 *
 * Hooks: lsm/socket_connect, socket_bind
 *        lsm/socket_sendmsg     messages with an address
 *        lsm/unix_stream_connect, unix_may_send   the Unix socket that is met
 *        lsm/socket_accept      makes the task steady where its syscalls are not seen
 * Maps: tasks, scratch, slots, and those of the judgement.
 * Fails: as hook.bpf.h.
 */
#include "kern/hooks/hook.bpf.h"
#include "kern/state/policy.bpf.h"

/* Returns the protocol of a socket; 0: it is closed. */
static __always_inline __u32 protocol_of(const struct socket *socket)
{
	const struct sock *sk = socket->sk;

	return sk ? sk->sk_protocol : 0;
}

static __always_inline int socket_judge(const struct socket *socket, const void *address, int len,
					__u32 op)
{
	struct hook_frame f;
	__u32 bytes = (__u32)len;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	if (!event_begin(&f, op))
		return is_denied_without_scratch(&f, op);
	if (bytes > SOCKADDR_BYTES)
		bytes = SOCKADDR_BYTES;
	__builtin_memset(f.s->input.bytes, 0, SOCKADDR_BYTES + 8);
	bpf_probe_read_kernel(f.s->input.bytes, bytes, address);
	f.s->input.len = bytes;
	sockaddr_describe(f.s);
	transport_describe(f.s, protocol_of(socket));
	return object_judge(f.e, f.s);
}

SEC("lsm/socket_connect")
int BPF_PROG(lutra_socket_connect, struct socket *sock, struct sockaddr *address, int len)
{
	return deny_if(socket_judge(sock, address, len, LUTRA_OP_CONNECT));
}

SEC("lsm/socket_bind")
int BPF_PROG(lutra_socket_bind, struct socket *sock, struct sockaddr *address, int len)
{
	return deny_if(socket_judge(sock, address, len, LUTRA_OP_BIND));
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(lutra_socket_sendmsg, struct socket *sock, struct msghdr *msg)
{
	const void *address = msg->msg_name;
	__u32 op = LUTRA_OP_SEND;

	if (!address)
		return 0;
	if (msg->msg_flags & MSG_FASTOPEN && lutra_is_fast_open(protocol_of(sock)))
		op = LUTRA_OP_CONNECT;
	return deny_if(socket_judge(sock, address, msg->msg_namelen, op));
}

/*
 * Judges the Unix socket that a connect or a message met, by its own path. A socket that is in no
 * directory has no other name than that in the address, which was judged.
 */
static __always_inline int peer_judge(const struct sock *other)
{
	const struct unix_sock *peer = (const void *)other;
	const struct lutra_policy *p;
	struct hook_frame f;
	__u64 dentry;

	if (!hook_enter(&f) || is_passive(f.slot))
		return 0;
	dentry = (__u64)BPF_CORE_READ(peer, path.dentry);
	if (!dentry)
		return 0;
	p = policy_get(f.e->slot);
	if (!(f.slot->flags & LUTRA_SLOT_RECORD) && !(p && p->ops >> LUTRA_OP_PEER & 1))
		return 0;
	if (!event_begin(&f, LUTRA_OP_PEER))
		return is_denied_without_scratch(&f, LUTRA_OP_PEER);
	peer_describe(f.s, dentry, (__u64)BPF_CORE_READ(peer, path.mnt));
	return object_judge(f.e, f.s);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(lutra_unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk)
{
	return deny_if(peer_judge(other));
}

/* A message to the socket that the sender is connected to was judged when it connected. */
SEC("lsm/unix_may_send")
int BPF_PROG(lutra_unix_may_send, struct socket *sock, struct socket *other)
{
	const struct unix_sock *own = (const void *)BPF_CORE_READ(sock, sk);
	const struct sock *met = BPF_CORE_READ(other, sk);

	return deny_if(BPF_CORE_READ(own, peer) != met && peer_judge(met));
}

/* Moves the role on as lutra_role_steady(), for an accept whose syscall is not seen. */
static __always_inline void accept_move_role(struct lutra_task *e)
{
	const struct lutra_policy *p;

	if (!lutra_may_start(e->state.role))
		return;
	p = policy_get(e->slot);
	if (p && !lutra_role_steady(&e->state, p, LUTRA_NR_ACCEPT))
		return;
	e->state.role = LUTRA_ROLE_STEADY;
	process_mark_steady(bpf_get_current_task_btf(), e);
}

SEC("lsm/socket_accept")
int BPF_PROG(lutra_socket_accept, struct socket *sock)
{
	struct hook_frame f;

	if (hook_enter(&f))
		accept_move_role(f.e);
	return deny_if(hook_apply_verdict(0));
}

char LICENSE[] SEC("license") = "GPL";
