/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From kernel pointers to the object and the path in scratch. Global functions: the verifier takes
 * each once, not once for each call. They return 0 for a NULL argument.
 */
#ifndef LUTRA_KERN_OBJECT_OBJECT_BPF_H
#define LUTRA_KERN_OBJECT_OBJECT_BPF_H

#include "kern/state/scratch.bpf.h"

#define NO_FD 0xffffffffu

/* path.bpf.c */
int path_walk(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount);
int path_from_input(struct lutra_scratch *s, __u32 dir_fd);
int path_to_text(struct lutra_scratch *s);
int file_is_of_layer(__u64 file);
int file_describe(struct lutra_scratch *s, __u64 file, __u64 fresh_after_ns);
int descriptor_describe(struct lutra_scratch *s, __u64 files, __u32 fd, __u64 fresh_after_ns);
int descriptor_kind(__u32 fd);
int descriptor_protocol(__u32 fd);
__u64 descriptor_socket(__u32 fd);
int descriptor_count(void);
int open_describe(struct lutra_task *e, struct lutra_scratch *s, __u64 address, __u32 fd,
		  __u32 flags);
int written_note(struct lutra_task *e, struct lutra_scratch *s, __u64 file);
int written_copy(struct lutra_task *e, struct lutra_scratch *s, __u64 dentry);
int touched_note(struct lutra_task *e, __u64 dentry);
int read_note(struct lutra_task *e, struct lutra_scratch *s, __u64 file);
int descriptor_note(struct lutra_task *e, struct lutra_scratch *s, __u64 files, __u32 fd);
int session_taint(struct lutra_task *e);
int peer_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount);
int name_describe(struct lutra_scratch *s, __u64 dentry, __u64 vfsmount, __u32 mode);

/* open_cache.bpf.h */
int open_cache_add(struct lutra_scratch *s);

/* sockaddr.bpf.c */
int sockaddr_describe(struct lutra_scratch *s);

/* Sets the transport of the peer in s->object, by the protocol of the socket. */
static __always_inline void transport_describe(struct lutra_scratch *s, __u32 protocol)
{
	if (s->object.family == AF_INET || s->object.family == AF_INET6)
		s->object.mode = lutra_transport_of(protocol);
}

/*
 * Looks at what an exec session runs. A process that runs what the service wrote is tainted: what it
 * writes from now on is not an operator's. What a session wrote is not reported to sessions.
 */
static __always_inline void session_check_program(struct lutra_task *e, struct lutra_scratch *s)
{
	if (!e->exec_session)
		return;
	if (lutra_is_fresh(&s->object) && !(s->object.flags & LUTRA_OBJ_UPDATED))
		session_taint(e);
	s->object.flags &= (__u8)~LUTRA_OBJ_UPDATED;
}

/*
 * Returns all that the judgement of an open depends on but its path: the slot's policy, the role,
 * the file's mode, and LUTRA_OBJ_WRITE of flags. Never 0.
 */
static __always_inline __u64 open_key(__u32 slot, __u32 version, __u32 role, __u32 mode,
				      __u32 flags)
{
	return (__u64)version << 32 | (slot & (LUTRA_SLOTS - 1)) << 16 | (mode >> 12 & 15) << 8 |
	       (flags & LUTRA_OBJ_WRITE) << 3 | (role & 7);
}

#endif
