# SPDX-License-Identifier: Apache-2.0
# Tests. A suite is a list of programs with options for tests/run, which runs them, shows progress and
# counts. Suites of different lanes run side by side, programs of one lane one after the other.
# Exit 77 of a program means skipped. bpf, daemon, e2e, web, vm and escapes need root.

# ---- test programs ----
cmocka_tests = $(patsubst %.c,$(B)/%,$(shell find $1 -name '*_test.c' | sort))
UNIT_TESTS := $(call cmocka_tests,tests/unit)
BPF_TESTS := $(call cmocka_tests,tests/bpf)
DAEMON_TESTS := $(call cmocka_tests,tests/daemon)
# Fixtures: a program takes from the archive what it calls. Nothing calls the filter, so it is linked by name.
TEST_FILTER := $(B)/tests/support/filter.o
TEST_SUPPORT := $(B)/tests/support.a
$(TEST_SUPPORT): $(filter-out $(TEST_FILTER),$(call objects,tests/support))

# Of the build without BTF only what includes the skeleton differs.
ifeq ($(filter %/min,$(B)),)
LINKED_BPF := $(TEST_FILTER) $(TEST_SUPPORT) $(B)/user.a $(B)/lib.a
else
LINKED_BPF := $(call objects,user/guard) $(call objects,tests/support/bpf) \
	$(addprefix $(B:/min=)/,tests/support/filter.o tests/support.a user.a lib.a)
endif

$(UNIT_TESTS) $(BPF_TESTS) $(DAEMON_TESTS): LDLIBS += -lcmocka
$(B)/tests/unit/bench/dataset/traces/mark_trace_test: $(DATASET_OBJ)
$(B)/tests/unit/bench/alarms/judged_run_test: $(ALARMS_OBJ)
$(UNIT_TESTS): %: %.o $(TEST_FILTER) $(TEST_SUPPORT) $(B)/user.a $(B)/trainer.a $(B)/lib.a
	$(LINK)
$(BPF_TESTS) $(DAEMON_TESTS): %: %.o $(LINKED_BPF)
	$(LINK)
$(B)/tests/bpf/verdict/parity_test.o: $(B)/tests/bpf/verdict/parity.skel.h

# In a VM loading the guard takes longest: one program has all that load it alike. The rest load it by themselves.
TOGETHER := $(B)/tests/bpf/together
TOGETHER_TESTS := $(filter-out $(addprefix %/,attach_test door_test no_memory_test protect_test sources_test parity_test flee_test task_cache_test),$(BPF_TESTS))
TOGETHER_OBJ := $(TOGETHER_TESTS:$(B)/%=$(B)/together/%.o)
$(TOGETHER_OBJ): $(B)/together/%.o: %.c | $(B)/kern/lutra.skel.h $(B)/kern/door/door.skel.h
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(COMPILE) -Dmain=$(notdir $*)_main -Wno-missing-prototypes
# Its list of tests is that of the folder: another test makes it anew.
$(TOGETHER).o: $(TOGETHER_TESTS:$(B)/%=%.c)
$(TOGETHER).o: CPPFLAGS += -DTESTS='$(foreach t,$(notdir $(TOGETHER_TESTS)),TEST($t))'
$(TOGETHER): LDLIBS += -lcmocka
$(TOGETHER): $(TOGETHER).o $(TOGETHER_OBJ) $(TEST_FILTER) $(TEST_SUPPORT) $(B)/user.a $(B)/lib.a
	$(LINK)

# The export that this test runs.
$(B)/tests/unit/bench/lid_ds_test: | $(B)/bench/dataset/traces/sc_lines

# A clock that a test puts forward, for lutrad.
FAKE_CLOCK := $(B)/tests/daemon/fake_clock.so
$(FAKE_CLOCK): tests/daemon/fake_clock.c
	@mkdir -p $(@D)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) -O2 $(WARN) -fPIC -shared -o $@ $< -ldl
$(addprefix $(B)/tests/daemon/,accepted_test daemon_test release_test repeats_test): | $(FAKE_CLOCK)

