# SPDX-License-Identifier: Apache-2.0
# Fuzzers: clang with the sanitizers; make fuzz FUZZ_SECONDS=3600 for a night.

FUZZ_SECONDS ?= 20
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_PROGRAMS := $(FUZZERS:%=$(B)/tests/fuzz/%_fuzz) $(B)/tests/fuzz/corpus
FUZZ_CFLAGS := -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZED := $(wildcard lib/*/*.[ch] lib/*/*/*.[ch] user/import/*.[ch] user/identity/*.[ch] user/sys/process/cgroup.[ch] user/sys/clock.[ch] user/sys/log.[ch] user/discovery/engine_api.[ch] \
	include/lutra/*.h)

$(B)/tests/fuzz/corpus: $(B)/tests/fuzz/corpus.o $(B)/tests/support.a $(B)/lib.a
	$(LINK)
$(B)/tests/fuzz/accepted_fuzz: tests/support/sample.c tests/support/scratch.c
# No fuzzer where clang lacks the runtime: tests/fuzz/run then says so.
$(B)/tests/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(FUZZED)
	@mkdir -p $(@D)
	$(call msg,FUZZ,$@)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) $(filter %.c,$^) -o $@ $(LDLIBS) || \
	[ ! -e "$$($(CLANG) -print-runtime-dir)/libclang_rt.fuzzer-$(shell uname -m).a" ]

#: make fuzz        the loaders on any bytes, FUZZ_SECONDS=20 each
fuzz: $(FUZZ_PROGRAMS)
	@tests/run $(SUITE_fuzz)
.PHONY: fuzz
