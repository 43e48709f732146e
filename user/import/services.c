/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of services: packed records of 32 bytes, strings one a line, both compressed, and
 * labels in JSON. One run is SVC.RUN.raw.zst, SVC.RUN.raw.str.zst, SVC.RUN.json.
 */
#include "user/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/file.h"
#include "lutra/score.h"

#define RAW_MAX (2ull << 30) /* unpacked, of either file */
#define PACKED_MAX (256u << 20)
#define LABELS_MAX (1u << 20)
#define SUFFIX ".raw.zst"
#define MARKS_MAX 64
#define RECORDS_SHOWN 65536 /* records between two looks at the clock */

#define NR_MMAP 9
#define NR_MPROTECT 10
#define NR_SOCKET 41
#define NR_SOCKETPAIR 53
#define PROT_WX 6

/* Object events of the recording, by number. */
enum { OP_OPEN = 1, OP_EXEC = 2, OP_MAPX = 4, OP_CONNECT = 5, OP_BIND = 6, OP_SEND = 7 };
#define OP_FIRST_PATH 10
#define OP_LAST 32

static const uint8_t path_ops[OP_LAST + 1] = {
	[10] = LUTRA_OP_UNLINK,	   [11] = LUTRA_OP_RENAME_FROM, [12] = LUTRA_OP_RENAME_TO,
	[13] = LUTRA_OP_LINK_FROM, [14] = LUTRA_OP_LINK_TO,	[16] = LUTRA_OP_SYMLINK,
	[17] = LUTRA_OP_MKDIR,	   [18] = LUTRA_OP_RMDIR,	[19] = LUTRA_OP_CHMOD,
	[20] = LUTRA_OP_CHOWN,	   [21] = LUTRA_OP_TRUNCATE,	[22] = LUTRA_OP_MKNOD,
	[27] = LUTRA_OP_CHDIR,	   [28] = LUTRA_OP_SETXATTR,	[31] = LUTRA_OP_CHMOD,
	[32] = LUTRA_OP_CHOWN,
};

#define ACCESS_WRITE (2 | 4 | 8 | 16) /* write, append, create, truncate */
#define ACCESS_PATH 128

/* A record as it lies in the file. */
struct raw {
	uint64_t ts;
	uint32_t tid;
	uint32_t tgid;
	uint16_t nr;
	uint16_t type;
	uint32_t aux;
	uint64_t arg;
};
_Static_assert(sizeof(struct raw) == 32, "record layout");

enum { RAW_CALL, RAW_FORK, RAW_EXEC, RAW_EXIT, RAW_MARKER, RAW_FLAG, RAW_OBJECT };

struct line {
	const char *s;
	size_t len;
};

struct mark {
	uint64_t ts;
	uint16_t aux; /* enum lutra_mark */
	const char *name;
};

struct input {
	const char *path;
	struct raw *raw;
	size_t n;
	char *text; /* of the strings */
	struct line *lines;
	size_t n_lines;
	json_t *labels;
	struct mark marks[MARKS_MAX];
	size_t n_marks;
	uint32_t root; /* tid of the attacked task; 0: no attack */
};

static void input_done(struct input *in)
{
	free(in->raw);
	free(in->text);
	free(in->lines);
	json_decref(in->labels);
}

/* ---- reading ---- */

struct stream {
	ZSTD_DStream *z;
	ZSTD_outBuffer out;
};

static void stream_done(struct stream *st)
{
	ZSTD_freeDStream(st->z);
	free(st->out.dst);
}

/* Room for more, a NUL at the least. */
static int stream_grow(struct stream *st, const char *path, struct err *err)
{
	size_t size = st->out.size ? 2 * st->out.size : 1u << 20;
	void *p;

	if (st->out.pos < st->out.size)
		return 0;
	if (size > RAW_MAX)
		return err_set(err, -EFBIG, "%s: unpacks to more than 2 GiB", path);
	p = realloc(st->out.dst, size);
	if (!p)
		return err_oom(err);
	st->out.dst = p;
	st->out.size = size;
	return 0;
}

/* Unpack a whole file. *ret has one byte more, a NUL. */
static int unpack(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_(stream_done) struct stream st = {.z = ZSTD_createDStream()};
	_cleanup_free_ char *packed = NULL;
	ZSTD_inBuffer in = {};
	size_t rest = 1;
	int r = file_read(AT_FDCWD, path, PACKED_MAX, &packed, &in.size, err);

	if (r < 0)
		return r;
	in.src = packed;
	while (st.z && (in.pos < in.size || rest)) {
		r = stream_grow(&st, path, err);
		if (r < 0)
			return r;
		rest = ZSTD_decompressStream(st.z, &st.out, &in);
		if (ZSTD_isError(rest))
			return err_set(err, -EBADMSG, "%s: byte %zu: %s", path, in.pos,
				       ZSTD_getErrorName(rest));
		if (rest && in.pos == in.size && st.out.pos < st.out.size)
			return err_set(err, -EBADMSG, "%s: byte %zu: cut off", path, in.pos);
	}
	if (!st.z || stream_grow(&st, path, err) < 0)
		return err_oom(err);
	*ret = TAKE_PTR(st.out.dst);
	(*ret)[st.out.pos] = '\0';
	*ret_len = st.out.pos;
	return 0;
}

