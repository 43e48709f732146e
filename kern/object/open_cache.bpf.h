/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A cache of opens that were judged known. A cached open holds all that the judgement depends on:
 * policy, role, access, inode type, and the whole path as it was walked. A later open with equal
 * values is known without a search in the policy's tree. Level M scores it by the object's key,
 * which is cached too. If a pair has a weight then, the open is judged in full. The cached path is
 * compared byte by byte with the names that the kernel has: the address of a file or directory
 * proves nothing, since addresses are used again. An open that is not known is never cached.
 *
 * Maps: open_cache, by a hash of the file's dentry; a newer path takes an older one's place.
 * Fails: an open that is not found here is judged.
 *
 * Part of path.bpf.c. Not used without bpf_rdonly_cast(): there each load is a helper call.
 */
#ifndef LUTRA_KERN_OBJECT_OPEN_CACHE_BPF_H
#define LUTRA_KERN_OBJECT_OPEN_CACHE_BPF_H

#include "kern/object/object.bpf.h"
#include "kern/state/policy.bpf.h"

#define OPEN_CACHE_BITS 10
#define OPEN_CACHE_WORDS 28
#define OPEN_CACHE_EVICT_AFTER 8 /* other opens until an element is replaced; a power of two */

struct lutra_cached_open {
	__u32 seq;	  /* odd: a CPU writes it */
	__u32 others;	  /* opens that came to this element and were not this one */
	__u64 key;	  /* open_key(); 0: empty */
	__u64 dentry;	  /* saves the walk of another file's open; proves nothing */
	__u32 n;	  /* words of the path */
	__u32 object_key; /* lutra_object_key() under the policy */
	/*
	 * The components, leaf first, eight bytes a word. The last word of each has at least one
	 * byte of zeros at its end, so that no two paths have the same words.
	 */
	__u64 word[OPEN_CACHE_WORDS];
};
_Static_assert(sizeof(struct lutra_cached_open) == 256, "four lines of a cache");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* begins at a page, so that values do at a line */
	__uint(max_entries, 1 << OPEN_CACHE_BITS);
	__type(key, __u32);
	__type(value, struct lutra_cached_open);
} open_cache SEC(".maps") __weak;

/* Returns word i of a name of len bytes, with zeros for the bytes behind its end. */
static __always_inline __u64 name_word(__u64 w, __u32 len, __u32 i)
{
	__u32 rest = len - 8 * i, whole = (7 - rest) >> 31;

	/* Without a branch: the verifier would walk both ways of it. */
	LUTRA_OPAQUE(whole);
	return w & (((1ull << (rest & 7) * 8) - 1) | (0ull - whole));
}

/* Compares a dentry's name with the words from pos on. Returns their end, or 0 if they differ. */
static __always_inline __u32 match_cached_name(const struct lutra_cached_open *k, __u64 dentry,
					       __u32 pos)
{
	__u32 len = (__u32)KERNEL_FIELD(dentry, struct dentry, d_name.len);
	__u64 name = KERNEL_FIELD(dentry, struct dentry, d_name.name);

	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u64 at = pos++;

		LUTRA_OPAQUE(at);
		if (at >= OPEN_CACHE_WORDS ||
		    k->word[at] != name_word(kernel_u64(name + 8 * i), len, i))
			return 0;
		if (len < 8 * (i + 1))
			return pos;
	}
	return 0;
}

/* Returns true if the names from a dentry on a mount up to the container's root are those of k. */
static __always_inline bool is_cached_path(const struct lutra_cached_open *k,
					   const struct lutra_task *e, __u64 dentry, __u64 mnt)
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
		pos = match_cached_name(k, dentry, pos);
		if (!pos)
			return false;
		pos += LUTRA_ZERO;
		dentry = KERNEL_FIELD(dentry, struct dentry, d_parent);
	}
	return false;
}

/*
 * Scores a cached open by level M, as object_score() does. Returns false, and leaves the state of
 * the task as it is, if the caller must judge the open in full: a pair has a weight, or the task's
 * state belongs to another policy.
 */
static __always_inline bool open_cache_score(struct lutra_task *e, const struct lutra_scratch *s,
					     const struct lutra_policy *p, __u32 object_key)
{
	const struct lutra_m_state before = e->state.m;
	struct lutra_token_score score;

	if (!lutra_has_level(p) || s->flags & EVENT_WORKER || e->nr == LUTRA_NR_NONE)
		return true;
	if (e->version != p->version)
		return false;
	if (!lutra_score_object(&e->state, p, object_key, NULL, NULL, &score))
		return true;
	if (!lutra_m_known(&score.m)) {
		e->state.m = before;
		return false;
	}
	lutra_history_add(e->history, &e->state, LUTRA_HISTORY_OBJECT | object_key, &score);
	return true;
}

