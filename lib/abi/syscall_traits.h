/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of rule TH: those that an LSM hook can refuse, so that a policy can deny one that
 * training never saw. A call is listed only with the hook that refuses it.
 */
#ifndef LUTRA_LIB_ABI_SYSCALL_TRAITS_H
#define LUTRA_LIB_ABI_SYSCALL_TRAITS_H

#include <stdint.h>

#include "lutra/abi.h"

/* Bit per call number of a machine, as for nr_name(). */
void th_mask(const char *arch, uint64_t ret[LUTRA_NR / 64]);

/* The LSM hook that refuses call nr ("bprm_check_security"), or NULL: nr is not in TH. */
const char *th_hook(const char *arch, unsigned nr);

/* Bit per enum lutra_hook below LUTRA_HOOK_OTHERS that a run in which call nr was seen may pass. */
uint64_t th_leads(const char *arch, unsigned nr);

#endif
