/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The class of a path: which kind of directory of a container the path is in. The class is part of
 * the key of an object (lutra/object_key.h). It follows from the first four components, folded, and
 * for a log file from the last one. So the class does not depend on a policy's path tree.
 *
 * A walk begins with LUTRA_PLACE_ROOT and takes the components one by one. The state of a walk is
 * one byte, enum lutra_place.
 */
#ifndef LUTRA_PATH_CLASS_H
#define LUTRA_PATH_CLASS_H

#include "lutra/score_path.h"

enum lutra_place {
	LUTRA_PLACE_OTHER, /* no path, or one that could not be resolved */
	LUTRA_PLACE_LIB,   /* /lib*, /usr/lib*, /etc/ld.so.cache */
	LUTRA_PLACE_USR,   /* /usr, /bin, /sbin, /opt */
	LUTRA_PLACE_ETC,
	LUTRA_PLACE_SECRET, /* /etc/shadow*, /run/secrets */
	LUTRA_PLACE_PROC,   /* /proc, /sys */
	LUTRA_PLACE_DEV,
	LUTRA_PLACE_RUN, /* /run, /var/run */
	LUTRA_PLACE_TMP, /* /tmp, /var/tmp */
	LUTRA_PLACE_HOME,
	LUTRA_PLACE_LOG,      /* NAME.log below a data root */
	LUTRA_PLACE_OWN,      /* a name directly in a data root */
	LUTRA_PLACE_OWN_DEEP, /* below a directory in a data root */
	LUTRA_PLACE_DATA,     /* a data root: the next component is a name in it */
	/* States of a walk that are no class: lutra_place_end() replaces them. */
	LUTRA_PLACE_ROOT,
	LUTRA_PLACE_USR_TOP,
	LUTRA_PLACE_ETC_TOP,
	LUTRA_PLACE_RUN_TOP,
	LUTRA_PLACE_VAR_TOP,
	LUTRA_PLACE_DATA_PARENT, /* /var/lib, /mnt and others: directories in it are data roots */
	LUTRA_PLACE_COUNT
};

/* What lutra_place_word() returns for a name of up to 8 characters. */
#define LUTRA_WORD(a, b, c, d, e, f, g, h)                                                         \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define LUTRA_WORD_MASK(bytes) ((1ull << 8 * (bytes)) - 1)

/* Returns the first 8 bytes of a name of len bytes, with zero bytes after its end. */
static __always_inline __u64 lutra_place_word(const struct lutra_name *name, __u32 len)
{
	__u64 word = LUTRA_LOAD64(name->s);

	return len < 8 ? word & LUTRA_WORD_MASK(len) : word;
}

