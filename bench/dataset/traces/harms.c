/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what an attack did, and finds operations by their patterns. */
#include "bench/dataset/traces/harms.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lutra/object_token.h"

#define ADDRESS_TEXT (INET6_ADDRSTRLEN + 8)

/* Words that stand for several operations, or for some of one. */
static const struct harm words[] = {
	{.text = "call"},
	{.text = "read", .ops = 1u << LUTRA_OP_OPEN, .read = true},
	{.text = "write", .ops = 1u << LUTRA_OP_OPEN, .write = true},
	{.text = "rename", .ops = 1u << LUTRA_OP_RENAME_FROM | 1u << LUTRA_OP_RENAME_TO},
	{.text = "link", .ops = 1u << LUTRA_OP_LINK_FROM | 1u << LUTRA_OP_LINK_TO},
};

static int parse_operation(const char *word, struct harm *ret)
{
	unsigned op;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].text, word) == 0) {
			*ret = words[i];
			return 0;
		}
	}
	if (op_parse(word, &op) < 0)
		return -EINVAL;
	*ret = (struct harm){.ops = 1u << op, .read = true, .write = true};
	return 0;
}

static int parse_harm(const char *text, struct harm *ret, struct err *err)
{
	const char *space = strchr(text, ' ');
	char word[32];

	if (!space || !space[1] || space - text >= (ptrdiff_t)sizeof(word))
		return err_set(err, -EBADMSG, "harm \"%.200s\": give OPERATION PATTERN", text);
	snprintf(word, sizeof(word), "%.*s", (int)(space - text), text);
	if (parse_operation(word, ret) < 0)
		return err_set(
			err, -EINVAL,
			"harm \"%.200s\": no operation %s; name read, write, call, or one of "
			"`lutra trace cat`",
			text, word);
	ret->text = text;
	ret->pattern = space + 1;
	return 0;
}

int attack_read(struct attack *ret, const char *path, struct err *err)
{
	json_int_t begin, end;
	json_t *harms, *harm;
	json_error_t why;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->json = json_load_file(path, 0, &why);
	if (!ret->json)
		return err_set(err, -EBADMSG, "%s: not JSON: %s", path, why.text);
	if (json_unpack_ex(ret->json, &why, JSON_STRICT, "{s:s, s:I, s:I, s:o}", "name", &ret->name,
			   "begin_ns", &begin, "end_ns", &end, "harms", &harms) < 0)
		return err_set(err, -EBADMSG, "%s: not an attack: %s", path, why.text);
	if (begin < 0 || end < begin || !json_is_array(harms))
		return err_set(err, -EBADMSG,
			       "%s: not an attack: it ends before it begins, or harms is no list",
			       path);
	ret->begin_ns = (uint64_t)begin;
	ret->end_ns = (uint64_t)end;
	ret->harm = calloc(json_array_size(harms) + 1, sizeof(*ret->harm));
	if (!ret->harm)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < json_array_size(harms); i++) {
		harm = json_array_get(harms, i);
		if (!json_is_string(harm))
			return err_set(err, -EBADMSG, "%s: a harm is no text", path);
		r = parse_harm(json_string_value(harm), &ret->harm[ret->n_harms++], err);
	}
	return r;
}

void attack_done(struct attack *a)
{
	free(a->harm);
	json_decref(a->json);
	memset(a, 0, sizeof(*a));
}

/*
 * Writes ADDRESS:PORT. Of an IPv6 address the record has the last four bytes: an address that is not
 * ::1 or :: is written as the IPv4 address that is mapped to it.
 */
static void address_text(const struct lutra_object *o, char ret[static ADDRESS_TEXT])
{
	const uint8_t *a = o->addr + (o->family == LUTRA_AF_INET6 ? 12 : 0);
	bool is_mapped = a[0] | a[1] | a[2];

	if (o->family == LUTRA_AF_INET6 && !is_mapped)
		snprintf(ret, ADDRESS_TEXT, "[::%.0u]:%u", a[3], o->port);
	else
		snprintf(ret, ADDRESS_TEXT, "%u.%u.%u.%u:%u", a[0], a[1], a[2], a[3], o->port);
}

static bool object_matches(const struct harm *h, const struct lutra_record *rec, const char *str)
{
	char address[ADDRESS_TEXT];
	struct lutra_object o;

	lutra_object_unpack(rec, &o);
	if (!(h->ops >> (o.op & 31) & 1))
		return false;
	if (o.op == LUTRA_OP_OPEN && !(o.flags & LUTRA_OBJ_WRITE ? h->write : h->read))
		return false;
	if (o.family == LUTRA_AF_INET || o.family == LUTRA_AF_INET6) {
		address_text(&o, address);
		str = address;
	}
	return fnmatch(h->pattern, str ? str : "", 0) == 0;
}

bool harm_matches(const struct harm *h, const char *arch, const struct lutra_record *rec,
		  const char *str)
{
	char name[SYSCALL_NAME];

	if (rec->type == LUTRA_RECORD_OBJECT && h->ops)
		return object_matches(h, rec, str);
	return rec->type == LUTRA_RECORD_SYSCALL && !h->ops &&
	       fnmatch(h->pattern, syscall_name(arch, rec->nr, name, sizeof(name)), 0) == 0;
}
