/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket addresses into objects.
 *
 * Hooks: none, called for socket_connect and socket_bind and for what stands in for them.
 * Maps: none; works in the caller's scratch.
 * Fails: towards a miss, as paths do.
 */
#include "kern/state/kernel.bpf.h"

#define SUN_PATH_OFFSET 2 /* of sun_path in struct sockaddr_un */

static __always_inline void inet_object(struct lutra_scratch *s)
{
	const __u8 *a = (const __u8 *)s->source;

	s->object.port = (__u16)(a[2] << 8 | a[3]);
	__builtin_memcpy(s->object.addr, a + 4, 4);
	s->object.addr_class = lutra_addr4_class(s->object.addr);
}

static __always_inline void inet6_object(struct lutra_scratch *s)
{
	const __u8 *a = (const __u8 *)s->source;

	s->object.port = (__u16)(a[2] << 8 | a[3]);
	__builtin_memcpy(s->object.addr, a + 8, 16);
	s->object.addr_class = lutra_addr6_class(s->object.addr);
}

/* An abstract name: no place in any mount, "@" for its leading NUL. */
static __noinline int abstract_path(struct lutra_scratch *s)
{
	__u32 len;

	if (!s)
		return 0;
	len = s->source_len - SUN_PATH_OFFSET;
	s->path.n = 1;
	s->path.flags = LUTRA_PATH_DETACHED;
	s->source[SUN_PATH_OFFSET] = '@';
	bpf_probe_read_kernel(s->path.name[0], LUTRA_NAME, &s->source[SUN_PATH_OFFSET]);
	if (len >= LUTRA_NAME) {
		s->path.flags |= LUTRA_PATH_LONG;
		len = LUTRA_NAME;
	}
	s->path.len[0] = (__u8)len;
	return 0;
}

/* sun_path to the front of source, as a string up to its NUL. */
static __noinline int pathname_path(struct lutra_scratch *s)
{
	long len;

	if (!s)
		return 0;
	len = bpf_probe_read_kernel_str(s->source, SOCKADDR_BYTES, &s->source[SUN_PATH_OFFSET]);
	s->source_len = len > 0 ? (__u32)len - 1 : SOURCE_BYTES + 1;
	return path_source(s, AT_FDCWD);
}

/*
 * Judge a connect or bind. The address is in s->source, source_len bytes of it given, the rest
 * of the first 130 zero. 1: refuse.
 */
__noinline int address_event(struct lutra_task *e, struct lutra_scratch *s, __u32 op)
{
	if (!e || !s)
		return 0;
	__builtin_memset(&s->object, 0, sizeof(s->object));
	s->object.op = (__u8)op;
	if (s->source_len >= SUN_PATH_OFFSET)
		s->object.family = (__u8)((__u8)s->source[0] | (s->source[1] ? 0x80 : 0));
	if (s->object.family == AF_INET)
		inet_object(s);
	else if (s->object.family == AF_INET6)
		inet6_object(s);
	if (s->object.family == AF_UNIX && s->source_len > SUN_PATH_OFFSET) {
		s->object.flags = LUTRA_OBJ_PATH;
		if (s->source[SUN_PATH_OFFSET])
			pathname_path(s);
		else
			abstract_path(s);
	}
	return object_event(e, s);
}

char LICENSE[] SEC("license") = "GPL";
