/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Opens that were judged known are remembered by all that the judgement rests on: policy, role,
 * access, inode type, and the whole path as it was walked. An open of the same is known without a
 * look into the policy, once the same walk has met the same names: a remembered path is compared
 * with the kernel's own, byte by byte, and stands for no address of a file or directory, since
 * these come again. What is not known is never remembered.
 *
 * Maps: known, by a hash of the file's dentry; a newer path takes an older one's place.
 * Part of path.bpf.c. Not on kernels without bpf_rdonly_cast(), where a load is a helper's call.
 */
#ifndef LUTRA_KERN_OBJECT_OPEN_CACHE_BPF_H
#define LUTRA_KERN_OBJECT_OPEN_CACHE_BPF_H

#include "kern/state/policy.bpf.h"

#define KNOWN_BITS 10
#define KNOWN_WORDS 28
#define KNOWN_PATIENCE 8 /* a power of two: so many others have to come until one is replaced */

struct lutra_known {
	__u32 seq;    /* odd: somebody writes it */
	__u32 others; /* opens that came here and were not what it is */
	__u64 key;    /* 0: empty */
	__u64 dentry; /* saves the walk of another file's open; proves nothing */
	__u64 n;
	/*
	 * The components, leaf first, eight bytes a word. The last word of each has at least one
	 * byte of zeros at its end, so that no two paths have the same words.
	 */
	__u64 word[KNOWN_WORDS];
};
_Static_assert(sizeof(struct lutra_known) == 256, "four lines of a cache");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* begins at a page, so that values do at a line */
	__uint(max_entries, 1 << KNOWN_BITS);
	__type(key, __u32);
	__type(value, struct lutra_known);
} known SEC(".maps") __weak;

/* Word i of a name of len bytes, of which those behind its end are not its own. */
static __always_inline __u64 known_word(__u64 w, __u32 len, __u32 i)
{
	__u32 rest = len - 8 * i, whole = (7 - rest) >> 31;

	/* No branch, which the verifier would walk both ways of. */
	LUTRA_OPAQUE(whole);
	return w & (((1ull << (rest & 7) * 8) - 1) | (0ull - whole));
}

/* Where in k the words of a directory's entry end that begin at pos; 0: they are others. */
static __always_inline __u32 known_name(const struct lutra_known *k, __u64 dentry, __u32 pos)
{
	__u32 len = (__u32)KERNEL_FIELD(dentry, struct dentry, d_name.len);
	__u64 name = KERNEL_FIELD(dentry, struct dentry, d_name.name);

	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u64 at = pos++;

		LUTRA_OPAQUE(at);
		if (at >= KNOWN_WORDS ||
		    k->word[at] != known_word(kernel_u64(name + 8 * i), len, i))
			return 0;
		if (len < 8 * (i + 1))
			return pos;
	}
	return 0;
}

/* Is what lies between a dentry on a mount and the root of an entry's container what k says? */
static __always_inline bool known_path(const struct lutra_known *k, const struct lutra_task *e,
				       __u64 dentry, __u64 mnt)
{
	__u64 top = KERNEL_FIELD(mnt, struct mount, mnt.mnt_root), up;
	__u64 root_dentry = e->root_dentry, root_mnt = e->root_mnt;
	__u32 pos = LUTRA_ZERO;

	for (int i = 0; i < LUTRA_WALK_STEPS; i++) {
		if (dentry == root_dentry && mnt == root_mnt)
			return pos == k->n;
		if (dentry == top) {
			up = KERNEL_FIELD(mnt, struct mount, mnt_parent);
			if (up == mnt)
				return false;
			dentry = KERNEL_FIELD(mnt, struct mount, mnt_mountpoint);
			mnt = up;
			top = KERNEL_FIELD(mnt, struct mount, mnt.mnt_root);
			continue;
		}
		pos = known_name(k, dentry, pos);
		if (!pos)
			return false;
		pos += LUTRA_ZERO;
		dentry = KERNEL_FIELD(dentry, struct dentry, d_parent);
	}
	return false;
}

