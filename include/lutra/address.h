/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Classes of addresses, networks, and kinds of sockets. A policy tells apart what its recordings told
 * apart: an older one knows loopback, private, public and any alone, and no transports.
 */
#ifndef LUTRA_ADDRESS_H
#define LUTRA_ADDRESS_H

#include "lutra/abi.h"

#define LUTRA_AF_UNIX 1
#define LUTRA_AF_INET 2
#define LUTRA_AF_INET6 10

#define LUTRA_SOCK_STREAM 1
#define LUTRA_SOCK_DGRAM 2

#define LUTRA_IPPROTO_TCP 6
#define LUTRA_IPPROTO_UDP 17
#define LUTRA_IPPROTO_SCTP 132
#define LUTRA_IPPROTO_MPTCP 262

/*
 * Returns true for a link-local IPv4 address at which clouds give out keys: EC2, GCE, Azure,
 * OpenStack and others; ECS; EKS.
 */
static __always_inline __u32 lutra_addr4_is_metadata(const __u8 *a)
{
	return (a[2] == 169 && a[3] == 254) || (a[2] == 170 && (a[3] == 2 || a[3] == 23));
}

/* Returns the class of an IPv4 address, in network order. */
static __always_inline __u8 lutra_addr4_class(const __u8 *a)
{
	if (a[0] == 127)
		return LUTRA_ADDR_LOOPBACK;
	if (!(a[0] | a[1] | a[2] | a[3]))
		return LUTRA_ADDR_ANY;
	if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168))
		return LUTRA_ADDR_PRIVATE;
	if (a[0] == 169 && a[1] == 254)
		return lutra_addr4_is_metadata(a) ? LUTRA_ADDR_METADATA : LUTRA_ADDR_LINK_LOCAL;
	if (a[0] == 100 && (a[1] & 0xc0) == 64)
		return LUTRA_ADDR_CARRIER_NAT;
	if ((a[0] & 0xf0) == 224 || (a[0] & a[1] & a[2] & a[3]) == 255)
		return LUTRA_ADDR_MULTICAST;
	return LUTRA_ADDR_PUBLIC;
}

/*
 * Returns true for an IPv6 address that stands for an IPv4 one by translation or in a tunnel: NAT64,
 * 6to4, Teredo, and the deprecated ::a.b.c.d. hi: its first 8 bytes.
 */
static __always_inline __u32 lutra_addr6_is_translated(const __u8 *a, __u64 hi)
{
	return hi == 0 || (a[0] == 0 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b) ||
	       (a[0] == 0x20 && a[1] == 2) || (a[0] == 0x20 && a[1] == 1 && a[2] == 0 && a[3] == 0);
}

/* Returns true for fd00:ec2::254, fd00:ec2::23 and fd20:ce::254, at which clouds give out keys. */
static __always_inline __u32 lutra_addr6_is_metadata(const __u8 *a, __u64 lo)
{
	__u32 ec2 = a[1] == 0x00 && a[2] == 0x0e && a[3] == 0xc2;
	__u32 gce = a[1] == 0x20 && a[2] == 0x00 && a[3] == 0xce;

	/* In the order of bytes of this processor. */
	return a[0] == 0xfd && !(a[4] | a[5] | a[6] | a[7]) &&
	       (((ec2 | gce) && lo == 0x5402ull << 48) || (ec2 && lo == 0x2300ull << 48));
}

/*
 * Returns the class of an IPv6 address. A mapped IPv4 address has the class of the IPv4 one; a public
 * one is LUTRA_ADDR_MAPPED.
 */
static __always_inline __u8 lutra_addr6_class(const __u8 *a)
{
	__u64 hi, lo;
	__u8 class;

	__builtin_memcpy(&hi, a, 8);
	__builtin_memcpy(&lo, a + 8, 8);
	if (hi == 0 && (lo & 0xffffffff) == 0xffff0000) {
		class = lutra_addr4_class(a + 12);
		return class == LUTRA_ADDR_PUBLIC ? LUTRA_ADDR_MAPPED : class;
	}
	if (hi == 0 && lo == 1ull << 56)
		return LUTRA_ADDR_LOOPBACK;
	if (hi == 0 && lo == 0)
		return LUTRA_ADDR_ANY;
	if (lutra_addr6_is_metadata(a, lo))
		return LUTRA_ADDR_METADATA;
	if ((a[0] & 0xfe) == 0xfc)
		return LUTRA_ADDR_UNIQUE_LOCAL;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return LUTRA_ADDR_LINK_LOCAL;
	if (a[0] == 0xff)
		return LUTRA_ADDR_MULTICAST;
	return lutra_addr6_is_translated(a, hi) ? LUTRA_ADDR_TRANSLATED : LUTRA_ADDR_PUBLIC;
}

/* Returns the class that a policy without LUTRA_OP_ADDR_CLASSES has for an address of this class. */
static __always_inline __u8 lutra_addr_coarse(__u8 class)
{
	if (class == LUTRA_ADDR_LINK_LOCAL || class == LUTRA_ADDR_METADATA ||
	    class == LUTRA_ADDR_UNIQUE_LOCAL)
		return LUTRA_ADDR_PRIVATE;
	return class > LUTRA_ADDR_ANY ? LUTRA_ADDR_PUBLIC : class;
}

