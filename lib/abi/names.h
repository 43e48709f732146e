/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the numbers in lutra/abi.h, as they stand in policy.json, in events and on the command
 * line. x_name() never returns NULL; x_parse() returns -EINVAL for a name it does not know.
 */
#ifndef LUTRA_LIB_ABI_NAMES_H
#define LUTRA_LIB_ABI_NAMES_H

const char *mode_name(unsigned mode);	     /* learn audit deny kill kill-container freeze */
const char *verdict_name(unsigned verdict);  /* allow alert deny kill */
const char *action_name(unsigned action);    /* log alert deny */
const char *op_name(unsigned op);	     /* open exec connect bind ... */
const char *kind_name(unsigned kind);	     /* known P U W O K Y S */
const char *role_name(unsigned role);	     /* startup steady spawned deeper session any */
const char *addr_class_name(unsigned c);     /* none loopback private public any ... */
const char *transport_name(unsigned t);	     /* any tcp udp mptcp sctp other */
const char *record_type_name(unsigned type); /* call arm fork exec exit object mark ipc */
const char *layer_name(unsigned layer);	     /* unknown image written ..., enum lutra_layer */
const char *descriptor_name(unsigned kind);  /* file pipe ipv4 ..., enum lutra_descriptor */
const char *mark_name(unsigned mark);	     /* attack-onset attack-end harm end */
const char *counter_name(unsigned counter);  /* calls objects novel_tokens ... */
const char *cap_name(unsigned cap);	     /* chown ... checkpoint_restore */
const char *hook_name(unsigned hook);	     /* task_alloc socket_create ... */
const char *inode_type_name(unsigned type);  /* S_IFMT >> 12: file dir socket ... */
const char *family_name(unsigned family);    /* unix ipv4 ipv6 netlink ... */

int mode_parse(const char *name, unsigned *ret);
int action_parse(const char *name, unsigned *ret);
int op_parse(const char *name, unsigned *ret);
int hook_parse(const char *name, unsigned *ret);
int role_parse(const char *name, unsigned *ret);

#endif