/*
 * Is the open of a file, with flags LUTRA_OBJ_*, known? true: it is, and is counted. false: it has
 * to be judged, and the scratch says where open_keep() may remember it.
 */
static __always_inline bool known_open(struct lutra_task *e, struct lutra_scratch *s, __u64 file,
				       __u32 flags)
{
	__u64 dentry = KERNEL_FIELD(file, struct file, f_path.dentry), key;
	struct lutra_slot *slot = slot_get(e->slot);
	struct lutra_policy *p = policy_get(e->slot);
	struct lutra_known *k;
	__u32 at = (__u32)dentry * 0x9e3779b1u, seq;

	if (!slot || !p || slot->mode == LUTRA_MODE_LEARN || slot->flags & LUTRA_SLOT_RECORD ||
	    !at_ease(e, slot))
		return false;
	key = known_key(
		e->slot, p->version, e->state.role,
		(__u32)KERNEL_FIELD(KERNEL_FIELD(file, struct file, f_inode), struct inode, i_mode),
		flags);
	at = (at ^ (__u32)key * 0x85ebca6bu) >> (32 - KNOWN_BITS);
	k = bpf_map_lookup_elem(&known, &at);
	if (!k)
		return false;
	seq = k->seq;
	forget();
	if (!(seq & 1) && k->key == key && k->dentry == dentry &&
	    known_path(k, e, dentry,
		       KERNEL_FIELD(file, struct file, f_path.mnt) -
			       bpf_core_field_offset(struct mount, mnt))) {
		forget();
		if (k->seq == seq) {
			count(e->slot, LUTRA_COUNTER_OBJECTS);
			return true;
		}
	}
	if (k->key && !(k->key == key && k->dentry == dentry) && ++k->others & (KNOWN_PATIENCE - 1))
		return false;
	s->known_at = at + 1;
	s->known_key = key;
	s->known_dentry = dentry;
	return false;
}

/* Write component c of a path behind pos words of k: how many there are then. */
__noinline int known_write(struct lutra_known *k, const struct lutra_path *path, __u32 c, __u32 pos)
{
	const struct lutra_name *name;
	__u32 len;

	if (!k || !path)
		return 0;
	c &= LUTRA_COMPONENTS - 1;
	name = (const void *)path->name[c];
	len = path->len[c];
	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u64 at = pos + i;

		LUTRA_OPAQUE(at);
		if (i > len / 8 || at >= KNOWN_WORDS)
			break;
		k->word[at] = known_word(LUTRA_LOAD64(name->s + 8 * i), len, i);
	}
	return (int)(pos + len / 8 + 1);
}

/*
 * Remember the open in s, which known_open() did not know, if it was judged known by the same
 * policy and in the same role.
 */
__noinline int open_keep(struct lutra_scratch *s)
{
	struct lutra_known *k;
	__u32 at, seq, words = 0, n = 0;

	if (!s)
		return 0;
	for (__u32 i = 0; i < LUTRA_COMPONENTS; i++)
		words += i < s->path.n ? s->path.len[i] / 8 + 1 : 0;
	if (words > KNOWN_WORDS)
		return 0;
	at = s->known_at - 1;
	k = bpf_map_lookup_elem(&known, &at);
	if (!k || s->known_key != s->known_by || s->path.flags || s->path.n > LUTRA_COMPONENTS)
		return 0;
	seq = k->seq;
	if (seq & 1 || __sync_val_compare_and_swap(&k->seq, seq, seq + 1) != seq)
		return 0;
	for (__u32 i = 0; i < LUTRA_COMPONENTS; i++) {
		if (i >= s->path.n)
			break;
		n = known_write(k, &s->path, i, n);
	}
	k->n = n;
	k->dentry = s->known_dentry;
	k->key = s->known_key;
	forget();
	k->seq = seq + 2;
	return 0;
}

#endif