/* Returns the class of an object's address as the policy tells classes apart. */
static __always_inline __u8 lutra_addr_class_in(const struct lutra_policy *p,
						const struct lutra_object *o)
{
	return p->ops >> LUTRA_OP_ADDR_CLASSES & 1 ? o->addr_class
						   : lutra_addr_coarse(o->addr_class);
}

/* ---- networks ---- */

/* In policy.port_exact: two bits for each class of addresses that has networks, enum lutra_network. */
#define LUTRA_NETWORK_SHIFT 24

enum lutra_network {
	LUTRA_NETWORK_CLASS = 0, /* the whole class is one peer */
	LUTRA_NETWORK_16 = 1,	 /* peers are networks of 16 bits */
	LUTRA_NETWORK_24 = 2,
	LUTRA_NETWORK_HOST = 3,
};

/*
 * Returns the bit in policy.port_exact where the level of an object's networks begins, or 0 if the
 * object's peer is its class. IPv6 has networks only of mapped addresses: a recording holds the last
 * four bytes of an address. Whom a service answers, at an ephemeral port, is its class too.
 */
static __always_inline __u32 lutra_network_bit(const struct lutra_object *o)
{
	if ((o->op != LUTRA_OP_CONNECT && o->op != LUTRA_OP_SEND) || o->port >= 32768)
		return 0;
	if (o->addr_class == LUTRA_ADDR_PRIVATE)
		return LUTRA_NETWORK_SHIFT;
	if (o->addr_class == LUTRA_ADDR_CARRIER_NAT)
		return LUTRA_NETWORK_SHIFT + 2;
	if (o->addr_class == LUTRA_ADDR_LINK_LOCAL && o->family == LUTRA_AF_INET)
		return LUTRA_NETWORK_SHIFT + 4;
	return 0;
}

/* Returns the IPv4 address of an object, in network order: the last four bytes of an IPv6 one. */
static __always_inline __u32 lutra_object_addr4(const struct lutra_object *o)
{
	__u32 v4, v6;

	__builtin_memcpy(&v4, o->addr, 4);
	__builtin_memcpy(&v6, o->addr + 12, 4);
	return o->family == LUTRA_AF_INET6 ? v6 : v4;
}

/* Returns the network of an address in network order. level: enum lutra_network, not the class. */
static __always_inline __u32 lutra_network_of(__u32 addr, __u32 level)
{
	__u32 mask = level == LUTRA_NETWORK_16	 ? 0x0000ffffu
		     : level == LUTRA_NETWORK_24 ? 0x00ffffffu
						 : 0xffffffffu;

	return addr & mask;
}

/*
 * Returns the number of the network of an object's peer, 1 to 65535: a hash by the policy's key. 0: the
 * policy does not tell networks of this class apart, or the address is not known.
 */
static __always_inline __u32 lutra_network_number(const struct lutra_policy *p,
						  const struct lutra_object *o)
{
	__u32 bit = lutra_network_bit(o), addr = lutra_object_addr4(o);
	__u32 level = bit ? p->port_exact >> bit & 3 : LUTRA_NETWORK_CLASS;
	__u64 h;

	if (!level || !addr || !(p->ops >> LUTRA_OP_ADDR_CLASSES & 1))
		return 0;
	h = (p->hash_key[0] ^ lutra_network_of(addr, level)) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29 ^ p->hash_key[1]) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32) & 0xffff;
	return h ? (__u32)h : 1;
}

/* ---- kinds of sockets ---- */

/* Returns the transport of a socket of IPv4 or IPv6. */
static __always_inline __u16 lutra_transport_of(__u32 protocol)
{
	switch (protocol) {
	case LUTRA_IPPROTO_TCP:
		return LUTRA_TRANSPORT_TCP;
	case LUTRA_IPPROTO_UDP:
		return LUTRA_TRANSPORT_UDP;
	case LUTRA_IPPROTO_MPTCP:
		return LUTRA_TRANSPORT_MPTCP;
	case LUTRA_IPPROTO_SCTP:
		return LUTRA_TRANSPORT_SCTP;
	default:
		return LUTRA_TRANSPORT_OTHER;
	}
}

/* Returns true if a message with an address and MSG_FASTOPEN connects a socket of this protocol. */
static __always_inline __u32 lutra_is_fast_open(__u32 protocol)
{
	return protocol == LUTRA_IPPROTO_TCP || protocol == LUTRA_IPPROTO_MPTCP;
}

/*
 * Returns the protocol of a socket as its object has it: 0 for Unix sockets, and for IP the one that
 * protocol 0 stands for.
 */
static __always_inline __u16 lutra_socket_protocol(__u32 family, __u32 type, __u32 protocol)
{
	if (family == LUTRA_AF_UNIX)
		return 0;
	if ((family == LUTRA_AF_INET || family == LUTRA_AF_INET6) && !protocol) {
		if (type == LUTRA_SOCK_STREAM)
			return LUTRA_IPPROTO_TCP;
		if (type == LUTRA_SOCK_DGRAM)
			return LUTRA_IPPROTO_UDP;
	}
	return (__u16)protocol;
}

#endif
