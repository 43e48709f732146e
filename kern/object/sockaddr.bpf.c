/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket addresses into objects.
 *
 * Hooks: none, called for socket_connect, socket_bind, socket_sendmsg and for their fallback.
 * Maps: none; works in the caller's scratch.
 * Fails: closed, as path.bpf.c.
 */
#include "kern/object/object.bpf.h"

#define SUN_PATH_OFFSET 2 /* of sun_path in struct sockaddr_un */

static __always_inline void describe_inet(struct lutra_scratch *s)
{
	const __u8 *a = (const __u8 *)s->input.bytes;

	s->object.port = (__u16)(a[2] << 8 | a[3]);
	__builtin_memcpy(s->object.addr, a + 4, 4);
	s->object.addr_class = lutra_addr4_class(s->object.addr);
}

static __always_inline void describe_inet6(struct lutra_scratch *s)
{
	const __u8 *a = (const __u8 *)s->input.bytes;

	s->object.port = (__u16)(a[2] << 8 | a[3]);
	__builtin_memcpy(s->object.addr, a + 8, 16);
	s->object.addr_class = lutra_addr6_class(s->object.addr);
}

/* Fills in the path of an abstract socket: in no mount, with "@" for its leading NUL. */
static __noinline int describe_abstract(struct lutra_scratch *s)
{
	__u32 len;

	if (!s)
		return 0;
	len = s->input.len - SUN_PATH_OFFSET;
	s->path.n = 1;
	s->path.flags = LUTRA_PATH_DETACHED;
	s->input.bytes[SUN_PATH_OFFSET] = '@';
	bpf_probe_read_kernel(s->path.name[0], LUTRA_NAME, &s->input.bytes[SUN_PATH_OFFSET]);
	if (len >= LUTRA_NAME) {
		s->path.flags |= LUTRA_PATH_LONG;
		len = LUTRA_NAME;
	}
	s->path.len[0] = (__u8)len;
	return 0;
}

/* Fills in the path of a named socket: sun_path up to its NUL. */
static __noinline int describe_named(struct lutra_scratch *s)
{
	long len;

	if (!s)
		return 0;
	len = bpf_probe_read_kernel_str(s->input.bytes, SOCKADDR_BYTES,
					&s->input.bytes[SUN_PATH_OFFSET]);
	s->input.len = len > 0 ? (__u32)len - 1 : INPUT_BYTES + 1;
	return path_from_input(s, AT_FDCWD);
}

/*
 * Fills in s->object and s->path from the socket address in s->input, whose first 130 bytes are
 * zeros behind its end. The object has its operation, and no other field yet.
 */
__noinline int sockaddr_describe(struct lutra_scratch *s)
{
	if (!s)
		return 0;
	if (s->input.len >= SUN_PATH_OFFSET)
		s->object.family = (__u8)((__u8)s->input.bytes[0] | (s->input.bytes[1] ? 0x80 : 0));
	if (s->object.family == AF_INET)
		describe_inet(s);
	else if (s->object.family == AF_INET6)
		describe_inet6(s);
	if (s->object.family == AF_UNIX && s->input.len > SUN_PATH_OFFSET) {
		s->object.flags = LUTRA_OBJ_PATH;
		if (s->input.bytes[SUN_PATH_OFFSET])
			describe_named(s);
		else
			describe_abstract(s);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
