/* SPDX-License-Identifier: Apache-2.0 */
/* Which files exec sessions wrote, found by the names in the records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/replay/written.h"
#include "lutra/object_token.h"

struct fixture {
	struct written *w;
	struct written_task session, service;
};

static int written_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->session.is_session = true;
	*state = f;
	return written_new(&f->w);
}

static int written_teardown(void **state)
{
	struct fixture *f = *state;

	written_free(f->w);
	free(f);
	return 0;
}

/* Returns true if the object is updated. */
static bool feed_object(struct fixture *f, struct written_task *t, struct lutra_object o,
			const char *path)
{
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .nr = SYS_openat};
	uint64_t arg;

	o.flags |= LUTRA_OBJ_PATH;
	lutra_object_pack(&o, &rec);
	arg = written_object(f->w, t, &rec, path, strlen(path));
	assert_int_equal(arg & ~((uint64_t)LUTRA_OBJ_UPDATED << 8), rec.arg);
	return arg != rec.arg;
}

static void write_in_layer(struct fixture *f, struct written_task *t, const char *path, int flags,
			   unsigned layer)
{
	const struct lutra_record call = {
		.type = LUTRA_RECORD_SYSCALL, .nr = SYS_openat, .arg = (uint32_t)flags};
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN,
		.mode = 0100644,
		.flags = (uint8_t)(LUTRA_OBJ_WRITE | layer << LUTRA_OBJ_LAYER_SHIFT)};

	written_syscall(t, &call);
	assert_false(feed_object(f, t, o, path));
}

static void write_file(struct fixture *f, struct written_task *t, const char *path, int flags)
{
	write_in_layer(f, t, path, flags, LUTRA_LAYER_WRITTEN);
}

static void make_file(struct fixture *f, struct written_task *t, const char *path)
{
	write_file(f, t, path, O_WRONLY | O_CREAT | O_EXCL);
}

static void use_name(struct fixture *f, struct written_task *t, unsigned op, const char *path)
{
	assert_false(
		feed_object(f, t, (struct lutra_object){.op = (uint8_t)op, .mode = 0100000}, path));
}

static void rename_file(struct fixture *f, struct written_task *t, const char *from, const char *to)
{
	use_name(f, t, LUTRA_OP_RENAME_FROM, from);
	use_name(f, t, LUTRA_OP_RENAME_TO, to);
}

/* Returns true if a mapping is that of an updated file. */
static bool map_file(struct fixture *f, struct written_task *t, const char *path)
{
	const struct lutra_object o = {.op = LUTRA_OP_MAPX,
				       .mode = 0100755,
				       .flags = LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT};

	return feed_object(f, t, o, path);
}

static void written_follows_a_rename(void **state)
{
	struct fixture *f = *state;

	make_file(f, &f->session, "/lib/a.so.dpkg-new");
	rename_file(f, &f->session, "/lib/a.so.dpkg-new", "/lib/a.so");
	assert_true(map_file(f, &f->service, "/lib/a.so"));
	assert_false(map_file(f, &f->service, "/lib/a.so.dpkg-new"));
	assert_false(map_file(f, &f->session, "/lib/a.so"));
	rename_file(f, &f->service, "/tmp/evil", "/lib/a.so");
	assert_false(map_file(f, &f->service, "/lib/a.so"));
}

static void written_ends_with_a_write_of_the_service(void **state)
{
	struct fixture *f = *state;

	make_file(f, &f->session, "/a");
	use_name(f, &f->session, LUTRA_OP_LINK_FROM, "/a");
	use_name(f, &f->session, LUTRA_OP_LINK_TO, "/b");
	assert_true(map_file(f, &f->service, "/b"));
	write_file(f, &f->service, "/a", O_WRONLY | O_TRUNC);
	assert_false(map_file(f, &f->service, "/a"));
	assert_false(map_file(f, &f->service, "/b"));
	write_file(f, &f->session, "/b", O_WRONLY | O_APPEND);
	assert_false(map_file(f, &f->service, "/a"));
	write_file(f, &f->session, "/b", O_WRONLY | O_TRUNC);
	assert_true(map_file(f, &f->service, "/a"));
}

static void written_needs_the_whole_file(void **state)
{
	struct fixture *f = *state;

	write_file(f, &f->session, "/appended", O_WRONLY | O_CREAT | O_APPEND);
	assert_false(map_file(f, &f->service, "/appended"));
	write_in_layer(f, &f->session, "/image", O_WRONLY, LUTRA_LAYER_IMAGE);
	assert_true(map_file(f, &f->service, "/image"));
	write_in_layer(f, &f->session, "/volume", O_WRONLY | O_TRUNC, LUTRA_LAYER_VOLUME);
	assert_false(map_file(f, &f->service, "/volume"));
}

static void written_ends_with_the_name(void **state)
{
	struct fixture *f = *state;

	make_file(f, &f->session, "/a");
	use_name(f, &f->service, LUTRA_OP_UNLINK, "/a");
	make_file(f, &f->service, "/a");
	assert_false(map_file(f, &f->service, "/a"));
	make_file(f, &f->session, "/dir/b");
	rename_file(f, &f->service, "/dir", "/old");
	rename_file(f, &f->service, "/evil", "/dir");
	assert_false(map_file(f, &f->service, "/dir/b"));
}

