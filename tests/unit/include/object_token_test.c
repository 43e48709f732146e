/* SPDX-License-Identifier: Apache-2.0 */
/* The object token and the recorded form of an object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lutra/object_token.h"

#define FILE_MODE 0100644

static struct lutra_policy image;

static void object_token_tells_ports_apart_only_where_exact(void **state)
{
	struct lutra_object x = {.op = LUTRA_OP_CONNECT, .family = 2, .addr_class = 1, .port = 80};
	struct lutra_object y = x;
	struct lutra_class c = {0};

	(void)state;
	memset(&image, 0, sizeof(image));
	y.port = 81;
	assert_true(lutra_object_token(&image, &x, &c, 0, 1) ==
		    lutra_object_token(&image, &y, &c, 0, 1));
	y.port = 40000;
	assert_true(lutra_object_token(&image, &x, &c, 0, 1) !=
		    lutra_object_token(&image, &y, &c, 0, 1));
	y.port = 81;
	image.port_exact = 1u << lutra_port_bit(&x);
	assert_true(lutra_object_token(&image, &x, &c, 0, 1) !=
		    lutra_object_token(&image, &y, &c, 0, 1));
}

/* Policies on disk hold tokens: a field that moves makes all of them worthless. */
static void object_token_has_its_fields_at_their_bits(void **state)
{
	struct lutra_object connect = {.op = LUTRA_OP_CONNECT,
				       .family = LUTRA_AF_INET,
				       .addr_class = LUTRA_ADDR_PRIVATE,
				       .port = 0x1234};
	struct lutra_object open = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_WRITE | LUTRA_OBJ_PATH};
	struct lutra_object exec = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_FRESH | LUTRA_OBJ_PATH};
	struct lutra_object chmod = {.op = LUTRA_OP_CHMOD, .flags = LUTRA_OBJ_XBIT};
	struct lutra_class class = {.node = 5};

	(void)state;
	memset(&image, 0, sizeof(image));
	open.mode = FILE_MODE;
	image.port_exact = 1u << lutra_port_bit(&connect);
	assert_true(lutra_object_token(&image, &connect, &class, 0, LUTRA_ROLE_STEADY) ==
		    (3 | 1ull << 18 | 2ull << 21 | 1ull << 29 | 1ull << 31 | 0x1234ull << 32 |
		     1ull << 48));
	assert_true(lutra_object_token(&image, &open, &class, 7, LUTRA_ROLE_STEADY) ==
		    (1 | 1ull << 6 | 8ull << 8 | 7ull << 12 | 5ull << 32 | 1ull << 49));
	assert_true(lutra_object_token(&image, &exec, &class, 0, LUTRA_ROLE_DEEPER) ==
		    (2 | 3ull << 18 | 1ull << 20 | 5ull << 32 | 1ull << 49));
	assert_true(lutra_object_token(&image, &chmod, &class, 0, LUTRA_ROLE_DEEPER) ==
		    (17 | 1ull << 7));
	assert_true(lutra_object_token(&image, &chmod, &class, 0, LUTRA_ROLE_SESSION) ==
		    (17 | 1ull << 7 | 1ull << 50));
}

static void object_token_of_a_started_program_has_its_starter_beside_all_else(void **state)
{
	struct lutra_object exec = {.op = LUTRA_OP_EXEC,
				    .flags = LUTRA_OBJ_FRESH | LUTRA_OBJ_UPDATED | LUTRA_OBJ_PATH};
	struct lutra_class class = {.node = LUTRA_NODES - 1};

	(void)state;
	memset(&image, 0, sizeof(image));
	for (uint8_t role = 0; role < LUTRA_ROLES; role++) {
		uint64_t token = lutra_object_token(&image, &exec, &class, 0, role);
		uint64_t started = lutra_object_token_started_by(token, LUTRA_NODES - 1);

		assert_int_equal(lutra_object_token_get(token, LUTRA_FIELD_STARTER), 0);
		assert_int_equal(lutra_object_token_get(started, LUTRA_FIELD_STARTER),
				 LUTRA_NODES - 1);
		assert_true(started == (token | (LUTRA_NODES - 1ull) << 21));
		assert_false(lutra_object_token_is_odd(started));
	}
}

