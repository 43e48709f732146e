/* SPDX-License-Identifier: Apache-2.0 */
/* A direct-mapped table of judgements: a new one replaces the old one of its entry. */
#include "lib/replay/judgement_cache.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/path_text.h"

static void judge_object_record(const struct lutra_policy *image, const struct lutra_record *rec,
				const char *str, size_t str_len, const struct judgement_task *task,
				struct cached_judgement *ret)
{
	struct lutra_key_search search = {};
	struct lutra_path path = {};
	char fold[LUTRA_NAME];

	memset(ret, 0, sizeof(*ret));
	lutra_object_unpack(rec, &ret->object);
	if (ret->object.flags & LUTRA_OBJ_PATH)
		path_text_parse(str_len ? str : "", str_len, &path);
	lutra_judge_object(image, &ret->object, &path, task->role, fold, &ret->judgement);
	lutra_judge_starter(image, &ret->object, task->program, task->role, &ret->judgement);
	if (lutra_has_level(image))
		ret->key = (uint8_t)lutra_object_key(image, &ret->object, &path, &search);
	if (ret->judgement.kind != LUTRA_KIND_KNOWN)
		ret->reported_key = lutra_reported_key(image, &ret->object, &path,
						       ret->judgement.rule | (__u32)task->role << 8,
						       &(struct lutra_name){});
}

/* Returns the entry of a key, by a hash. The caller compares the key. */
static size_t entry_index(uint64_t arg, uint64_t rest, const char *str, size_t len)
{
	uint64_t h = (arg ^ rest << 7) * 0x9e3779b97f4a7c15ull;

	for (; len; str += 8) {
		uint64_t word = 0;
		size_t n = len < 8 ? len : 8;

		memcpy(&word, str, n);
		h = (h ^ h >> 29 ^ word) * 0x9e3779b97f4a7c15ull;
		len -= n;
	}
	return h >> (64 - JUDGEMENT_CACHE_BITS);
}

const struct cached_judgement *judgement_cache_get(struct judgement_cache *j,
						   const struct lutra_policy *image,
						   const struct lutra_record *rec, const char *str,
						   size_t str_len,
						   const struct judgement_task *task)
{
	struct judgement_entry *e;
	uint64_t rest;

	if (!str)
		str_len = 0;
	rest = rec->aux | (uint64_t)(task->role & 7) << 16 | (uint64_t)str_len << 32 | 1ull << 63;
	if ((uint8_t)rec->arg == LUTRA_OP_EXEC)
		rest |= (uint64_t)(task->program & (LUTRA_NODES - 1)) << 20;
	if (str_len > JUDGEMENT_CACHE_STRING) {
		judge_object_record(image, rec, str, str_len, task, &j->unkept);
		return &j->unkept;
	}
	e = &j->entry[entry_index(rec->arg, rest, str, str_len)];
	if (e->arg == rec->arg && e->rest == rest &&
	    (!str_len || memcmp(e->str, str, str_len) == 0))
		return &e->what;
	judge_object_record(image, rec, str, str_len, task, &e->what);
	e->arg = rec->arg;
	e->rest = rest;
	if (str_len)
		memcpy(e->str, str, str_len);
	return &e->what;
}