/* A record's place: by its time, then as it came. */
struct order {
	uint64_t ts;
	size_t i;
};

static int compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* The records in the order of their times: the ring had them almost so. */
static int sort(struct input *in, struct err *err)
{
	_cleanup_free_ struct order *at = calloc(in->n + 1, sizeof(*at));
	_cleanup_free_ struct raw *sorted = calloc(in->n + 1, sizeof(*sorted));

	if (!at || !sorted)
		return err_oom(err);
	for (size_t i = 0; i < in->n; i++)
		at[i] = (struct order){in->raw[i].ts, i};
	qsort(at, in->n, sizeof(*at), compare);
	for (size_t i = 0; i < in->n; i++)
		sorted[i] = in->raw[at[i].i];
	free(in->raw);
	in->raw = TAKE_PTR(sorted);
	return 0;
}

static int split_lines(struct input *in, size_t len, struct err *err)
{
	size_t n = 1, pos = 0;

	for (size_t i = 0; i < len; i++)
		n += in->text[i] == '\n';
	in->lines = calloc(n, sizeof(*in->lines));
	if (!in->lines)
		return err_oom(err);
	while (pos < len) {
		const char *end = memchr(in->text + pos, '\n', len - pos);
		size_t stop = end ? (size_t)(end - in->text) : len;

		in->lines[in->n_lines++] = (struct line){in->text + pos, stop - pos};
		pos = stop + 1;
	}
	return 0;
}

static int add_mark(struct input *in, json_t *ts, uint16_t aux, const char *name)
{
	if (!json_is_integer(ts) || json_integer_value(ts) < 0 || in->n_marks == MARKS_MAX)
		return -EBADMSG;
	in->marks[in->n_marks++] =
		(struct mark){(uint64_t)json_integer_value(ts), aux, name ? name : ""};
	return 0;
}

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

/* Onset, harmful calls and end of an attack, from the labels; none where there is no attack. */
static int find_marks(struct input *in)
{
	json_t *label = json_object_get(in->labels, "label"), *e;
	json_t *root = json_object_get(label, "root"), *harm = json_object_get(label, "harm");
	size_t i;
	int r;

	if (!json_is_object(label))
		return 0;
	if (!json_is_integer(root) || json_integer_value(root) <= 0)
		return -EBADMSG;
	in->root = (uint32_t)json_integer_value(root);
	r = add_mark(in, json_object_get(label, "onset"), LUTRA_MARK_ATTACK_ONSET, NULL);
	json_array_foreach (harm, i, e) {
		if (r == 0)
			r = add_mark(in, json_array_get(e, 1), LUTRA_MARK_HARM,
				     json_string_value(json_array_get(e, 0)));
	}
	json_array_foreach (json_object_get(in->labels, "events"), i, e) {
		const char *name = json_string_value(json_array_get(e, 0));

		if (r == 0 && name && strcmp(name, "attack_end") == 0)
			r = add_mark(in, json_array_get(e, 1), LUTRA_MARK_ATTACK_END, NULL);
	}
	qsort(in->marks, in->n_marks, sizeof(in->marks[0]), compare_marks);
	return r;
}

static int read_labels(struct input *in, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t je;
	size_t len;
	int r = file_read(AT_FDCWD, path, LABELS_MAX, &text, &len, err);

	if (r < 0)
		return r;
	in->labels = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!in->labels)
		return err_set(err, -EBADMSG, "%s: line %d: %s", path, je.line, je.text);
	if (find_marks(in) < 0)
		return err_set(err, -EBADMSG, "%s: label: no onset, root, or times", path);
	return 0;
}