static void object_token_field_comes_back_as_it_was_put(void **state)
{
	const enum lutra_object_field fields[] = {
		LUTRA_FIELD_OP,		LUTRA_FIELD_WRITE,     LUTRA_FIELD_EXECUTABLE,
		LUTRA_FIELD_INODE_TYPE, LUTRA_FIELD_EXTENSION, LUTRA_FIELD_ROLE,
		LUTRA_FIELD_FRESH,	LUTRA_FIELD_FAMILY,    LUTRA_FIELD_ADDR_CLASS,
		LUTRA_FIELD_EXACT_PORT, LUTRA_FIELD_DETAIL,    LUTRA_FIELD_HAS_ADDR_CLASS,
		LUTRA_FIELD_HAS_PATH,	LUTRA_FIELD_SESSION,   LUTRA_FIELD_SIBLING,
		LUTRA_FIELD_FILE_KIND,	LUTRA_FIELD_UPDATED,   LUTRA_FIELD_VARIES};
	uint64_t all = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t token = lutra_object_token_put(fields[i], UINT64_MAX);

		assert_false(all & token);
		all |= token;
		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
			assert_int_equal(lutra_object_token_get(token, fields[k]) != 0, i == k);
	}
	assert_false(lutra_object_token_is_odd(all));
	assert_true(lutra_object_token_is_odd(all + 1));
}

static void object_token_survives_packing(void **state)
{
	struct lutra_object x = {.op = LUTRA_OP_CONNECT,
				 .family = 10,
				 .addr_class = 2,
				 .port = 8080,
				 .addr = {[12] = 1, 2, 3, 4}};
	struct lutra_object file = {.op = LUTRA_OP_OPEN, .mode = FILE_MODE, .flags = 9}, y;
	struct lutra_record r;

	(void)state;
	lutra_object_pack(&x, &r);
	lutra_object_unpack(&r, &y);
	assert_memory_equal(&x, &y, sizeof(x));
	lutra_object_pack(&file, &r);
	lutra_object_unpack(&r, &y);
	assert_memory_equal(&file, &y, sizeof(y));
}

/* The layer is recorded. What a policy knows of a file that is read does not depend on it. */
static void object_token_is_the_same_in_every_layer(void **state)
{
	struct lutra_object x = {.op = LUTRA_OP_OPEN, .mode = FILE_MODE, .flags = LUTRA_OBJ_PATH};
	struct lutra_object y = x, back;
	struct lutra_class class = {.node = 5};
	struct lutra_record r;

	(void)state;
	memset(&image, 0, sizeof(image));
	for (unsigned layer = 0; layer < LUTRA_LAYER_COUNT; layer++) {
		y.flags = (uint8_t)(x.flags | layer << LUTRA_OBJ_LAYER_SHIFT);
		assert_int_equal(lutra_object_layer(&y), layer);
		assert_true(lutra_object_token(&image, &x, &class, 0, 1) ==
			    lutra_object_token(&image, &y, &class, 0, 1));
		lutra_object_pack(&y, &r);
		lutra_object_unpack(&r, &back);
		assert_int_equal(lutra_object_layer(&back), layer);
	}
}

/* A program is fresh if the container wrote it. Only where the layer is not told its times count. */
static void object_token_of_a_program_tells_who_wrote_it(void **state)
{
	static const bool fresh[LUTRA_LAYER_COUNT][2] = {
		[LUTRA_LAYER_UNKNOWN] = {false, true}, [LUTRA_LAYER_IMAGE] = {false, false},
		[LUTRA_LAYER_WRITTEN] = {true, true},  [LUTRA_LAYER_CHANGED] = {false, false},
		[LUTRA_LAYER_VOLUME] = {false, true},  [LUTRA_LAYER_TMPFS] = {false, true},
		[LUTRA_LAYER_DETACHED] = {true, true}, [LUTRA_LAYER_ROOT] = {false, true},
	};
	const struct lutra_class class = {.node = 5};

	(void)state;
	memset(&image, 0, sizeof(image));
	for (unsigned layer = 0; layer < LUTRA_LAYER_COUNT; layer++) {
		for (unsigned young = 0; young < 2; young++) {
			struct lutra_object x = {.op = LUTRA_OP_EXEC};

			x.flags = (uint8_t)(LUTRA_OBJ_PATH | (young ? LUTRA_OBJ_FRESH : 0) |
					    layer << LUTRA_OBJ_LAYER_SHIFT);
			assert_int_equal(
				lutra_object_token_get(lutra_object_token(&image, &x, &class, 0, 1),
						       LUTRA_FIELD_FRESH),
				fresh[layer][young]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_token_tells_ports_apart_only_where_exact),
		cmocka_unit_test(object_token_has_its_fields_at_their_bits),
		cmocka_unit_test(object_token_of_a_started_program_has_its_starter_beside_all_else),
		cmocka_unit_test(object_token_field_comes_back_as_it_was_put),
		cmocka_unit_test(object_token_survives_packing),
		cmocka_unit_test(object_token_is_the_same_in_every_layer),
		cmocka_unit_test(object_token_of_a_program_tells_who_wrote_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
