/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns the records of a trace into the stream of a run. Ids of living threads, which the kernel
 * reuses, become small task numbers, paths are folded, and objects are numbered.
 */
#include "trainer/data/run.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/array.h"
#include "lib/replay/tasks.h"
#include "lib/replay/written.h"
#include "lutra/score.h"
#include "trainer/data/names/exact_path.h"

#define PAYLOAD_MAX 0xfffffu
_Static_assert(TASKS_MAX - 1 <= PAYLOAD_MAX, "a task's number fits a word");

/* A thread. */
struct builder_task {
	uint32_t number; /* + 1; 0: it has none yet */
	struct written_task writer;
};

struct run_builder {
	struct run run;
	struct run_names *names;
	size_t number;	    /* as for run_builder_new() */
	struct tasks tasks; /* of struct builder_task */
	struct written *written;
	uint32_t *spare; /* (n_spare): numbers + 1 to use again, the last first */
	size_t n_spare, spare_size;
	uint64_t start_ns;
	bool started;
	ZSTD_CCtx *zstd;
	uint32_t *words, n_words; /* of the block under way: (RUN_BLOCK_WORDS) */
	void *packed;		  /* (ZSTD_compressBound of a block) */
};

#define BLOCK_BYTES (RUN_BLOCK_WORDS * sizeof(uint32_t))
#define ZSTD_LEVEL 1

void run_done(struct run *r)
{
	free(r->file);
	free(r->partial);
	for (size_t i = 0; i < r->n_blocks; i++)
		free(r->blocks[i].packed);
	free(r->blocks);
	memset(r, 0, sizeof(*r));
}

int run_names_init(struct run_names *n)
{
	int r;

	memset(n, 0, sizeof(*n));
	r = intern_new(&n->paths);
	if (r == 0)
		r = intern_new(&n->objects);
	if (r == 0)
		r = numbered_names_init(&n->numbered);
	if (r == 0)
		r = random_names_init(&n->random);
	return r < 0 ? r : intern_new(&n->programs);
}

void run_names_done(struct run_names *n)
{
	intern_free(n->paths);
	intern_free(n->objects);
	intern_free(n->programs);
	numbered_names_done(&n->numbered);
	random_names_done(&n->random);
	memset(n, 0, sizeof(*n));
}

void run_names_object(const struct run_names *n, uint32_t i, struct run_object *ret)
{
	size_t len;

	memcpy(ret, intern_get(n->objects, i, &len), sizeof(*ret));
}

