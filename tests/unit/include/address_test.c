/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of addresses, networks and transports, as policies with and without them tell peers apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "lutra/score.h"

#define FINE (1u << LUTRA_OP_ADDR_CLASSES)
#define TRANSPORTS (1u << LUTRA_OP_TRANSPORTS)
#define CONNECTS (1u << LUTRA_OP_CONNECT)

static struct lutra_policy image;

/* An object whose peer has this address. */
static struct lutra_object peer_of(const char *address, uint16_t port)
{
	struct lutra_object o = {.op = LUTRA_OP_CONNECT, .port = port, .family = LUTRA_AF_INET};

	if (strchr(address, ':')) {
		o.family = LUTRA_AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, address, o.addr), 1);
		o.addr_class = lutra_addr6_class(o.addr);
	} else {
		assert_int_equal(inet_pton(AF_INET, address, o.addr), 1);
		o.addr_class = lutra_addr4_class(o.addr);
	}
	return o;
}

static void policy_begin(uint32_t ops)
{
	memset(&image, 0, sizeof(image));
	image.ops = ops;
	image.hash_key[0] = 0x1234567;
	image.hash_key[1] = 0x89abcdef;
}

static uint64_t token_of(const struct lutra_object *o)
{
	const struct lutra_class none = {0};

	return lutra_object_token(&image, o, &none, 0, LUTRA_ROLE_STEADY);
}

static void make_known(uint64_t token)
{
	memset(image.object, 0, sizeof(image.object));
	image.object[lutra_object_slot(image.object_seed, token)] = token;
}

static bool is_known(const struct lutra_object *o)
{
	struct lutra_judgement j;

	lutra_judge_pathless(&image, o, LUTRA_ROLE_STEADY, &j);
	return j.kind == LUTRA_KIND_KNOWN;
}

static const struct {
	const char *address;
	uint8_t class, coarse;
} classes[] = {
	{"127.0.0.53", LUTRA_ADDR_LOOPBACK, LUTRA_ADDR_LOOPBACK},
	{"::1", LUTRA_ADDR_LOOPBACK, LUTRA_ADDR_LOOPBACK},
	{"0.0.0.0", LUTRA_ADDR_ANY, LUTRA_ADDR_ANY},
	{"::", LUTRA_ADDR_ANY, LUTRA_ADDR_ANY},
	{"10.9.8.7", LUTRA_ADDR_PRIVATE, LUTRA_ADDR_PRIVATE},
	{"172.31.0.1", LUTRA_ADDR_PRIVATE, LUTRA_ADDR_PRIVATE},
	{"172.32.0.1", LUTRA_ADDR_PUBLIC, LUTRA_ADDR_PUBLIC},
	{"192.168.1.1", LUTRA_ADDR_PRIVATE, LUTRA_ADDR_PRIVATE},
	{"192.169.1.1", LUTRA_ADDR_PUBLIC, LUTRA_ADDR_PUBLIC},
	{"::ffff:10.9.8.7", LUTRA_ADDR_PRIVATE, LUTRA_ADDR_PRIVATE},
	{"169.254.1.1", LUTRA_ADDR_LINK_LOCAL, LUTRA_ADDR_PRIVATE},
	{"fe80::1", LUTRA_ADDR_LINK_LOCAL, LUTRA_ADDR_PRIVATE},
	{"169.254.169.254", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"169.254.170.2", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"169.254.170.23", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"::ffff:169.254.169.254", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"fd00:ec2::254", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"fd00:ec2::23", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"fd20:ce::254", LUTRA_ADDR_METADATA, LUTRA_ADDR_PRIVATE},
	{"fd00:ec2::253", LUTRA_ADDR_UNIQUE_LOCAL, LUTRA_ADDR_PRIVATE},
	{"fd12:3456::1", LUTRA_ADDR_UNIQUE_LOCAL, LUTRA_ADDR_PRIVATE},
	{"100.64.0.1", LUTRA_ADDR_CARRIER_NAT, LUTRA_ADDR_PUBLIC},
	{"100.127.255.1", LUTRA_ADDR_CARRIER_NAT, LUTRA_ADDR_PUBLIC},
	{"100.128.0.1", LUTRA_ADDR_PUBLIC, LUTRA_ADDR_PUBLIC},
	{"224.0.0.251", LUTRA_ADDR_MULTICAST, LUTRA_ADDR_PUBLIC},
	{"255.255.255.255", LUTRA_ADDR_MULTICAST, LUTRA_ADDR_PUBLIC},
	{"ff02::fb", LUTRA_ADDR_MULTICAST, LUTRA_ADDR_PUBLIC},
	{"8.8.8.8", LUTRA_ADDR_PUBLIC, LUTRA_ADDR_PUBLIC},
	{"2a00::1", LUTRA_ADDR_PUBLIC, LUTRA_ADDR_PUBLIC},
	{"::ffff:8.8.8.8", LUTRA_ADDR_MAPPED, LUTRA_ADDR_PUBLIC},
	{"64:ff9b::a9fe:a9fe", LUTRA_ADDR_TRANSLATED, LUTRA_ADDR_PUBLIC},
	{"2002:a9fe:a9fe::1", LUTRA_ADDR_TRANSLATED, LUTRA_ADDR_PUBLIC},
	{"2001:0:1::1", LUTRA_ADDR_TRANSLATED, LUTRA_ADDR_PUBLIC},
	{"::8.8.8.8", LUTRA_ADDR_TRANSLATED, LUTRA_ADDR_PUBLIC},
};

