/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/abi/socket_kind.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lutra/address.h"

#define WORD_MAX 16
#define FAMILIES 256
#define TYPES 16
#define PROTOCOL_NONE UINT16_MAX

static const char *const types[TYPES] = {
	[1] = "stream", [2] = "dgram", [3] = "raw", [4] = "rdm", [5] = "seqpacket", [10] = "packet",
};

static const struct {
	unsigned number;
	const char *name;
} protocols[] = {
	{1, "icmp"},	{LUTRA_IPPROTO_TCP, "tcp"},   {LUTRA_IPPROTO_UDP, "udp"},
	{58, "icmpv6"}, {LUTRA_IPPROTO_SCTP, "sctp"}, {LUTRA_IPPROTO_MPTCP, "mptcp"},
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static bool is_inet(unsigned family)
{
	return family == LUTRA_AF_INET || family == LUTRA_AF_INET6;
}

static const char *protocol_name(unsigned family, unsigned protocol)
{
	for (size_t i = 0; is_inet(family) && i < PROTOCOLS; i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

void socket_kind_text(unsigned family, unsigned type, unsigned protocol,
		      char ret[static SOCKET_KIND_TEXT])
{
	const char *name = family_name(family), *of = protocol_name(family, protocol);
	char numbers[3][WORD_MAX];

	snprintf(numbers[0], WORD_MAX, "%u", family);
	snprintf(numbers[1], WORD_MAX, "%u", type);
	snprintf(numbers[2], WORD_MAX, "%u", protocol);
	snprintf(ret, SOCKET_KIND_TEXT, "%s %s%s%s", name[0] == '?' ? numbers[0] : name,
		 type < TYPES && types[type] ? types[type] : numbers[1],
		 family == LUTRA_AF_UNIX ? "" : " ",
		 family == LUTRA_AF_UNIX ? ""
		 : of			 ? of
					 : numbers[2]);
}

/* Reads a number below limit. Returns it, or -EINVAL. */
static int parse_number(const char *word, unsigned limit)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	return *word < '0' || *word > '9' || *end || n >= limit ? -EINVAL : (int)n;
}

static int parse_family(const char *word)
{
	for (unsigned i = 1; i < FAMILIES; i++)
		if (strcmp(family_name(i), word) == 0)
			return (int)i;
	return parse_number(word, FAMILIES);
}

static int parse_type(const char *word)
{
	for (unsigned i = 0; i < TYPES; i++)
		if (types[i] && strcmp(types[i], word) == 0)
			return (int)i;
	return parse_number(word, TYPES);
}

static int parse_protocol(unsigned family, const char *word)
{
	for (size_t i = 0; is_inet(family) && i < PROTOCOLS; i++)
		if (strcmp(protocols[i].name, word) == 0)
			return (int)protocols[i].number;
	return parse_number(word, PROTOCOL_NONE);
}

int socket_kind_parse(const char *text, struct lutra_object *ret)
{
	char word[3][WORD_MAX], rest[2];
	int n, family, type, protocol = 0;

	n = sscanf(text ? text : "", "%15s %15s %15s %1s", word[0], word[1], word[2], rest);
	if (n < 2 || n > 3)
		return -EINVAL;
	family = parse_family(word[0]);
	type = parse_type(word[1]);
	if (family < 0 || type < 0 || (n == 2) != (family == LUTRA_AF_UNIX))
		return -EINVAL;
	if (n == 3)
		protocol = parse_protocol((unsigned)family, word[2]);
	if (protocol < 0)
		return -EINVAL;
	ret->family = (__u8)family;
	ret->mode = (__u16)type;
	ret->port = (__u16)protocol;
	return 0;
}