static int read_all(struct input *in, struct err *err)
{
	size_t stem = strlen(in->path), len = 0;
	char path[4096];
	int r;

	if (stem < sizeof(SUFFIX) || strcmp(in->path + stem - sizeof(SUFFIX) + 1, SUFFIX) != 0)
		return err_set(err, -EINVAL, "%s: not SVC.RUN" SUFFIX, in->path);
	stem -= sizeof(SUFFIX) - 1;
	if (stem + sizeof(".raw.str.zst") > sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: name too long", in->path);
	r = unpack(in->path, (char **)&in->raw, &len, err);
	if (r < 0)
		return r;
	if (len % sizeof(struct raw) != 0)
		return err_set(err, -EBADMSG, "%s: byte %zu: half a record", in->path,
			       len - len % sizeof(struct raw));
	in->n = len / sizeof(struct raw);
	snprintf(path, sizeof(path), "%.*s.raw.str.zst", (int)stem, in->path);
	r = unpack(path, &in->text, &len, err);
	if (r == 0)
		r = split_lines(in, len, err);
	snprintf(path, sizeof(path), "%.*s.json", (int)stem, in->path);
	if (r == 0)
		r = read_labels(in, path, err);
	return r == 0 ? sort(in, err) : r;
}

/* ---- records ---- */

static void address(struct lutra_object *o, uint64_t arg)
{
	uint32_t ip = (uint32_t)(arg >> 32);

	o->family = (uint8_t)(arg >> 8);
	o->port = (uint16_t)(arg >> 16);
	if (o->family == LUTRA_AF_INET) {
		memcpy(o->addr, &ip, 4);
		o->addr_class = lutra_addr4_class(o->addr);
	} else if (o->family == LUTRA_AF_INET6) {
		memcpy(o->addr + 12, &ip, 4); /* all that was kept */
		o->addr_class = lutra_addr6_class(o->addr);
	} else {
		o->port = 0;
		o->flags = o->family == LUTRA_AF_UNIX ? LUTRA_OBJ_PATH : 0;
	}
}

/* An operation on a name; false: no hook would have seen it. */
static bool path_operation(struct lutra_object *o, uint64_t arg)
{
	unsigned op = arg & 255, error = (unsigned)(arg >> 56);

	if (op > OP_LAST || !path_ops[op] ||
	    (error && error != EPERM && error != EACCES && error != EROFS))
		return false;
	o->op = path_ops[op];
	o->flags = LUTRA_OBJ_PATH;
	if ((o->op == LUTRA_OP_CHMOD || o->op == LUTRA_OP_MKNOD) && arg >> 16 & 06111)
		o->flags |= LUTRA_OBJ_XBIT;
	return true;
}

/* The object of a raw record; false: none that a hook would have seen. */
static bool object_of(const struct raw *raw, struct lutra_object *ret)
{
	unsigned access = (unsigned)(raw->arg >> 8) & 255;

	memset(ret, 0, sizeof(*ret));
	ret->flags = LUTRA_OBJ_PATH;
	ret->mode = (uint16_t)(raw->arg >> 16);
	switch (raw->arg & 255) {
	case OP_OPEN:
		ret->op = LUTRA_OP_OPEN;
		ret->flags |= access & ACCESS_WRITE ? LUTRA_OBJ_WRITE : 0;
		return !(access & ACCESS_PATH);
	case OP_EXEC:
		ret->op = LUTRA_OP_EXEC;
		ret->flags |= access ? LUTRA_OBJ_FRESH : 0;
		return true;
	case OP_MAPX:
		ret->op = LUTRA_OP_MAPX;
		return true;
	case OP_CONNECT:
	case OP_BIND:
	case OP_SEND:
		memset(ret, 0, sizeof(*ret));
		ret->op = (uint8_t)(LUTRA_OP_CONNECT + (raw->arg & 255) - OP_CONNECT);
		address(ret, raw->arg);
		return true;
	default:
		return path_operation(ret, raw->arg);
	}
}

static int put_object(struct trace_writer *w, const struct input *in, const struct raw *raw,
		      struct lutra_record *rec)
{
	const struct line *line = raw->aux < in->n_lines ? &in->lines[raw->aux] : NULL;
	char abstract[LUTRA_STRING_MAX + 3];
	struct lutra_object o;

	if (!object_of(raw, &o))
		return 0;
	rec->type = LUTRA_RECORD_OBJECT;
	lutra_object_pack(&o, rec);
	if (!(o.flags & LUTRA_OBJ_PATH) || !line)
		return trace_writer_add(w, rec, NULL, 0);
	if (o.family == LUTRA_AF_UNIX && line->len && line->s[0] == '@') {
		snprintf(abstract, sizeof(abstract), "//%.*s", (int)line->len, line->s);
		return trace_writer_add(w, rec, abstract, strlen(abstract));
	}
	return trace_writer_add(w, rec, line->s, line->len);
}

/* A call, and the object of one that maps memory writable and executable. */
static int put_call(struct trace_writer *w, const struct raw *raw, struct lutra_record *rec)
{
	struct lutra_object wx = {.op = LUTRA_OP_WX, .mode = raw->nr};
	int r;

	rec->type = LUTRA_RECORD_SYSCALL;
	rec->arg = raw->arg;
	/* They have the family in 16 bits, the type behind it. */
	if (raw->nr == NR_SOCKET || raw->nr == NR_SOCKETPAIR)
		rec->arg = (raw->arg & 0xffff) | raw->arg >> 16 << 32;
	r = trace_writer_add(w, rec, NULL, 0);
	if (r < 0 || (raw->nr != NR_MMAP && raw->nr != NR_MPROTECT) ||
	    (raw->arg & PROT_WX) != PROT_WX)
		return r;
	rec->type = LUTRA_RECORD_OBJECT;
	lutra_object_pack(&wx, rec);
	return trace_writer_add(w, rec, NULL, 0);
}

static int put(struct trace_writer *w, const struct input *in, const struct raw *raw)
{
	struct lutra_record rec = {
		.ts_ns = raw->ts, .tid = raw->tid, .tgid = raw->tgid, .nr = raw->nr};

	switch (raw->type) {
	case RAW_CALL:
		return put_call(w, raw, &rec);
	case RAW_FORK:
		rec.type = LUTRA_RECORD_FORK;
		rec.arg = raw->aux | (uint64_t)(raw->nr ? raw->tgid : raw->aux) << 32;
		break;
	case RAW_EXEC:
		rec.type = LUTRA_RECORD_EXEC;
		break;
	case RAW_EXIT:
		rec.type = LUTRA_RECORD_EXIT;
		break;
	case RAW_OBJECT:
		return put_object(w, in, raw, &rec);
	default:
		return raw->type == RAW_MARKER || raw->type == RAW_FLAG ? 0 : -EBADMSG;
	}
	return trace_writer_add(w, &rec, NULL, 0);
}

static int put_marks(struct trace_writer *w, const struct input *in, uint64_t until, size_t *at)
{
	int r = 0;

	for (; r == 0 && *at < in->n_marks && in->marks[*at].ts <= until; ++*at) {
		const struct mark *m = &in->marks[*at];
		const struct lutra_record rec = {.ts_ns = m->ts,
						 .tid = in->root,
						 .tgid = in->root,
						 .type = LUTRA_RECORD_MARK,
						 .aux = m->aux};

		r = trace_writer_add(w, &rec, *m->name ? m->name : NULL, strlen(m->name));
	}
	return r;
}

static int check_types(const struct input *in, struct err *err)
{
	for (size_t i = 0; i < in->n; i++) {
		if (in->raw[i].type > RAW_OBJECT)
			return err_set(err, -EBADMSG, "%s: record %zu: unknown type %u", in->path,
				       i, in->raw[i].type);
	}
	return 0;
}

static int write_all(const struct input *in, const struct import_options *o, struct err *err)
{
	const char *output = o->output, *image = o->image;
	_cleanup_(trace_writer_freep) struct trace_writer *w = NULL;
	char service[64] = "", host[] = "", kernel[] = "", arch[] = "x86_64", source[] = "services";
	const char *base = strrchr(in->path, '/');
	struct trace_meta meta = {.container_id = service,
				  .host = host,
				  .kernel = kernel,
				  .arch = arch,
				  .source = source,
				  .start_monotonic_ns = in->n ? in->raw[0].ts : 0,
				  .ops = 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC |
					 1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_BIND |
					 1u << LUTRA_OP_SEND | 1u << LUTRA_OP_MAPX |
					 1u << LUTRA_OP_WX};
	char name[256];
	size_t at = 0;
	int r;

	base = base ? base + 1 : in->path;
	snprintf(service, sizeof(service), "%.*s", (int)strcspn(base, "."), base);
	snprintf(name, sizeof(name), "%s", *image ? image : service);
	meta.image = name;
	for (size_t op = 0; op <= OP_LAST; op++)
		meta.ops |= path_ops[op] ? 1u << path_ops[op] : 0;
	r = trace_writer_new(&w, output, &meta, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < in->n; i++) {
		if (i % RECORDS_SHOWN == 0)
			progress_show(o->progress, "importing", (double)i / (double)in->n);
		r = put_marks(w, in, in->raw[i].ts, &at);
		if (r == 0)
			r = put(w, in, &in->raw[i]);
	}
	if (r == 0)
		r = put_marks(w, in, UINT64_MAX, &at);
	if (r < 0)
		err_set(err, r, "%s: cannot be written: %s", output, strerror(-r));
	else
		r = trace_writer_close(TAKE_PTR(w), 0, err);
	if (r < 0)
		unlink(output);
	return r;
}

int import_services(const struct import_options *o, struct import_result *ret, struct err *err)
{
	_cleanup_(input_done) struct input in = {.path = o->paths[0]};
	int r;

	memset(ret, 0, sizeof(*ret));
	if (o->n != 1)
		return err_set(err, -EINVAL, "format services takes one recording: each is a run");
	r = read_all(&in, err);
	if (r == 0)
		r = check_types(&in, err);
	return r == 0 ? write_all(&in, o, err) : r;
}
