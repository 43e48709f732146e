/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the record of a syscall keeps beside its two arguments, in aux: of a syscall that moves
 * bytes, the kinds of its descriptors and the size; of socket(2) and socketpair(2), the protocol.
 * aux 0 says nothing: an older recording, another syscall, or a 32-bit or x32 one. Nothing else
 * encodes or decodes aux.
 */
#ifndef LUTRA_TRANSFER_H
#define LUTRA_TRANSFER_H

#include "lutra/abi.h"
#include "lutra/syscalls.h"

/* What a descriptor is open on. Numbers are recorded. */
enum lutra_descriptor {
	LUTRA_DESCRIPTOR_NONE = 0, /* the other end is the task's memory; or not recorded */
	LUTRA_DESCRIPTOR_BAD = 1,  /* not open */
	LUTRA_DESCRIPTOR_FILE = 2, /* a regular file, of any file system */
	LUTRA_DESCRIPTOR_DIR = 3,
	LUTRA_DESCRIPTOR_PIPE = 4,   /* a FIFO too */
	LUTRA_DESCRIPTOR_MEMORY = 5, /* a file in no directory: memfd */
	LUTRA_DESCRIPTOR_TTY = 6,
	LUTRA_DESCRIPTOR_CHARDEV = 7, /* any other character device */
	LUTRA_DESCRIPTOR_BLOCKDEV = 8,
	LUTRA_DESCRIPTOR_UNIX = 9, /* sockets by family */
	LUTRA_DESCRIPTOR_IPV4 = 10,
	LUTRA_DESCRIPTOR_IPV6 = 11,
	LUTRA_DESCRIPTOR_NETLINK = 12,
	LUTRA_DESCRIPTOR_PACKET = 13,
	LUTRA_DESCRIPTOR_SOCKET = 14, /* any other family */
	LUTRA_DESCRIPTOR_EVENTFD = 15,
	LUTRA_DESCRIPTOR_EPOLL = 16,
	LUTRA_DESCRIPTOR_TIMERFD = 17,
	LUTRA_DESCRIPTOR_SIGNALFD = 18,
	LUTRA_DESCRIPTOR_INOTIFY = 19,
	LUTRA_DESCRIPTOR_ANON = 20,  /* any other anonymous inode */
	LUTRA_DESCRIPTOR_QUEUE = 21, /* a message queue, POSIX or System V */
	LUTRA_DESCRIPTOR_OTHER = 22,
	LUTRA_DESCRIPTOR_COUNT
};
_Static_assert(LUTRA_DESCRIPTOR_COUNT <= 32, "5 bits");

/* How a syscall says how many bytes it moves. */
enum lutra_transfer_size {
	LUTRA_SIZE_NONE = 0, /* no syscall of the table */
	LUTRA_SIZE_BYTES,    /* an argument */
	LUTRA_SIZE_VECTOR,   /* a struct iovec array, and how many it has in the next argument */
	LUTRA_SIZE_MESSAGE,  /* a struct msghdr, or the first of an array of struct mmsghdr */
};

#define LUTRA_ARG_QUEUE 7 /* in place of an argument: the System V queue of the syscall */

/* A syscall that moves bytes: arguments by number, from 1. */
struct lutra_transfer_call {
	__u8 from; /* descriptor that it reads; 0: none */
	__u8 to;   /* descriptor that it writes; 0: none */
	__u8 size;
	__u8 how; /* enum lutra_transfer_size */
};