/* Returns the place of a component in /. word: lutra_place_word() of the component. */
static __always_inline __u8 lutra_place_in_root(__u64 word)
{
	switch (word) {
	case LUTRA_WORD('u', 's', 'r', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_USR_TOP;
	case LUTRA_WORD('b', 'i', 'n', 0, 0, 0, 0, 0):
	case LUTRA_WORD('s', 'b', 'i', 'n', 0, 0, 0, 0):
	case LUTRA_WORD('o', 'p', 't', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_USR;
	case LUTRA_WORD('e', 't', 'c', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_ETC_TOP;
	case LUTRA_WORD('p', 'r', 'o', 'c', 0, 0, 0, 0):
	case LUTRA_WORD('s', 'y', 's', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_PROC;
	case LUTRA_WORD('d', 'e', 'v', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_DEV;
	case LUTRA_WORD('r', 'u', 'n', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_RUN_TOP;
	case LUTRA_WORD('v', 'a', 'r', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_VAR_TOP;
	case LUTRA_WORD('t', 'm', 'p', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_TMP;
	case LUTRA_WORD('h', 'o', 'm', 'e', 0, 0, 0, 0):
	case LUTRA_WORD('r', 'o', 'o', 't', 0, 0, 0, 0):
		return LUTRA_PLACE_HOME;
	case LUTRA_WORD('m', 'n', 't', 0, 0, 0, 0, 0):
	case LUTRA_WORD('m', 'e', 'd', 'i', 'a', 0, 0, 0):
		return LUTRA_PLACE_DATA_PARENT;
	case LUTRA_WORD('#', 0, 0, 0, 0, 0, 0, 0): /* lib64, lib32 and libx32, folded */
		return LUTRA_PLACE_LIB;
	default:
		return (word & LUTRA_WORD_MASK(3)) == LUTRA_WORD('l', 'i', 'b', 0, 0, 0, 0, 0)
			       ? LUTRA_PLACE_LIB
			       : LUTRA_PLACE_DATA;
	}
}

/* Returns the place of a component in /var. word: lutra_place_word() of the component. */
static __always_inline __u8 lutra_place_in_var(__u64 word)
{
	switch (word) {
	case LUTRA_WORD('r', 'u', 'n', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_RUN_TOP;
	case LUTRA_WORD('t', 'm', 'p', 0, 0, 0, 0, 0):
		return LUTRA_PLACE_TMP;
	case LUTRA_WORD('l', 'i', 'b', 0, 0, 0, 0, 0):
	case LUTRA_WORD('l', 'o', 'g', 0, 0, 0, 0, 0):
	case LUTRA_WORD('o', 'p', 't', 0, 0, 0, 0, 0):
	case LUTRA_WORD('m', 'a', 'i', 'l', 0, 0, 0, 0):
	case LUTRA_WORD('c', 'a', 'c', 'h', 'e', 0, 0, 0):
	case LUTRA_WORD('s', 'p', 'o', 'o', 'l', 0, 0, 0):
		return LUTRA_PLACE_DATA_PARENT;
	default:
		return LUTRA_PLACE_DATA;
	}
}

/* Returns where a walk is after one more component. name: folded, len bytes. */
static __always_inline __u8 lutra_place_next(__u8 place, const struct lutra_name *name, __u32 len)
{
	__u64 word = lutra_place_word(name, len);

	switch (place) {
	case LUTRA_PLACE_ROOT:
		return lutra_place_in_root(word);
	case LUTRA_PLACE_USR_TOP:
		return (word & LUTRA_WORD_MASK(3)) == LUTRA_WORD('l', 'i', 'b', 0, 0, 0, 0, 0) ||
				       word == '#'
			       ? LUTRA_PLACE_LIB
			       : LUTRA_PLACE_USR;
	case LUTRA_PLACE_ETC_TOP:
		if (word == LUTRA_WORD('l', 'd', '.', 's', 'o', '.', 'c', 'a'))
			return LUTRA_PLACE_LIB;
		return (word & LUTRA_WORD_MASK(6)) == LUTRA_WORD('s', 'h', 'a', 'd', 'o', 'w', 0, 0)
			       ? LUTRA_PLACE_SECRET
			       : LUTRA_PLACE_ETC;
	case LUTRA_PLACE_RUN_TOP:
		return (word & LUTRA_WORD_MASK(7)) ==
				       LUTRA_WORD('s', 'e', 'c', 'r', 'e', 't', 's', 0)
			       ? LUTRA_PLACE_SECRET
			       : LUTRA_PLACE_RUN;
	case LUTRA_PLACE_VAR_TOP:
		return lutra_place_in_var(word);
	case LUTRA_PLACE_DATA_PARENT:
		return LUTRA_PLACE_DATA;
	case LUTRA_PLACE_DATA:
		return LUTRA_PLACE_OWN;
	case LUTRA_PLACE_OWN:
		return LUTRA_PLACE_OWN_DEEP;
	default:
		return place;
	}
}

/* Returns the class of a path after its last component. last: this component, folded, len bytes. */
static __always_inline __u8 lutra_place_end(__u8 place, const struct lutra_name *last, __u32 len)
{
	switch (place) {
	case LUTRA_PLACE_OWN:
	case LUTRA_PLACE_OWN_DEEP:
		return len > 4 && last->s[(len - 4) & 63] == '.' &&
				       last->s[(len - 3) & 63] == 'l' &&
				       last->s[(len - 2) & 63] == 'o' &&
				       last->s[(len - 1) & 63] == 'g'
			       ? LUTRA_PLACE_LOG
			       : place;
	case LUTRA_PLACE_USR_TOP:
		return LUTRA_PLACE_USR;
	case LUTRA_PLACE_ETC_TOP:
		return LUTRA_PLACE_ETC;
	case LUTRA_PLACE_RUN_TOP:
		return LUTRA_PLACE_RUN;
	case LUTRA_PLACE_ROOT:
	case LUTRA_PLACE_VAR_TOP:
	case LUTRA_PLACE_DATA_PARENT:
		return LUTRA_PLACE_DATA;
	default:
		return place;
	}
}

#endif