int run_builder_new(struct run_builder **ret, struct run_names *names, size_t number)
{
	_cleanup_(run_builder_freep) struct run_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->names = names;
	b->number = number;
	b->tasks.type.size = sizeof(struct builder_task);
	b->zstd = ZSTD_createCCtx();
	b->words = malloc(BLOCK_BYTES);
	b->packed = malloc(ZSTD_compressBound(BLOCK_BYTES));
	if (!b->zstd || !b->words || !b->packed || written_new(&b->written) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(b);
	return 0;
}

void run_builder_free(struct run_builder *b)
{
	if (!b)
		return;
	tasks_reset(&b->tasks);
	written_free(b->written);
	free(b->spare);
	run_done(&b->run);
	ZSTD_freeCCtx(b->zstd);
	free(b->words);
	free(b->packed);
	free(b);
}

/* Packs the words so far into a block. */
static int close_block(struct run_builder *b)
{
	struct run *r = &b->run;
	size_t n, bytes = b->n_words * sizeof(*b->words);
	void *packed;

	if (!b->n_words)
		return 0;
	if (r->n_blocks == RUN_BLOCKS_MAX)
		return -E2BIG;
	if (ARRAY_RESERVE(r->blocks, r->blocks_size, r->n_blocks + 1) < 0)
		return -ENOMEM;
	n = ZSTD_compressCCtx(b->zstd, b->packed, ZSTD_compressBound(BLOCK_BYTES), b->words, bytes,
			      ZSTD_LEVEL);
	packed = ZSTD_isError(n) ? NULL : malloc(n);
	if (!packed)
		return -ENOMEM;
	memcpy(packed, b->packed, n);
	r->blocks[r->n_blocks++] = (struct run_block){packed, (uint32_t)n, b->n_words};
	b->n_words = 0;
	return 0;
}

int run_builder_take(struct run_builder *b, struct run *ret)
{
	int r = close_block(b);

	if (r < 0)
		return r;
	*ret = b->run;
	memset(&b->run, 0, sizeof(b->run));
	return 0;
}

/* Adds an event of one word. Leaves room for a second word in the same block. */
static int put_event(struct run_builder *b, uint32_t code, uint32_t payload)
{
	int r = b->n_words + 2 > RUN_BLOCK_WORDS ? close_block(b) : 0;

	if (r == 0)
		b->words[b->n_words++] = payload << 12 | code;
	return r;
}

/* Adds an event of two words. */
static int put_event_pair(struct run_builder *b, uint32_t code, uint32_t payload, uint32_t second)
{
	int r = put_event(b, code, payload);

	if (r == 0)
		b->words[b->n_words++] = second;
	return r;
}

/* Moves the stream's clock on to ts_ns. It never goes back. */
static int put_time(struct run_builder *b, uint64_t ts_ns)
{
	uint64_t ms, passed;
	int r;

	if (!b->started) {
		b->started = true;
		b->start_ns = ts_ns;
	}
	if (ts_ns < b->start_ns)
		return 0;
	ms = (ts_ns - b->start_ns) / 1000000;
	if (ms > UINT32_MAX)
		return -E2BIG;
	while (ms > b->run.length_ms) {
		passed = ms - b->run.length_ms;
		passed = passed < PAYLOAD_MAX ? passed : PAYLOAD_MAX;
		r = put_event(b, RUN_TIME, (uint32_t)passed);
		if (r < 0)
			return r;
		b->run.length_ms += (uint32_t)passed;
	}
	return 0;
}

/* Adds the number of a task's process, and gives the process one. entry: the task's. */
static int put_process(struct run_builder *b, void *entry)
{
	struct tasks_process *p = tasks_process(entry);
	const struct builder_task *task = entry;

	if (!p->number)
		p->number = ++b->run.n_processes;
	return put_event_pair(b, RUN_PROCESS, task->number - 1, p->number);
}

/* Gives a task a number, unless it has one. */
static int number_entry(struct run_builder *b, struct builder_task *task)
{
	if (task->number)
		return 0;
	/* Room for all numbers, so that spare_number() needs none. */
	if (ARRAY_RESERVE(b->spare, b->spare_size, b->run.n_tasks + 1) < 0)
		return -ENOMEM;
	task->number = b->n_spare ? b->spare[--b->n_spare] : ++b->run.n_tasks;
	return 0;
}

/* Another task may get the number of this one, which ends. */
static void spare_number(struct run_builder *b, uint32_t tid)
{
	const struct builder_task *task = tasks_find(&b->tasks, tid);

	if (task && task->number)
		b->spare[b->n_spare++] = task->number;
}

/* Applies a record to the tasks. Returns as number_task(). */
static int step_tasks(struct run_builder *b, const struct lutra_record *rec,
		      struct builder_task **ret)
{
	void *entry;
	int r = tasks_step(&b->tasks, rec, &entry);

	*ret = entry;
	return r == -ENOSPC ? -E2BIG : r;
}

/*
 * Applies the record of a task that may be unknown, and finds the task's number. One that is new
 * starts with an ARM event. *ret_entry: its entry. Returns 0, -ENOMEM or -E2BIG.
 */
static int number_task(struct run_builder *b, const struct lutra_record *rec,
		       struct builder_task **ret_entry)
{
	int r = step_tasks(b, rec, ret_entry);

	if (r < 0 || (*ret_entry)->number)
		return r;
	r = number_entry(b, *ret_entry);
	if (r == 0)
		r = put_event(b, RUN_ARM, (*ret_entry)->number - 1);
	return r < 0 ? r : put_process(b, *ret_entry);
}

static int add_arm_record(struct run_builder *b, const struct lutra_record *rec)
{
	struct builder_task *entry;
	int r;

	spare_number(b, rec->tid);
	r = step_tasks(b, rec, &entry);
	if (r == 0)
		r = number_entry(b, entry);
	if (r < 0)
		return r;
	entry->writer = (struct written_task){.is_session = rec->aux == 1};
	if (rec->aux == 1)
		r = put_event(b, RUN_SESSION, entry->number - 1);
	else if (rec->nr)
		r = put_event_pair(b, RUN_CARRIED, entry->number - 1, (uint32_t)rec->arg);
	else
		r = put_event(b, RUN_ARM, entry->number - 1);
	return r < 0 ? r : put_process(b, entry);
}

static void add_exit_record(struct run_builder *b, const struct lutra_record *rec)
{
	void *none;

	spare_number(b, rec->tid);
	tasks_step(&b->tasks, rec, &none);
}

static int add_syscall_record(struct run_builder *b, const struct lutra_record *rec)
{
	struct builder_task *entry;
	int r;

	if (rec->nr == LUTRA_NR_RESTART)
		return 0;
	r = number_task(b, rec, &entry);
	if (r < 0)
		return r;
	if (entry->writer.is_session)
		written_syscall(&entry->writer, rec);
	b->run.calls++;
	b->run.foreign += rec->nr >= LUTRA_NR;
	return put_event(b, rec->nr < LUTRA_NR ? rec->nr : RUN_FOREIGN, entry->number - 1);
}

/* Adds a fork. The parent may be unknown. A child of that id before this one ended unseen. */
static int add_fork_record(struct run_builder *b, const struct lutra_record *rec)
{
	const struct lutra_record parent = {
		.type = LUTRA_RECORD_SYSCALL, .tid = rec->tid, .tgid = rec->tgid};
	struct builder_task *entry, *child;
	int r = number_task(b, &parent, &entry);

	if (r < 0 || (uint32_t)rec->arg == rec->tid)
		return r;
	spare_number(b, (uint32_t)rec->arg);
	r = step_tasks(b, rec, &entry);
	if (r < 0)
		return r;
	child = tasks_find(&b->tasks, (uint32_t)rec->arg);
	child->number = 0;
	r = number_entry(b, child);
	if (r == 0)
		r = put_event_pair(b, RUN_FORK, entry->number - 1, child->number - 1);
	return r < 0 ? r : put_process(b, child);
}

/*
 * Adds an exec. A thread that is not the leader of its group takes the leader's id when it execs,
 * and keeps its number; arg is the id it had before.
 */
static int add_exec_record(struct run_builder *b, const struct lutra_record *rec)
{
	uint32_t old = (uint32_t)rec->arg;
	struct builder_task *entry;
	int r;

	if (old && old != rec->tid && tasks_find(&b->tasks, old))
		spare_number(b, rec->tid);
	r = number_task(b, rec, &entry);
	if (r < 0)
		return r;
	return put_event(b, tasks_process(entry)->again ? RUN_EXEC_AGAIN : RUN_EXEC,
			 entry->number - 1);
}

size_t run_fold_path(const char *s, size_t len, char *out)
{
	size_t n = 0, pos = 0;

	while (pos < len) {
		const char *c = s + pos + 1; /* after the slash */
		const char *end = memchr(c, '/', len - pos - 1);
		size_t c_len = end ? (size_t)(end - c) : len - pos - 1;

		out[n++] = '/';
		n += exact_path_fold_name(c, c_len, out + n);
		pos += 1 + c_len;
	}
	return n;
}

/* Returns true if the path is below /lib64, /lib32 or /libx32, which all fold to "/#". */
static bool has_lib_digits(const char *s, size_t len)
{
	return len > 7 && memcmp(s, "/lib", 4) == 0 &&
	       (memcmp(s + 4, "64/", 3) == 0 || memcmp(s + 4, "32/", 3) == 0 ||
		memcmp(s + 4, "x32", 3) == 0);
}

/*
 * Notes the names in an absolute path: of directories, if they are folded, and all of them if they
 * are the service's own choice.
 */
static int note_names(struct run_builder *b, const char *s, size_t len, bool own)
{
	char folded[LUTRA_STRING_MAX + 1];
	size_t n = 0, pos = 0;
	int r = 0;

	while (r == 0 && pos < len) {
		const char *name = s + pos + 1;
		const char *end = memchr(name, '/', len - pos - 1);
		size_t name_len = end ? (size_t)(end - name) : len - pos - 1, folded_len;

		if (own)
			r = random_names_add(&b->names->random, folded, n, name, name_len,
					     b->number);
		folded[n++] = '/';
		folded_len = exact_path_fold_name(name, name_len, folded + n);
		n += folded_len;
		if (r == 0 && end &&
		    (folded_len != name_len ||
		     memcmp(folded + n - folded_len, name, name_len) != 0))
			r = numbered_names_add(&b->names->numbered, folded, n, name, name_len);
		pos += 1 + name_len;
	}
	return r;
}

/*
 * Finds the number of the recorded path of an object, as exact_path_write() has it. A string that is
 * no path, and a path that could not be resolved, is "?". "//name" is a name in a detached tree. own: as
 * in note_names().
 */
static int number_path(struct run_builder *b, const struct lutra_object *o, const char *s,
		       size_t len, bool own, uint32_t *ret)
{
	char out[LUTRA_STRING_MAX + 1] = "?";
	bool known = s && len && len <= LUTRA_STRING_MAX && s[0] == '/' && !memchr(s, '\0', len);
	bool detached = known && len > 1 && s[1] == '/';
	size_t n = 1;
	int r = 0;

	if (detached && len > 2) {
		out[0] = out[1] = '/';
		n = 2 + exact_path_fold_name(s + 2, len - 2, out + 2);
	} else if (known && !detached) {
		n = exact_path_write(o, s, len, out);
		b->names->lib_digits |= has_lib_digits(s, len);
		r = note_names(b, s, len, own);
	}
	return r < 0 ? r : intern_add(b->names->paths, out, n, ret);
}

/* Adds the program that a container began with, if the recording says it. */
static int add_program(struct run_builder *b, const char *s, size_t len)
{
	char out[LUTRA_STRING_MAX + 1];
	uint32_t number;

	if (!s || len < 2 || len > LUTRA_STRING_MAX || s[0] != '/' || s[1] == '/' ||
	    memchr(s, '\0', len))
		return 0;
	return intern_add(b->names->programs, out, run_fold_path(s, len, out), &number);
}

/* Clears the fields that do not decide the token, so that equal tokens mean equal objects. */
static void reduce_object(struct lutra_object *o)
{
	bool is_image;

	if (!lutra_network_bit(o))
		memset(o->addr, 0, sizeof(o->addr));
	o->flags = (uint8_t)(lutra_is_fresh(o) ? o->flags | LUTRA_OBJ_FRESH
					       : o->flags & ~LUTRA_OBJ_FRESH);
	is_image = lutra_object_layer(o) == LUTRA_LAYER_IMAGE &&
		   (o->op == LUTRA_OP_OPEN || o->op == LUTRA_OP_MAPX);
	/* What the container wrote is nobody else's secret. */
	if (lutra_is_taking_op(o->op) && lutra_object_layer(o) == LUTRA_LAYER_WRITTEN)
		o->flags &= (uint8_t)~LUTRA_OBJ_PRIVATE;
	o->flags &= LUTRA_OBJ_WRITE | LUTRA_OBJ_FRESH | LUTRA_OBJ_XBIT | LUTRA_OBJ_PATH |
		    LUTRA_OBJ_UPDATED;
	if (is_image && !(o->flags & LUTRA_OBJ_WRITE))
		o->flags |= LUTRA_LAYER_IMAGE << LUTRA_OBJ_LAYER_SHIFT;
	if (o->family != LUTRA_AF_INET && o->family != LUTRA_AF_INET6 && o->op != LUTRA_OP_SOCKET)
		o->port = 0;
	if (!o->family && o->op != LUTRA_OP_CAPABLE && !lutra_is_wx(o->op) &&
	    o->op != LUTRA_OP_HOOK)
		o->mode &= 0xf000;
}

/*
 * Returns false if the use says nothing of how the service names its files: of programs, or of the
 * image's.
 */
static bool is_named_by_service(const struct lutra_object *o)
{
	return o->op != LUTRA_OP_EXEC && o->op != LUTRA_OP_MAPX &&
	       lutra_object_layer(o) != LUTRA_LAYER_IMAGE;
}

static int add_object_record(struct run_builder *b, const struct lutra_record *rec, const char *str,
			     size_t str_len)
{
	struct run_object o = {.path = RUN_NO_PATH};
	struct lutra_record seen = *rec;
	struct builder_task *entry;
	uint32_t id;
	bool own;
	int r = number_task(b, rec, &entry);

	if (r < 0)
		return r;
	tasks_step_object(&b->tasks, rec, str, str_len);
	seen.arg = written_object(b->written, &entry->writer, rec, str, str_len);
	lutra_object_unpack(&seen, &o.object);
	if (o.object.op == LUTRA_OP_NONE || o.object.op >= LUTRA_OP_COUNT)
		return -EINVAL;
	b->run.is_coarse |=
		o.object.family == LUTRA_AF_INET6 && (o.object.addr_class == LUTRA_ADDR_PRIVATE ||
						      o.object.addr_class == LUTRA_ADDR_PUBLIC);
	own = !entry->writer.is_session && is_named_by_service(&o.object);
	reduce_object(&o.object);
	if (o.object.flags & LUTRA_OBJ_PATH) {
		r = number_path(b, &o.object, str, str_len, own, &o.path);
		if (r < 0)
			return r;
	}
	r = intern_add(b->names->objects, &o, sizeof(o), &id);
	if (r < 0)
		return r;
	b->run.objects++;
	return put_event_pair(b, RUN_OBJECT, entry->number - 1,
			      rec->nr == LUTRA_NR_NONE ? id | RUN_WORKER : id);
}

static int add_mark_record(struct run_builder *b, const struct lutra_record *rec, const char *str)
{
	switch (rec->aux) {
	case LUTRA_MARK_UNUSUAL:
		return 0;
	case LUTRA_MARK_PARTIAL:
		if (!b->run.partial)
			b->run.partial = strdup(str ? str : "");
		return b->run.partial ? 0 : -ENOMEM;
	case LUTRA_MARK_END:
		b->run.lost = rec->arg;
		return 0;
	default:
		return -EINVAL;
	}
}

static int add_record(struct run_builder *b, const struct lutra_record *rec, const char *str,
		      size_t str_len)
{
	int r;

	switch (rec->type) {
	case LUTRA_RECORD_SYSCALL:
		return add_syscall_record(b, rec);
	case LUTRA_RECORD_ARM:
		r = add_program(b, str, str_len);
		return r < 0 ? r : add_arm_record(b, rec);
	case LUTRA_RECORD_FORK:
		return add_fork_record(b, rec);
	case LUTRA_RECORD_EXEC:
		return add_exec_record(b, rec);
	case LUTRA_RECORD_EXIT:
		add_exit_record(b, rec);
		return 0;
	case LUTRA_RECORD_OBJECT:
		return add_object_record(b, rec, str, str_len);
	case LUTRA_RECORD_IPC:
		return 0;
	case LUTRA_RECORD_MARK:
		return add_mark_record(b, rec, str);
	default:
		return -EINVAL;
	}
}

int run_builder_add(struct run_builder *b, const struct lutra_record *rec, const char *str,
		    size_t str_len, struct err *err)
{
	int r = put_time(b, rec->ts_ns);

	if (r == 0)
		r = add_record(b, rec, str, str_len);
	if (r == 0)
		return 0;
	if (r == -E2BIG)
		return err_set(err, r,
			       "more tasks, names, time or events than one run may hold: record "
			       "shorter runs");
	if (r == -EINVAL && rec->type == LUTRA_RECORD_MARK)
		return err_set(err, r, "has a labelled attack: leave it out of the training");
	if (r == -EINVAL)
		return err_set(err, r, "has a record of unknown type: record the run again");
	return err_set(err, r, "%s", strerror(-r));
}

/* Has a left-out task do what changes how the files of others are judged: it may write them. */
static int pass_left_out_record(struct run_builder *b, const struct lutra_record *rec,
				const char *str, size_t str_len)
{
	struct builder_task *entry;
	int r = step_tasks(b, rec, &entry);

	if (r < 0)
		return r;
	if (rec->type == LUTRA_RECORD_SYSCALL && entry->writer.is_session)
		written_syscall(&entry->writer, rec);
	if (rec->type == LUTRA_RECORD_OBJECT) {
		tasks_step_object(&b->tasks, rec, str, str_len);
		written_object(b->written, &entry->writer, rec, str, str_len);
	}
	return 0;
}

int run_builder_pass(struct run_builder *b, const struct lutra_record *rec, const char *str,
		     size_t str_len, struct err *err)
{
	int r;

	if (rec->type != LUTRA_RECORD_SYSCALL && rec->type != LUTRA_RECORD_OBJECT)
		return run_builder_add(b, rec, str, str_len, err);
	r = put_time(b, rec->ts_ns);
	if (r == 0)
		r = pass_left_out_record(b, rec, str, str_len);
	return r < 0 ? err_set(err, r, "%s", strerror(-r)) : 0;
}
