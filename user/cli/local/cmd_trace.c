/* SPDX-License-Identifier: Apache-2.0 */
/* lutra trace: prints traces as a summary or record by record, verifies and merges them. */
#include "lib/abi/names.h"
#include "lib/abi/op_set.h"
#include "lib/abi/socket_kind.h"
#include "lib/abi/syscalls.h"
#include "lib/base/output.h"
#include "lib/trace/trace.h"
#include "lutra/score.h"
#include "lutra/transfer.h"
#include "user/cli/cli.h"
#include "lib/trace/trace_merge.h"
#include "user/sys/clock.h"

struct trace_args {
	const char *output;
	bool json, force;
	struct args_list args; /* the verb, and files */
	const char *verb;
	char **files;
	int n_files;
};

static const struct args_option options[] = {
	CLI_OPTION_JSON(struct trace_args),
	CLI_OPTION_OUTPUT(struct trace_args, output, "merge: trace to write; - is standard output"),
	CLI_OPTION_REPLACE(struct trace_args),
	{},
};

static error_t check_trace_args(struct argp_state *state, void *ret)
{
	static const char *const verbs[] = {"info", "cat", "merge", "verify"};
	struct trace_args *a = ret;
	bool merge;

	if (!a->args.n)
		return args_usage(state, "give info, cat, merge or verify, and files");
	a->verb = a->args.arg[0];
	a->files = a->args.arg + 1;
	a->n_files = a->args.n - 1;
	merge = strcmp(a->verb, "merge") == 0;
	if (!TEXT_IS_IN(a->verb, verbs))
		return args_unknown(state, "verb", a->verb, verbs, 4, sizeof(verbs[0]));
	if (a->n_files == 0)
		return args_usage(state, "no trace given");
	if (merge != (a->output != NULL))
		return args_usage(state, merge ? "merge needs -o FILE" : "-o goes with merge only");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "info|cat|merge|verify FILE…",
	.doc = "Inspect, merge or verify traces."
	       "\vinfo: show where a trace was recorded and what it holds. cat: print each record. "
	       "verify: exit with status 1 if a trace is incomplete. merge: join traces of one run "
	       "by time.",
	.max = INT_MAX,
	.list = offsetof(struct trace_args, args),
	.check = check_trace_args,
};

/* What a trace holds. */
struct summary {
	uint64_t n[LUTRA_RECORD_COUNT];
	uint64_t first_ns, last_ns;
	uint64_t lost;
	bool ended;
	char partial[CLI_TEXT]; /* why it is only a part of a run; "": it is not known to be */
};

static void summary_add(struct summary *s, const struct lutra_record *rec, const char *str,
			size_t len)
{
	s->n[rec->type]++;
	if (rec->type == LUTRA_RECORD_MARK && rec->aux == LUTRA_MARK_PARTIAL && !s->partial[0])
		text_clean(str ? str : "", str ? len : 0, s->partial, sizeof(s->partial));
	if (rec->type == LUTRA_RECORD_MARK && rec->aux == LUTRA_MARK_END) {
		s->ended = true;
		s->lost = rec->arg;
		return;
	}
	if (!s->first_ns || rec->ts_ns < s->first_ns)
		s->first_ns = rec->ts_ns;
	if (rec->ts_ns > s->last_ns)
		s->last_ns = rec->ts_ns;
}

static json_t *info_json(const char *path, const struct trace_reader *r, const struct summary *s)
{
	const struct trace_meta *m = trace_reader_meta(r);
	const char *torn = trace_reader_torn(r);
	json_t *records = json_object();

	for (unsigned t = 0; t < LUTRA_RECORD_COUNT; t++)
		json_object_set_new(records, record_type_name(t),
				    json_integer((json_int_t)s->n[t]));
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:f, s:o, s:o, s:b, "
			 "s:I, s:o, s:o}",
			 "file", text_json_keep(path), "format", (json_int_t)TRACE_FORMAT_VERSION,
			 "image", text_json_keep(m->image), "container_id",
			 text_json_keep(m->container_id), "host", text_json_keep(m->host), "kernel",
			 text_json_keep(m->kernel), "arch", text_json_keep(m->arch), "source",
			 text_json_keep(m->source), "start_realtime_ns",
			 (json_int_t)m->start_realtime_ns, "start_monotonic_ns",
			 (json_int_t)m->start_monotonic_ns, "seconds",
			 (double)(s->last_ns - s->first_ns) / 1e9, "ops", op_set_to_json(m->ops),
			 "records", records, "whole", torn == NULL, "lost", (json_int_t)s->lost,
			 "torn", torn ? text_json_keep(torn) : json_null(), "partial",
			 s->partial[0] ? text_json_keep(s->partial) : json_null());
}