/* A session that runs what the service wrote writes what the service wants. */
static void written_by_a_tainted_session_is_the_service_s(void **state)
{
	struct fixture *f = *state;
	struct written_task other = f->session;

	make_file(f, &f->service, "/tmp/script");
	assert_false(map_file(f, &f->session, "/tmp/script"));
	make_file(f, &f->session, "/a");
	assert_false(map_file(f, &f->service, "/a"));
	make_file(f, &other, "/b");
	assert_true(map_file(f, &f->service, "/b"));
}

static void read_file(struct fixture *f, struct written_task *t, const char *path, unsigned layer)
{
	const struct lutra_object o = {.op = LUTRA_OP_OPEN,
				       .mode = 0100644,
				       .flags = (uint8_t)(layer << LUTRA_OBJ_LAYER_SHIFT)};

	t->open_flags = O_RDONLY;
	assert_false(feed_object(f, t, o, path));
}

/* Who reads what the service wrote may copy it. */
static void written_by_a_session_that_read_from_the_service_is_the_service_s(void **state)
{
	struct fixture *f = *state;
	struct written_task other = f->session, third = f->session;

	make_file(f, &f->service, "/upload");
	read_file(f, &f->session, "/upload", LUTRA_LAYER_WRITTEN);
	make_file(f, &f->session, "/a");
	assert_false(map_file(f, &f->service, "/a"));
	read_file(f, &other, "/usr/bin/tool", LUTRA_LAYER_IMAGE);
	read_file(f, &other, "/etc/configuration", LUTRA_LAYER_WRITTEN);
	make_file(f, &other, "/b");
	assert_true(map_file(f, &f->service, "/b"));
	read_file(f, &third, "/b", LUTRA_LAYER_WRITTEN);
	make_file(f, &third, "/c");
	assert_true(map_file(f, &f->service, "/c"));
}

static void open_for_both(struct fixture *f, struct written_task *t, const char *path, int flags)
{
	write_file(f, t, path, O_RDWR | flags);
}

/* Also by an open that would make the file: whoever reads it may copy it. */
static void written_by_a_session_that_opened_for_both_is_the_service_s(void **state)
{
	struct fixture *f = *state;
	struct written_task other = f->session, third = f->session;

	make_file(f, &f->service, "/upload-0");
	rename_file(f, &f->service, "/upload-0", "/upload");
	open_for_both(f, &f->session, "/upload", O_CREAT);
	make_file(f, &f->session, "/a");
	assert_false(map_file(f, &f->service, "/a"));
	/* A lock is empty, a new file and one that is truncated are empty too. */
	open_for_both(f, &other, "/run/lock", O_CREAT);
	open_for_both(f, &other, "/run/lock", O_CREAT);
	open_for_both(f, &other, "/new", O_CREAT | O_EXCL);
	open_for_both(f, &other, "/upload", O_CREAT | O_TRUNC);
	make_file(f, &other, "/b");
	assert_true(map_file(f, &f->service, "/b"));
	/* Without O_CREAT there was a file, and nobody is seen to have made it. */
	open_for_both(f, &third, "/unknown", 0);
	make_file(f, &third, "/c");
	assert_false(map_file(f, &f->service, "/c"));
}

static void written_reset_forgets_all(void **state)
{
	struct fixture *f = *state;

	make_file(f, &f->session, "/a");
	written_reset(f->w);
	assert_false(map_file(f, &f->service, "/a"));
	make_file(f, &f->session, "/a");
	assert_true(map_file(f, &f->service, "/a"));
}

static void written_notes_so_many_names_and_no_more(void **state)
{
	struct fixture *f = *state;
	char path[32];

	for (unsigned i = 0; i <= WRITTEN_NAMES_MAX; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		make_file(f, &f->session, path);
	}
	assert_true(map_file(f, &f->service, "/0"));
	assert_false(map_file(f, &f->service, path));
	use_name(f, &f->session, LUTRA_OP_UNLINK, "/0");
	make_file(f, &f->session, path);
	assert_true(map_file(f, &f->service, path));
}

/* However many files the service writes, those of sessions are noted. */
static void written_keeps_room_for_sessions(void **state)
{
	struct fixture *f = *state;
	char path[32];

	for (unsigned i = 0; i < WRITTEN_NAMES_MAX; i++) {
		snprintf(path, sizeof(path), "/dir/%u", i);
		make_file(f, &f->service, path);
		rename_file(f, &f->service, "/other", "/other-2");
	}
	make_file(f, &f->session, "/a");
	assert_true(map_file(f, &f->service, "/a"));
	make_file(f, &f->session, "/dir/a");
	assert_true(map_file(f, &f->service, "/dir/a"));
	rename_file(f, &f->service, "/dir", "/old");
	assert_false(map_file(f, &f->service, "/dir/a"));
	assert_true(map_file(f, &f->service, "/a"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, written_setup, written_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(written_follows_a_rename),
		TEST(written_ends_with_a_write_of_the_service),
		TEST(written_needs_the_whole_file),
		TEST(written_ends_with_the_name),
		TEST(written_by_a_tainted_session_is_the_service_s),
		TEST(written_by_a_session_that_read_from_the_service_is_the_service_s),
		TEST(written_by_a_session_that_opened_for_both_is_the_service_s),
		TEST(written_reset_forgets_all),
		TEST(written_notes_so_many_names_and_no_more),
		TEST(written_keeps_room_for_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