# The kernel side as it is built where there is no BTF to build from.
MIN_TESTS := $(addprefix $(B)/min/tests/bpf/,tasks/enrolment_test records/object_names_test hooks/hooks_test)
ifeq ($(filter %/min,$(B)),)
$(MIN_TESTS) &: $(KERN_SRC) $(wildcard kern/*/*.h include/lutra/*.h) $(MIN_TESTS:$(B)/min/%=$(B)/%)
	$(Q)$(MAKE) --no-print-directory B=$(B)/min VMLINUX_BTF=/nonexistent $(MIN_TESTS)
endif

# lutrad with the sanitizers, for the soak.
SANITIZE := -fsanitize=address,undefined
.PHONY: sanitized
sanitized:
	@$(MAKE) --no-print-directory B=$(B)/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined $(SANITIZE)" \
		LDFLAGS="$(LDFLAGS) $(SANITIZE)" $(B)/asan/bin/lutrad
# What runs in a container of the soak.
TENANT := $(B)/tests/e2e/soak/tenant
$(TENANT): tests/e2e/soak/tenant.c
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) -O2 $(WARN) -D_GNU_SOURCE -static -o $@ $<

# What runs in containers and beside them.
E2E_PROGRAMS := $(patsubst %,$(B)/tests/e2e/%,load listen progs webhook)
$(E2E_PROGRAMS): LDLIBS := -lpthread -lbpf
$(E2E_PROGRAMS): $(B)/tests/e2e/%: $(B)/tests/e2e/%.o
	$(LINK)
# A program without a library: what it calls is what it says.
$(B)/tests/e2e/first: tests/e2e/first.c
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) -O2 $(WARN) -fno-stack-protector -fcf-protection=none -nostdlib -static -o $@ $<

# What the escape suite runs in the services and beside them.
ESC := $(B)/tests/e2e/escapes
ESCAPES := $(patsubst %,$(ESC)/techniques/%.o,techniques ring mounts processes kernel files names tasks sockets moves \
	memory outside secrets)
ESCAPE_PROGRAMS := $(ESC)/implant.so $(ESC)/host
$(ESCAPES) $(ESC)/implant.o: CFLAGS += -fPIC
$(ESC)/techniques/payload: tests/e2e/escapes/techniques/payload.c tests/e2e/escapes/techniques/technique.h
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -O2 $(WARN) -fno-stack-protector -nostdlib -static -o $@ $<
$(ESC)/techniques/techniques.o: $(ESC)/techniques/payload
$(ESC)/implant.so: $(ESC)/implant.o $(ESCAPES)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(filter-out -pie,$(LDFLAGS)) -shared $^ -o $@ -ldl
$(ESC)/host: LDLIBS :=
$(ESC)/host: $(ESC)/host.o $(ESC)/victim.o $(ESCAPES)
	$(LINK)

# ---- suites ----
BEGUN := -b $(shell date +%s)
VM_SERIES ?= 6.1 6.12
ESCAPE_SERIES ?= $(VM_SERIES)

LINT := "tests/lint format" "tests/lint shell" "tests/lint size" "tests/lint arrows" "tests/lint docs" \
	"tests/lint scorer"
E2E_QUICK := tests/e2e/demo/demo_test tests/e2e/engines/alert_test tests/e2e/policy/accept_test
# The soak of lutrad in short needs no engine.
SOAK_SHORT := tests/e2e/soak/day_test
# The upgrade builds an older lutra: it is run by hand.
E2E_MORE := $(filter-out $(E2E_QUICK) $(SOAK_SHORT) tests/e2e/guard/upgrade_test,$(wildcard tests/e2e/*/*_test))
VM_QUICK := "tests/vm/suite 6.12 deny"
# The newest kernel first: it takes longest.
newest_first = $(filter sid,$1) $(filter-out sid,$1)
# A takeover starts daemons for minutes, on one kernel.
VM_TAKEOVER = $(patsubst %,"tests/vm/suite % takeover",$(filter 6.12,$(VM_SERIES)))
# Policies with podman in mode deny, on one kernel: an emulated podman takes seconds to start.
VM_PODMAN = $(foreach t,accept release trial,$(patsubst %,"tests/vm/suite % $t",$(filter 6.12,$(VM_SERIES))))
VM_MORE = $(VM_TAKEOVER) $(foreach s,$(call newest_first,$(VM_SERIES)),"tests/vm/suite $s kernel" "tests/vm/suite $s guard") tests/vm/interrupt_test

SUITE_lint = -s lint -l cpu $(LINT) "tests/lint tidy"
SUITE_lint_full = -s lint -l cpu -t 900 $(LINT) "tests/lint tidy all"
SUITE_unit = -s unit -l cpu $(UNIT_TESTS) tests/house/dataset_test tests/house/alarms_test tests/house/alarms_base_test tests/house/stage_test tests/house/manual_test tests/house/release_test
SUITE_bpf = -s bpf -l bpf $(BPF_TESTS) $(filter-out %/hooks_test,$(MIN_TESTS))
SUITE_daemon = -s daemon -l daemon $(DAEMON_TESTS) $(SOAK_SHORT)
SUITE_e2e_quick = -s e2e -l e2e $(E2E_QUICK)
SUITE_e2e_more = -s e2e -l e2e -t 600 $(E2E_MORE)
# The page's test guards by the demo's policy.
SUITE_web = -s web -l e2e tests/web/web_test
SUITE_clicks = -s clicks -l e2e "tests/web/clicks 100 50000"
SUITE_fuzz = -s fuzz -l cpu -t $(shell expr $(FUZZ_SECONDS) + 200) $(FUZZERS:%="tests/fuzz/run % $(FUZZ_SECONDS)")
# Emulated machines wait for a third of their time: three keep two processors busy, after what runs natively.
SUITE_vm_quick = -s vm -l vm:3 -n 10 -a tests/e2e/demo/demo_test -t 600 $(VM_QUICK)
SUITE_vm_more = -s vm -l vm:3 -n 10 -t 600 $(VM_MORE)
SUITE_vm_podman = -s vm -l vm:3 -n 10 -t 900 $(VM_PODMAN)
SUITE_escapes = -s escapes -l vm:3 -n 10 -t 600 $(foreach s,$(call newest_first,$(ESCAPE_SERIES)),"tests/e2e/escapes/suite $s")