static void print_info(const char *path, const struct trace_reader *r, const struct summary *s)
{
	const struct trace_meta *m = trace_reader_meta(r);
	const char *torn = trace_reader_torn(r);
	char time[CLOCK_TEXT];

	printf("%s\n  image      %s\n  container  %s\n", path, *m->image ? m->image : "unknown",
	       *m->container_id ? m->container_id : "unknown");
	printf("  recorded   %s on %s, kernel %s, %s, from %s\n",
	       clock_format(m->start_realtime_ns, time), m->host, m->kernel, m->arch, m->source);
	printf("  length     %.3f s\n  records   ", (double)(s->last_ns - s->first_ns) / 1e9);
	for (unsigned t = 0; t < LUTRA_RECORD_COUNT; t++)
		printf(" %s %llu", record_type_name(t), (unsigned long long)s->n[t]);
	printf("\n  lost       %llu\n  format     %d\n", (unsigned long long)s->lost,
	       TRACE_FORMAT_VERSION);
	if (s->partial[0])
		printf("  partial    %s\n", s->partial);
	printf("  %s\n", torn ? torn : "whole");
}

/* Prints the bytes that a system call was asked to move: the bounds that their bits give. */
static void print_size(unsigned bits)
{
	if (bits == LUTRA_BITS_UNKNOWN)
		printf(" bytes unknown");
	else if (bits < 2)
		printf(" bytes %u", bits);
	else
		printf(" bytes %llu-%llu", 1ull << (bits - 1), (1ull << bits) - 1);
}

static void print_syscall(const char *arch, const struct lutra_record *rec)
{
	int protocol = lutra_protocol_unpack(rec);
	struct lutra_transfer t;
	char nr[32];

	printf("%s %#x %#x", syscall_name(arch, rec->nr, nr, sizeof(nr)), (unsigned)rec->arg,
	       (unsigned)(rec->arg >> 32));
	if (protocol >= 0)
		printf(" protocol %d", protocol);
	if (lutra_transfer_unpack(rec, &t)) {
		printf(" from %s to %s", descriptor_name(t.from), descriptor_name(t.to));
		print_size(t.bits);
	}
	putchar('\n');
}

static void print_object(const struct lutra_record *rec, const char *path)
{
	char kind[SOCKET_KIND_TEXT];
	struct lutra_object o;

	lutra_object_unpack(rec, &o);
	if (o.op == LUTRA_OP_SOCKET) {
		socket_kind_text(o.family, o.mode, o.port, kind);
		printf("%s %s", op_name(o.op), kind);
	} else if (o.family) {
		printf("%s %s %s port %u", op_name(o.op), family_name(o.family),
		       addr_class_name(o.addr_class), o.port);
		if (o.mode)
			printf(" %s", transport_name(o.mode));
	} else {
		printf("%s%s%s%s mode %06o", op_name(o.op),
		       o.flags & LUTRA_OBJ_WRITE ? " write" : "",
		       o.flags & LUTRA_OBJ_FRESH ? " fresh" : "",
		       o.flags & LUTRA_OBJ_UPDATED ? " updated" : "", o.mode);
	}
	if (lutra_object_layer(&o))
		printf(" layer %s", layer_name(lutra_object_layer(&o)));
	printf(" %s\n", path);
}

static void print_ipc(const char *arch, const struct lutra_record *rec)
{
	char nr[32];

	printf("%s key %#x owner %u ", syscall_name(arch, rec->nr, nr, sizeof(nr)),
	       (unsigned)rec->arg, (unsigned)(rec->arg >> 32));
	if (rec->aux)
		printf("asks %04o\n", rec->aux);
	else
		puts("controls");
}

/* Returns the role that an ARM record carries on, if accepts end the start-up; NULL: it says none. */
static const char *carried_role(const struct lutra_record *rec)
{
	unsigned role = rec->arg & 0xff;

	return rec->nr && role && role <= LUTRA_ROLE_ANY + 1 ? role_name(role - 1) : NULL;
}

static void print_arm(const struct lutra_record *rec, const char *program)
{
	const char *role = carried_role(rec);

	if (rec->aux)
		puts("exec-session");
	else if (rec->nr)
		printf("ran already, role %s%s%s\n", role ? role : role_name(LUTRA_ROLE_ANY),
		       *program ? ", " : "", program);
	else
		puts(program);
}

/* Prints what a record says of its type. */
static void print_record(const char *arch, const struct lutra_record *rec, const char *str,
			 size_t len)
{
	char path[1536] = "";

	if (str)
		text_clean(str, len, path, sizeof(path));
	switch (rec->type) {
	case LUTRA_RECORD_SYSCALL:
		print_syscall(arch, rec);
		break;
	case LUTRA_RECORD_ARM:
		print_arm(rec, path);
		break;
	case LUTRA_RECORD_EXEC:
		puts(rec->aux == LUTRA_EXEC_AGAIN ? "again" : "");
		break;
	case LUTRA_RECORD_FORK:
		printf("%s %u\n", rec->nr ? "thread" : "process", (unsigned)rec->arg);
		break;
	case LUTRA_RECORD_MARK:
		printf("%s %llu %s\n", mark_name(rec->aux), (unsigned long long)rec->arg, path);
		break;
	case LUTRA_RECORD_OBJECT:
		print_object(rec, path);
		break;
	case LUTRA_RECORD_IPC:
		print_ipc(arch, rec);
		break;
	default:
		puts(path);
	}
}

