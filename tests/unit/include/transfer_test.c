/* SPDX-License-Identifier: Apache-2.0 */
/* What the record of a system call keeps in aux. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "lutra/transfer.h"

static void size_bits_are_those_of_the_number(void **state)
{
	static const struct {
		uint64_t bytes;
		unsigned bits;
	} cases[] = {{0, 0},	     {1, 1},	       {2, 2},		 {3, 2},
		     {4, 3},	     {4095, 12},       {4096, 13},	 {65536, 17},
		     {1u << 31, 32}, {1ull << 60, 61}, {1ull << 61, 62}, {UINT64_MAX, 62}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(lutra_size_bits(cases[i].bytes), cases[i].bits);
}

static void assert_comes_back(const struct lutra_transfer *t)
{
	struct lutra_record r = {.type = LUTRA_RECORD_SYSCALL, .nr = SYS_sendfile};
	struct lutra_transfer back;

	r.aux = lutra_transfer_pack(t);
	if (!t->from && !t->to && !t->bits)
		return;
	assert_true(lutra_transfer_unpack(&r, &back));
	assert_memory_equal(&back, t, sizeof(*t));
}

static void transfer_comes_back_as_it_was_packed(void **state)
{
	struct lutra_transfer t = {};

	(void)state;
	for (t.from = 0; t.from < LUTRA_DESCRIPTOR_COUNT; t.from++)
		for (t.to = 0; t.to < LUTRA_DESCRIPTOR_COUNT; t.to++)
			for (t.bits = 0; t.bits <= LUTRA_BITS_UNKNOWN; t.bits++)
				assert_comes_back(&t);
}

/* A recording that is older says nothing, and so does a record of anything else. */
static void transfer_of_other_records_is_none(void **state)
{
	static const struct lutra_record records[] = {
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_read},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_getppid, .aux = 1},
		{.type = LUTRA_RECORD_SYSCALL, .nr = SYS_socket, .aux = 1},
		{.type = LUTRA_RECORD_SYSCALL, .nr = LUTRA_NR_IA32 | SYS_write, .aux = 1},
		{.type = LUTRA_RECORD_OBJECT, .nr = SYS_read, .aux = 1},
		{.type = LUTRA_RECORD_ARM, .aux = 1},
	};
	struct lutra_transfer t = {.from = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		assert_false(lutra_transfer_unpack(&records[i], &t));
	assert_int_equal(t.from, 77);
}

static void protocol_zero_is_not_unknown(void **state)
{
	struct lutra_record r = {.type = LUTRA_RECORD_SYSCALL, .nr = SYS_socketpair};

	(void)state;
	assert_int_equal(lutra_protocol_unpack(&r), -1);
	r.aux = lutra_protocol_pack(0);
	assert_int_equal(lutra_protocol_unpack(&r), 0);
	r.aux = lutra_protocol_pack(262);
	assert_int_equal(lutra_protocol_unpack(&r), 262);
	r.aux = lutra_protocol_pack(UINT32_MAX);
	assert_int_equal(lutra_protocol_unpack(&r), LUTRA_PROTOCOL_MAX);
	r.nr = SYS_read;
	assert_int_equal(lutra_protocol_unpack(&r), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_bits_are_those_of_the_number),
		cmocka_unit_test(transfer_comes_back_as_it_was_packed),
		cmocka_unit_test(transfer_of_other_records_is_none),
		cmocka_unit_test(protocol_zero_is_not_unknown),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