/*
 * Returns true if the open of a file with flags LUTRA_OBJ_* is cached, and then scores and counts
 * the open. If it returns false, the caller judges the open, and s->open_cache says where
 * open_cache_add() may put it.
 */
static __always_inline bool open_cache_has(struct lutra_task *e, struct lutra_scratch *s,
					   __u64 file, __u32 flags)
{
	__u64 dentry = KERNEL_FIELD(file, struct file, f_path.dentry), key;
	struct lutra_slot *slot = slot_get(e->slot);
	struct lutra_policy *p = policy_get(e->slot);
	struct lutra_cached_open *k;
	__u32 at = (__u32)dentry * 0x9e3779b1u, seq, object_key;

	if (!slot || !p || slot->mode == LUTRA_MODE_LEARN || slot->flags & LUTRA_SLOT_RECORD ||
	    !has_no_active_verdict(e, slot))
		return false;
	key = open_key(
		e->slot, p->version, e->state.role,
		(__u32)KERNEL_FIELD(KERNEL_FIELD(file, struct file, f_inode), struct inode, i_mode),
		flags);
	at = (at ^ (__u32)key * 0x85ebca6bu) >> (32 - OPEN_CACHE_BITS);
	k = bpf_map_lookup_elem(&open_cache, &at);
	if (!k)
		return false;
	seq = k->seq;
	compiler_barrier();
	if (!(seq & 1) && k->key == key && k->dentry == dentry &&
	    is_cached_path(k, e, dentry,
			   KERNEL_FIELD(file, struct file, f_path.mnt) -
				   bpf_core_field_offset(struct mount, mnt))) {
		object_key = k->object_key & (LUTRA_KEYS - 1);
		compiler_barrier();
		if (k->seq == seq) {
			if (!open_cache_score(e, s, p, object_key))
				return false;
			counter_add(e->slot, LUTRA_COUNTER_OBJECTS);
			return true;
		}
	}
	if (k->key && !(k->key == key && k->dentry == dentry) &&
	    ++k->others & (OPEN_CACHE_EVICT_AFTER - 1))
		return false;
	s->open_cache.index = at + 1;
	s->open_cache.key = key;
	s->open_cache.dentry = dentry;
	return false;
}

/* Writes component c of a path behind pos words of k. Returns how many words there are then. */
__noinline int open_cache_write(struct lutra_cached_open *k, const struct lutra_path *path, __u32 c,
				__u32 pos)
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
		if (i > len / 8 || at >= OPEN_CACHE_WORDS)
			break;
		k->word[at] = name_word(LUTRA_LOAD64(name->s + 8 * i), len, i);
	}
	return (int)(pos + len / 8 + 1);
}

/*
 * Caches the open in s, which open_cache_has() did not find, if it was judged known by the same
 * policy and in the same role.
 */
__noinline int open_cache_add(struct lutra_scratch *s)
{
	struct lutra_cached_open *k;
	__u32 at, seq, words = 0, n = 0;

	if (!s)
		return 0;
	for (__u32 i = 0; i < LUTRA_COMPONENTS; i++)
		words += i < s->path.n ? s->path.len[i] / 8 + 1 : 0;
	if (words > OPEN_CACHE_WORDS)
		return 0;
	at = s->open_cache.index - 1;
	k = bpf_map_lookup_elem(&open_cache, &at);
	if (!k || s->open_cache.key != s->known_key || s->path.flags ||
	    s->path.n > LUTRA_COMPONENTS)
		return 0;
	seq = k->seq;
	if (seq & 1 || __sync_val_compare_and_swap(&k->seq, seq, seq + 1) != seq)
		return 0;
	for (__u32 i = 0; i < LUTRA_COMPONENTS; i++) {
		if (i >= s->path.n)
			break;
		n = open_cache_write(k, &s->path, i, n);
	}
	k->n = n;
	k->object_key = s->object_key;
	k->dentry = s->open_cache.dentry;
	k->key = s->open_cache.key;
	compiler_barrier();
	k->seq = seq + 2;
	return 0;
}

#endif