static void address_class_is_that_of_the_registries(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct lutra_object o = peer_of(classes[i].address, 80);

		if (o.addr_class != classes[i].class)
			fail_msg("%s: class %u", classes[i].address, o.addr_class);
		assert_int_equal(lutra_addr_coarse(o.addr_class), classes[i].coarse);
	}
}

/* An older policy goes on as it was: its tokens have the four old classes. */
static void address_token_of_an_older_policy_has_an_old_class(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct lutra_object o = peer_of(classes[i].address, 80), old = o;

		policy_begin(CONNECTS);
		old.addr_class = classes[i].coarse;
		memset(old.addr, 0, sizeof(old.addr));
		o.mode = LUTRA_TRANSPORT_TCP;
		assert_true(token_of(&o) == token_of(&old));
		policy_begin(CONNECTS | FINE);
		o.mode = 0;
		assert_int_equal(lutra_object_token_addr_class(token_of(&o)), classes[i].class);
	}
}

static void address_of_metadata_is_not_known_by_a_private_one(void **state)
{
	struct lutra_object known = peer_of("10.0.0.1", 80);
	struct lutra_object metadata = peer_of("169.254.169.254", 80);

	(void)state;
	policy_begin(CONNECTS | FINE);
	make_known(token_of(&known));
	assert_true(is_known(&known));
	assert_false(is_known(&metadata));
}

static void set_level(uint32_t level)
{
	image.port_exact = level << LUTRA_NETWORK_SHIFT | level << (LUTRA_NETWORK_SHIFT + 2);
}

static void address_networks_are_apart_as_far_as_the_level_says(void **state)
{
	static const struct {
		uint32_t level;
		bool same_24, same_16, other;
	} levels[] = {
		{LUTRA_NETWORK_CLASS, true, true, true},
		{LUTRA_NETWORK_16, true, true, false},
		{LUTRA_NETWORK_24, true, false, false},
		{LUTRA_NETWORK_HOST, false, false, false},
	};
	static const char *const forms[] = {"", "::ffff:"};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		const char *form = forms[i & 1];
		char text[4][32];
		struct lutra_object o[4];

		snprintf(text[0], 32, "%s10.1.2.3", form);
		snprintf(text[1], 32, "%s10.1.2.4", form);
		snprintf(text[2], 32, "%s10.1.7.3", form);
		snprintf(text[3], 32, "%s10.9.2.3", form);
		policy_begin(CONNECTS | FINE);
		set_level(levels[i / 2].level);
		for (size_t k = 0; k < 4; k++)
			o[k] = peer_of(text[k], 5432);
		make_known(token_of(&o[0]));
		assert_true(is_known(&o[0]));
		assert_int_equal(is_known(&o[1]), levels[i / 2].same_24);
		assert_int_equal(is_known(&o[2]), levels[i / 2].same_16);
		assert_int_equal(is_known(&o[3]), levels[i / 2].other);
	}
}

/* What a person accepted, or the base knows, has no network and no transport: it is of any. */
static void address_known_without_network_and_transport_is_of_any(void **state)
{
	struct lutra_object any = {.op = LUTRA_OP_CONNECT,
				   .family = LUTRA_AF_INET,
				   .addr_class = LUTRA_ADDR_PRIVATE,
				   .port = 53};
	struct lutra_object o = peer_of("10.1.2.3", 53);

	(void)state;
	policy_begin(CONNECTS | FINE | TRANSPORTS);
	set_level(LUTRA_NETWORK_HOST);
	o.mode = LUTRA_TRANSPORT_UDP;
	make_known(token_of(&any));
	assert_true(is_known(&o));
	any.mode = LUTRA_TRANSPORT_TCP;
	make_known(token_of(&any));
	assert_false(is_known(&o));
	any.mode = LUTRA_TRANSPORT_UDP;
	make_known(token_of(&any));
	assert_true(is_known(&o));
}

static void address_of_an_answered_client_is_its_class(void **state)
{
	struct lutra_object o = peer_of("10.1.2.3", 40000), other = peer_of("10.8.8.8", 50000);

	(void)state;
	policy_begin(1u << LUTRA_OP_SEND | FINE);
	set_level(LUTRA_NETWORK_HOST);
	o.op = other.op = LUTRA_OP_SEND;
	make_known(token_of(&o));
	assert_true(is_known(&other));
}