NATIVE_PROGRAMS = all $(BPF_TESTS) $(DAEMON_TESTS) $(MIN_TESTS) $(E2E_PROGRAMS) $(B)/tests/e2e/first $(TENANT) $(FAKE_CLOCK) $(BENCH_STATES)
VM_PROGRAMS = all $(BPF_TESTS) $(TOGETHER) $(MIN_TESTS) $(E2E_PROGRAMS) $(ESCAPE_PROGRAMS)
SKELETONS := $(addprefix $(B)/,kern/lutra.skel.h kern/door/door.skel.h tests/bpf/verdict/parity.skel.h bench/kernel/empty.skel.h bench/kernel/parts.skel.h)

#: make check       what to run before each change: 10 minutes on 2 processors
check: $(SKELETONS) $(UNIT_TESTS) $(NATIVE_PROGRAMS) $(B)/bench/alerts
	@tests/run -w build/check/check.seconds $(BEGUN) $(SUITE_lint) $(SUITE_unit) $(SUITE_bpf) $(SUITE_daemon) $(SUITE_e2e_quick) $(SUITE_web) $(SUITE_vm_quick) \
		-x "lint: tidy of all files" -x "e2e: $(words $(E2E_MORE)) programs, the short soaks among them" \
		-x "web: clicks with many containers" -x "vm: kernel and guard on 6.1, 6.12 and sid, takeover, podman, interrupt_test" \
		-x "escapes: on 6.1, 6.12 and sid, in four modes" -x "fuzz: $(FUZZERS)"
#: make check-full  all tests, on three kernels: 40 minutes on 2 processors
check-full: VM_SERIES := 6.1 6.12 sid
check-full: $(SKELETONS) $(UNIT_TESTS) $(NATIVE_PROGRAMS) $(VM_PROGRAMS) $(FUZZ_PROGRAMS) $(B)/bench/alerts
	@LUTRA_CLICK_MS=300 tests/run -w build/check/check-full.seconds $(BEGUN) $(SUITE_lint_full) $(SUITE_unit) $(SUITE_fuzz) $(SUITE_bpf) $(SUITE_daemon) \
		$(SUITE_e2e_quick) $(SUITE_web) $(SUITE_clicks) $(SUITE_e2e_more) $(SUITE_escapes) $(SUITE_vm_podman) $(SUITE_vm_more)
#: make check-kernels  kernel, guard and escape suites in VMs, VM_SERIES='6.1 6.12'; sid: Debian's newest
check-kernels: $(VM_PROGRAMS)
	@tests/run $(BEGUN) $(SUITE_escapes) $(SUITE_vm_more)

#: make lint, check-unit, check-bpf, check-daemon, check-e2e, check-web, check-vm, check-escapes: one part
lint: $(SKELETONS)
	@tests/run $(SUITE_lint)
check-unit: all $(UNIT_TESTS)
	@tests/run $(SUITE_unit)
check-bpf: $(NATIVE_PROGRAMS)
	@tests/run $(SUITE_bpf)
check-daemon: $(NATIVE_PROGRAMS)
	@tests/run $(SUITE_daemon)
check-e2e: $(NATIVE_PROGRAMS)
	@tests/run $(SUITE_e2e_quick) $(SUITE_e2e_more)
# A tenth of the containers and a twentieth of the events of bench-web; on a busy machine a click may take longer.
check-web: $(NATIVE_PROGRAMS) $(B)/bench/alerts
	@LUTRA_CLICK_MS=300 tests/run $(SUITE_web) $(SUITE_clicks)
check-vm: $(VM_PROGRAMS)
	@tests/run $(SUITE_vm_podman) $(SUITE_vm_more)
check-escapes: $(VM_PROGRAMS)
	@tests/run $(SUITE_escapes)

#: make docs-escapes   docs/escapes.md from the results of all three series
docs-escapes:
	@tests/e2e/escapes/report/docs
#: make docs-pictures  docs/pictures, of the page, by its test
docs-pictures: all $(E2E_PROGRAMS) $(B)/bench/alerts
	@mkdir -p docs/pictures/light docs/pictures/dark
	@LUTRA_GUARDED=notes LUTRA_PICTURES=$(CURDIR)/docs/pictures tests/web/web_test
#: make house       the measures of the structure: cycles, names, folders, lines
house: all
	@tests/house/report $(if $(V),-v)
.PHONY: check check-full check-kernels lint check-unit check-bpf check-daemon check-e2e check-web check-vm check-escapes \
	docs-escapes docs-pictures house