/* Adds in words what aux and the flags of an object say. */
static void add_detail(json_t *j, const struct lutra_record *rec)
{
	int protocol = lutra_protocol_unpack(rec);
	struct lutra_transfer t;
	struct lutra_object o;

	if (protocol >= 0)
		json_object_set_new(j, "protocol", json_integer(protocol));
	if (lutra_transfer_unpack(rec, &t)) {
		json_object_set_new(j, "from", json_string(descriptor_name(t.from)));
		json_object_set_new(j, "to", json_string(descriptor_name(t.to)));
		json_object_set_new(j, "size_bits",
				    t.bits == LUTRA_BITS_UNKNOWN ? json_null()
								 : json_integer(t.bits));
	}
	if (rec->type == LUTRA_RECORD_OBJECT) {
		lutra_object_unpack(rec, &o);
		json_object_set_new(j, "layer", json_string(layer_name(lutra_object_layer(&o))));
	}
	if (rec->type == LUTRA_RECORD_ARM) {
		const char *role = carried_role(rec);

		json_object_set_new(j, "exec_session", json_boolean(rec->aux));
		json_object_set_new(j, "role", role ? json_string(role) : json_null());
	}
}

static int cat_record(const struct trace_args *a, const char *arch, const struct lutra_record *rec,
		      const char *str, size_t len)
{
	char nr[32];
	json_t *j;

	if (!a->json) {
		printf("%llu.%09llu %u/%u %s ", (unsigned long long)(rec->ts_ns / NSEC_PER_SEC),
		       (unsigned long long)(rec->ts_ns % NSEC_PER_SEC), rec->tgid, rec->tid,
		       record_type_name(rec->type));
		print_record(arch, rec, str, len);
		return ferror(stdout) ? 1 : 0;
	}
	j = json_pack("{s:I, s:I, s:I, s:s, s:s, s:i, s:I, s:i, s:o}", "ts_ns",
		      (json_int_t)rec->ts_ns, "tid", (json_int_t)rec->tid, "tgid",
		      (json_int_t)rec->tgid, "type", record_type_name(rec->type), "call",
		      syscall_name(arch, rec->nr, nr, sizeof(nr)), "nr", rec->nr, "arg",
		      (json_int_t)rec->arg, "aux", rec->aux, "string",
		      str ? text_json(str, len) : json_null());
	add_detail(j, rec);
	return cli_print_json(j, false);
}

/* Runs cat, info or verify on a file. out: gets the answer of info and verify as JSON. */
static int read_trace(const struct trace_args *a, const char *path, json_t *out)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	bool cat = strcmp(a->verb, "cat") == 0, info = strcmp(a->verb, "info") == 0;
	const struct lutra_record *rec;
	struct summary s = {};
	const char *str, *torn;
	struct err err;
	size_t len;
	int e;

	if (trace_reader_new(&r, path, &err) < 0)
		return cli_fail(&err);
	while ((e = trace_reader_next(r, &rec, &str, &len)) == 1) {
		summary_add(&s, rec, str, len);
		if (cat && cat_record(a, trace_reader_meta(r)->arch, rec, str, len))
			return 1;
	}
	if (e < 0)
		return cli_failf("%s: %s", path, strerror(-e));
	torn = trace_reader_torn(r);
	if (a->json && !cat)
		json_array_append_new(out, info_json(path, r, &s));
	else if (info)
		print_info(path, r, &s);
	else if (!cat && !torn)
		printf("%s: whole\n", path);
	if (torn && !info)
		cli_failf("%s: %s", path, torn);
	return torn && !cat && !info;
}

static int merge_files(const struct trace_args *a, struct err *err)
{
	_cleanup_(output_done) struct output o = {};
	int r = output_begin(&o, a->output, a->force, err);

	if (r == 0)
		r = trace_merge(o.part, a->files, a->n_files, err);
	return r < 0 ? r : output_end(&o, err);
}

int cmd_trace(int argc, char **argv)
{
	json_auto_t *out = json_array();
	struct trace_args a = {};
	struct err err;
	bool cat;
	int r = 0;

	args_read(&command, argc, argv, &a);
	if (strcmp(a.verb, "merge") == 0)
		return merge_files(&a, &err) < 0 ? cli_fail(&err) : 0;
	cat = strcmp(a.verb, "cat") == 0;
	for (int i = 0; i < a.n_files && !(cat && r); i++)
		r |= read_trace(&a, a.files[i], out);
	return a.json && !cat ? r | cli_print_json(TAKE_PTR(out), true) : r;
}