static const struct lutra_transfer_call lutra_transfer_calls[LUTRA_NR] = {
	[0] = {1, 0, 3, LUTRA_SIZE_BYTES},		  /* read */
	[1] = {0, 1, 3, LUTRA_SIZE_BYTES},		  /* write */
	[17] = {1, 0, 3, LUTRA_SIZE_BYTES},		  /* pread64 */
	[18] = {0, 1, 3, LUTRA_SIZE_BYTES},		  /* pwrite64 */
	[19] = {1, 0, 2, LUTRA_SIZE_VECTOR},		  /* readv */
	[20] = {0, 1, 2, LUTRA_SIZE_VECTOR},		  /* writev */
	[40] = {2, 1, 4, LUTRA_SIZE_BYTES},		  /* sendfile */
	[44] = {0, 1, 3, LUTRA_SIZE_BYTES},		  /* sendto */
	[45] = {1, 0, 3, LUTRA_SIZE_BYTES},		  /* recvfrom */
	[46] = {0, 1, 2, LUTRA_SIZE_MESSAGE},		  /* sendmsg */
	[47] = {1, 0, 2, LUTRA_SIZE_MESSAGE},		  /* recvmsg */
	[69] = {0, LUTRA_ARG_QUEUE, 3, LUTRA_SIZE_BYTES}, /* msgsnd */
	[70] = {LUTRA_ARG_QUEUE, 0, 3, LUTRA_SIZE_BYTES}, /* msgrcv */
	[242] = {0, 1, 3, LUTRA_SIZE_BYTES},		  /* mq_timedsend */
	[243] = {1, 0, 3, LUTRA_SIZE_BYTES},		  /* mq_timedreceive */
	[275] = {1, 3, 5, LUTRA_SIZE_BYTES},		  /* splice */
	[276] = {1, 2, 3, LUTRA_SIZE_BYTES},		  /* tee */
	[278] = {0, 1, 2, LUTRA_SIZE_VECTOR},		  /* vmsplice: it may read as well */
	[295] = {1, 0, 2, LUTRA_SIZE_VECTOR},		  /* preadv */
	[296] = {0, 1, 2, LUTRA_SIZE_VECTOR},		  /* pwritev */
	[299] = {1, 0, 2, LUTRA_SIZE_MESSAGE},		  /* recvmmsg */
	[307] = {0, 1, 2, LUTRA_SIZE_MESSAGE},		  /* sendmmsg */
	[326] = {1, 3, 5, LUTRA_SIZE_BYTES},		  /* copy_file_range */
	[327] = {1, 0, 2, LUTRA_SIZE_VECTOR},		  /* preadv2 */
	[328] = {0, 1, 2, LUTRA_SIZE_VECTOR},		  /* pwritev2 */
};

/* Vectors that are added up; more of them make the size a lower bound. */
#define LUTRA_VECTORS 8

/* What a syscall that moves bytes is asked to do. */
struct lutra_transfer {
	__u8 from; /* enum lutra_descriptor; NONE: the task's memory */
	__u8 to;   /* the same */
	__u8 bits; /* of the number of bytes asked for: 0 none, 1 one, 2 two or three, 3 four to
		      seven …; or LUTRA_BITS_UNKNOWN */
	__u8 pad;
};

#define LUTRA_BITS_UNKNOWN 63 /* the size is in memory that could not be read */

/* Returns how many bits a number of bytes has: no branch, for the verifier. */
static __always_inline __u8 lutra_size_bits(__u64 bytes)
{
	__u32 bits = 0;

	for (__u32 step = 32; step; step /= 2) {
		__u32 is_more = bytes >> step != 0;

		bits += is_more * step;
		bytes >>= is_more * step;
	}
	bits += bytes != 0;
	return (__u8)(bits < LUTRA_BITS_UNKNOWN ? bits : LUTRA_BITS_UNKNOWN - 1);
}

/* Returns aux of the record of a syscall that moves bytes. */
static __always_inline __u16 lutra_transfer_pack(const struct lutra_transfer *t)
{
	return (__u16)((t->from & 31u) | (t->to & 31u) << 5 | (t->bits & 63u) << 10);
}

/*
 * Reads what a record says of the bytes that its syscall moves. Returns false, and sets nothing, if
 * it says nothing: see the head of this file.
 */
static __always_inline int lutra_transfer_unpack(const struct lutra_record *r,
						 struct lutra_transfer *ret)
{
	if (r->type != LUTRA_RECORD_SYSCALL || r->nr >= LUTRA_NR || !r->aux ||
	    lutra_transfer_calls[r->nr].how == LUTRA_SIZE_NONE)
		return 0;
	ret->from = r->aux & 31u;
	ret->to = r->aux >> 5 & 31u;
	ret->bits = (__u8)(r->aux >> 10);
	ret->pad = 0;
	return 1;
}

#define LUTRA_PROTOCOL_MAX 0xfffeu

/* Returns aux of the record of a socket or socketpair. A larger protocol, which fails, is cut. */
static __always_inline __u16 lutra_protocol_pack(__u32 protocol)
{
	return (__u16)((protocol < LUTRA_PROTOCOL_MAX ? protocol : LUTRA_PROTOCOL_MAX) + 1);
}

/* Returns the protocol of a socket or socketpair, or -1: the record does not say it. */
static __always_inline int lutra_protocol_unpack(const struct lutra_record *r)
{
	if (r->type != LUTRA_RECORD_SYSCALL || !r->aux ||
	    (r->nr != LUTRA_NR_SOCKET && r->nr != LUTRA_NR_SOCKETPAIR))
		return -1;
	return r->aux - 1;
}

#endif
