/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a policy, between policy_files.c and its codecs.
 *
 *   tables.lut = "LUT1", u32 format version, arch[16] (NUL-padded), u32 v, u32 nodes, u32 objects,
 *                u32 port_exact, u64 hash_key[2], u64 steady[8], u8 p1, u8 p2,
 *                u8 first_seen, u8 first_stays (bit 0; the others are not read),
 *                u8 code_last (since format 3), u8 level_shift, u8 level_counts (since format 4),
 *                u8 novelty_shift | novelty_counts << 4 (0: no level N), u8 token[roles][512] (5
 *                roles; 4 in format 1), u16 t0[v][v],
 *                u16 t1[128][128], u16 t2[128][128],
 *                nodes x { u64 key, u16 parent, u8 flags, u8 kind (1: a directory, 2: for exec
 *                sessions alone), u8 bytes, name },
 *                objects x u64 token, u8 successors[v][4],
 *                (since format 4) u32 keys, keys x { u64 hash, u8 token[roles], u8 bytes, name },
 *                (since format 5) u32 names, names x u64 lutra_name_token()
 *
 * Before format 4 the tables are of levels A and B. They are read and dropped.
 *
 *   model.lut = "LUM1", u32 format version, u32 runs, u8 lib_digits,
 *               u32 n, n x { u8 role, u16 call, u64 count },
 *               3 x { u32 k, u32 codes, f32 la[codes][k], f32 lb[codes][k] },
 *               u32 n, n x u64 history,
 *               runs x { u32 n, n x { u32 history, u32 count, u32 gap } },
 *               u32 n, n x { struct lutra_object, u16 bytes (0xffff: no path), path, u8 roles[runs]
 * }
 *
 * All little-endian, nothing after it. Their sums stand in policy.json.
 */
#ifndef LUTRA_LIB_POLICY_FILES_POLICY_FORMAT_H
#define LUTRA_LIB_POLICY_FILES_POLICY_FORMAT_H

#include "lib/policy/files/policy_json.h"

/* This rule and those after it are absent in policies that are older. */
#define RULE_OF_FORMAT_2 LUTRA_RULE_UPDATED
/*
 * 1: no arguments of system calls. 1, 2: thresholds of levels A and B, none of level M. 1 to 3: no
 * threshold of level N.
 */
#define POLICY_JSON_VERSION 4
#define POLICY_TABLES_FILE "tables.lut"
#define POLICY_SIGNATURE_FILE "policy.sig"
#define POLICY_TABLES_MAX (1u << 20)
#define POLICY_MODEL_MAX (256u << 20)
#define POLICY_RUNS_MAX 4096
#define POLICY_KNOWN_MAX 65			  /* the base, and packs */
#define POLICY_RUN_SECONDS_MAX (UINT32_MAX / 1e3) /* a run has its time in ms of 32 bits */

/* The arrays as tables.lut, the caller's to free. -ENOMEM. */
int policy_tables_encode(const struct policy *p, uint8_t **ret, size_t *ret_len);
/*
 * Fill in the arrays and p->arch, which must have none yet. -EBADMSG: damaged. -ENOEXEC: another
 * architecture, or a newer format. -ENOMEM. What policy_check() checks is not checked here.
 */
int policy_tables_decode(struct policy *p, const uint8_t *data, size_t len, struct err *err);

/* As model.lut, the caller's to free. -ENOMEM. */
int policy_model_encode(const struct policy_model *m, uint8_t **ret, size_t *ret_len);

/* -EBADMSG: damaged. -ENOEXEC: a newer format. -ENODATA: a format without level M. -ENOMEM. */
int policy_model_decode(struct policy_model **ret, const uint8_t *data, size_t len,
			struct err *err);

/* policy.json, the caller's to free. tables_len: bytes of tables.lut. -EINVAL, -ENOMEM. */
int policy_json_encode(const struct policy *p, size_t tables_len, char **ret, struct err *err);
/* What policy.json says apart from the arrays; *ret_tables_len: the size it gives tables.lut. */
int policy_json_decode(struct policy *p, json_t *j, size_t *ret_tables_len, struct err *err);
/* Do the alphabet and the objects that policy.json lists agree with the arrays? -EBADMSG. */
int policy_json_match(const struct policy *p, json_t *j, struct err *err);

/* The "calibration" and "provenance" members; policy_json.h has the encoders. */
int policy_calibration_decode(struct policy_calibration *c, json_t *j, struct err *err);
int policy_provenance_decode(struct policy *p, json_t *j, struct err *err);

/* The "known" member: the base and packs. j: NULL where there is none, as in older policies. */
json_t *policy_known_encode(const struct policy *p);
int policy_known_decode(struct policy *p, json_t *j, struct err *err);

/*
 * The "arguments" member; decode: of the whole of policy.json, once the alphabet is known. A call
 * of it whose arguments are not listed may have any. -EBADMSG.
 */
json_t *policy_args_encode(const struct policy *p);
int policy_args_decode(struct policy *p, json_t *j, struct err *err);

void policy_sum(const void *data, size_t len, char ret[static POLICY_SHA256_TEXT]);

/* A whole policy from its two files' bytes. Errors as policy_load(). */
int policy_decode(struct policy **ret, const char *json, size_t json_len, const uint8_t *tables,
		  size_t tables_len, struct err *err);

#endif