static void address_transport_is_part_of_the_peer(void **state)
{
	struct lutra_object o = peer_of("8.8.8.8", 443);

	(void)state;
	policy_begin(CONNECTS | FINE | TRANSPORTS);
	o.mode = LUTRA_TRANSPORT_TCP;
	make_known(token_of(&o));
	for (unsigned t = LUTRA_TRANSPORT_TCP; t < LUTRA_TRANSPORT_COUNT; t++) {
		o.mode = (uint16_t)t;
		assert_int_equal(is_known(&o), t == LUTRA_TRANSPORT_TCP);
	}
}

static void address_fields_of_a_peer_do_not_overlap(void **state)
{
	const enum lutra_object_field fields[] = {
		LUTRA_FIELD_OP,		  LUTRA_FIELD_ADDR_CLASS_HIGH,
		LUTRA_FIELD_TRANSPORT,	  LUTRA_FIELD_NETWORK_LOW,
		LUTRA_FIELD_ROLE,	  LUTRA_FIELD_FAMILY,
		LUTRA_FIELD_ADDR_CLASS,	  LUTRA_FIELD_EXACT_PORT,
		LUTRA_FIELD_DETAIL,	  LUTRA_FIELD_HAS_ADDR_CLASS,
		LUTRA_FIELD_HAS_PATH,	  LUTRA_FIELD_SESSION,
		LUTRA_FIELD_NETWORK_HIGH, LUTRA_FIELD_VARIES};
	uint64_t all = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t token = lutra_object_token_put(fields[i], UINT64_MAX);

		assert_false(all & token);
		all |= token;
	}
	assert_false(lutra_object_token_is_odd(all));
}

/* Recordings of IPv4 hold the whole address, so older ones tell all classes too. */
static void address_class_of_an_older_recording_is_found_by_the_address(void **state)
{
	struct lutra_object o = peer_of("169.254.169.254", 80), back;
	struct lutra_record r;

	(void)state;
	o.addr_class = LUTRA_ADDR_PRIVATE;
	lutra_object_pack(&o, &r);
	lutra_object_unpack(&r, &back);
	assert_int_equal(back.addr_class, LUTRA_ADDR_METADATA);
	o = peer_of("fd00:ec2::254", 80);
	o.mode = LUTRA_TRANSPORT_SCTP;
	lutra_object_pack(&o, &r);
	lutra_object_unpack(&r, &back);
	assert_int_equal(back.addr_class, LUTRA_ADDR_METADATA);
	assert_int_equal(back.mode, LUTRA_TRANSPORT_SCTP);
}

static void address_kind_of_a_socket_is_its_object(void **state)
{
	struct lutra_object o = {.op = LUTRA_OP_SOCKET, .family = 16, .mode = 3, .port = 0}, back;
	struct lutra_record r;
	struct lutra_judgement j;

	(void)state;
	policy_begin(1u << LUTRA_OP_SOCKET);
	make_known(token_of(&o));
	assert_true(is_known(&o));
	lutra_judge_pathless(&image, &o, LUTRA_ROLE_SPAWNED, &j);
	assert_int_equal(j.kind, LUTRA_KIND_KNOWN);
	o.port = 4;
	assert_false(is_known(&o));
	lutra_judge_pathless(&image, &o, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.rule, LUTRA_RULE_NEW_HOOKABLE);
	lutra_object_pack(&o, &r);
	lutra_object_unpack(&r, &back);
	assert_memory_equal(&o, &back, sizeof(o));
	o.port = 0;
	o.mode = 2;
	assert_false(is_known(&o));
	assert_int_equal(lutra_socket_protocol(2, 1, 0), LUTRA_IPPROTO_TCP);
	assert_int_equal(lutra_socket_protocol(10, 2, 0), LUTRA_IPPROTO_UDP);
	assert_int_equal(lutra_socket_protocol(2, 1, LUTRA_IPPROTO_MPTCP), LUTRA_IPPROTO_MPTCP);
	assert_int_equal(lutra_socket_protocol(1, 1, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_class_is_that_of_the_registries),
		cmocka_unit_test(address_token_of_an_older_policy_has_an_old_class),
		cmocka_unit_test(address_of_metadata_is_not_known_by_a_private_one),
		cmocka_unit_test(address_networks_are_apart_as_far_as_the_level_says),
		cmocka_unit_test(address_known_without_network_and_transport_is_of_any),
		cmocka_unit_test(address_of_an_answered_client_is_its_class),
		cmocka_unit_test(address_transport_is_part_of_the_peer),
		cmocka_unit_test(address_fields_of_a_peer_do_not_overlap),
		cmocka_unit_test(address_class_of_an_older_recording_is_found_by_the_address),
		cmocka_unit_test(address_kind_of_a_socket_is_its_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
