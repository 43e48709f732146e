# SPDX-License-Identifier: Apache-2.0
# The only build file. Everything it makes goes to build/. `make help` lists the targets.

B := build
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKGS := libbpf jansson libzstd zlib sqlite3 libsodium libseccomp libmicrohttpd libcurl
Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
ifdef CI
WARN += -Werror
endif
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -Iinclude -I. -I$(B)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread

all: $(B)/bin/lutra $(B)/bin/lutrad $(B)/bin/lutra-hook $(B)/bin/lutra-train $(B)/bin/lutra-eval

# ---- what it needs: the one list of Debian packages ----
DEPS_BUILD := gcc libc6-dev make pkg-config clang bpftool libbpf-dev libelf-dev zlib1g-dev \
	libzstd-dev libjansson-dev libsqlite3-dev libsodium-dev libseccomp-dev libncurses-dev libmicrohttpd-dev \
	libcurl4-gnutls-dev
DEPS_DEMO := runc crun jq
DEPS_EVAL := unzip time
# Node.js from elsewhere brings its npm along, and conflicts with Debian's.
NPM := $(if $(shell command -v npm),,npm)
DEPS_CHECK := libcmocka-dev libclang-rt-14-dev clang-format clang-tidy shellcheck \
	podman conmon qemu-system-x86 busybox-static cpio kmod xz-utils e2fsprogs chromium nodejs $(NPM)
DEPS := $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_EVAL) $(DEPS_CHECK)
APT := DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends

deps:
	@echo "build: $(DEPS_BUILD)"; echo "demo:  $(DEPS_DEMO)"; echo "eval:  $(DEPS_EVAL)"; echo "check: $(DEPS_CHECK)"
	@command -v apt-get >/dev/null || { echo "no apt-get here: install what these are called on this system"; exit 1; }; \
	missing=; for p in $(DEPS); do \
		dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; \
	done; \
	if [ -z "$$missing" ]; then echo "all of them are installed"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -q update && $(APT) install $$missing; \
	else echo "missing, run as root: apt-get install --no-install-recommends$$missing"; exit 1; fi

help:
	@sed -n 's/^#: *//p' $(MAKEFILE_LIST)
#: make             build build/bin/lutra, lutrad, lutra-train and lutra-eval
#: make deps        list the Debian packages; as root, install those that are missing
#: make demo        record, train, guard and attack a real container (root); VM=1: in deny mode, in a VM
#: make demo-soak   the demo's benign load N=20 times and its attack N=20 times, counted
#: make soak        false verdicts in CALLS=10000000 calls of nginx, redis and postgres (20 minutes)
#: make check       lint and all tests; check-unit, check-bpf, check-e2e, check-web, check-vm, check-escapes, lint: one part
#: make check-escapes  container escapes and evasions in VMs, four ways; ESCAPE_SERIES='6.1 6.12 sid'
#: make docs-escapes   docs/escapes.md from the results of all three series
#: make docs-pictures  docs/pictures, of the page, by its test
#: make house       the measures of the structure: cycles, names, folders, lines
#: make format      clang-format on all of it
#: make fuzz        the loaders on any bytes, FUZZ_SECONDS=20 each
#: make bench       ns of a getppid and of an open, unguarded to recorded; training, scoring; bench-quick: shorter
#: make bench-alerts    20,000 alerts a second for 30 s into the event store: what is kept, what it costs
#: make bench-web       how soon the page answers a click, with 1,000 containers and a million events
#: make bench-products  the trainer's matrix products beside OpenBLAS
#: make bench-starts  containers that podman starts, armed before their first instruction, and how long it takes
#: make eval        policies and baselines on the recordings in ../shared/data, to build/eval (5 minutes)
#: make policies    record nginx, redis and postgres and train their policies in policies/ anew (root, 15 minutes)
#: make install     to PREFIX (/usr/local), below DESTDIR; make uninstall
#: V=1 shows commands, CI=1 makes warnings errors

# ---- BPF: one object a file, linked into one ----
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
KERN_SRC := $(wildcard kern/*/*.bpf.c)
KERN_OBJ := $(KERN_SRC:%.c=$(B)/%.o)
BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Wno-unused-function \
	-Wno-unused-parameter -Wno-gnu-variable-sized-type-not-at-end -Iinclude -I$(B)/kern -I. $(if $(CI),-Werror)

$(B)/kern/vmlinux.h: kern/state/vmlinux_min.h
	@mkdir -p $(@D)
	$(call msg,BTF,$@)
	$(Q)if [ -r $(VMLINUX_BTF) ]; then $(BPFTOOL) btf dump file $(VMLINUX_BTF) format c >$@.tmp; \
	else cp kern/state/vmlinux_min.h $@.tmp; fi && mv $@.tmp $@

$(B)/%.bpf.o: %.bpf.c $(B)/kern/vmlinux.h
	@mkdir -p $(@D)
	$(call msg,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MD -MP -MF $(@:.o=.d) -c $< -o $@

$(B)/kern/lutra.o: $(KERN_OBJ)
	$(call msg,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

SKELETON = { echo '\#pragma GCC system_header'; $(BPFTOOL) gen skeleton $< name $(1)_bpf; } >$@.tmp && mv $@.tmp $@
$(B)/kern/lutra.skel.h: $(B)/kern/lutra.o
	$(call msg,SKEL,$@)
	$(Q)$(call SKELETON,lutra)
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(call SKELETON,$(notdir $*))
$(B)/tests/bpf/parity_test.o: $(B)/tests/bpf/parity.skel.h
$(B)/bench/states.o: $(B)/bench/empty.skel.h
$(B)/bench/parts.o: $(B)/bench/parts.skel.h

# ---- userspace ----
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*/*.c))
USER_MAIN := user/lutra.c user/lutrad.c user/lutra_hook.c
USER_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(USER_MAIN),$(wildcard user/*/*.c user/*/*/*.c)))
TRAIN_MAIN := trainer/lutra_train.c trainer/lutra_eval.c
TRAIN_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(TRAIN_MAIN),$(wildcard trainer/*.c trainer/*/*.c trainer/*/*/*.c)))

# The same bytes on every host: no product and sum contracted to one rounding.
$(B)/trainer/%.o: CFLAGS := $(CFLAGS) -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math

# Loops over columns.
$(B)/lib/trace/%.o: CFLAGS := $(CFLAGS) -O3

$(B)/%.o: %.c | $(B)/kern/lutra.skel.h
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MD -MP -MF $(@:.o=.d) -c $< -o $@

# The web page is part of the program.
PAGE := web/index.html web/icon.svg web/openapi.json $(sort $(wildcard web/js/*.js web/style/*.css)) \
	third_party/uplot/uPlot.iife.min.js third_party/uplot/uPlot.min.css
$(B)/user/api/page_files.c: web/embed $(PAGE)
	@mkdir -p $(@D)
	$(call msg,EMBED,$@)
	$(Q)web/embed $(PAGE) >$@.tmp && mv $@.tmp $@
$(B)/user/api/page_files.o: $(B)/user/api/page_files.c
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

$(B)/lib.a: $(LIB_OBJ)
$(B)/user.a: $(USER_OBJ) $(B)/user/api/page_files.o
$(B)/trainer.a: $(TRAIN_OBJ)
$(B)/lib.a $(B)/user.a $(B)/trainer.a:
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/bin/lutra: LDLIBS += $(shell pkg-config --libs ncursesw 2>/dev/null)
$(B)/bin/lutra: $(B)/user/lutra.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutrad: $(B)/user/lutrad.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutra-hook: $(B)/user/lutra_hook.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutra-eval: $(B)/trainer/lutra_eval.o $(B)/trainer.a $(B)/lib.a
$(B)/bin/lutra-train: $(B)/trainer/lutra_train.o $(B)/trainer.a $(B)/lib.a
$(B)/bin/%:
	@mkdir -p $(@D)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

# ---- tests: each file a program; exit 77 is skipped ----
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(shell find tests/unit -name "*_test.c" | sort))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(B)/tests/bpf/%,$(wildcard tests/bpf/*_test.c))
DAEMON_TESTS := $(patsubst tests/daemon/%.c,$(B)/tests/daemon/%,$(wildcard tests/daemon/*_test.c))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/user.a $(B)/trainer.a $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS) -lcmocka
$(BPF_TESTS) $(DAEMON_TESTS): %: %.o $(B)/user.a $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS) -lcmocka

# A clock that a test puts forward, for lutrad.
FAKE_CLOCK := $(B)/tests/daemon/fake_clock.so
$(FAKE_CLOCK): tests/daemon/fake_clock.c
	@mkdir -p $(@D)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) -O2 $(WARN) -fPIC -shared -o $@ $< -ldl
$(B)/tests/daemon/daemon_test: | $(FAKE_CLOCK)

# The kernel side as it is built where there is no BTF to build from.
MIN_TESTS := $(addprefix $(B)/min/tests/bpf/,kernel_test hooks_test)
ifeq ($(filter %/min,$(B)),)
$(MIN_TESTS) &: $(KERN_SRC) $(wildcard kern/*/*.h include/lutra/*.h) $(B)/tests/bpf/kernel_test $(B)/tests/bpf/hooks_test
	$(Q)$(MAKE) --no-print-directory B=$(B)/min VMLINUX_BTF=/nonexistent $(MIN_TESTS)
endif

# Tests that are not cmocka programs; 77 is skipped. check-e2e and check-bpf need root. A VM waits for a third
# of its time, mostly for its kernel to detach: three at a time keep two cores busy. So do the tests on the host
# beside them, which have the processors first; what is timed (check-web) runs before, alone.
RUN = $(if $(IN_CHECK),,rm -rf $(B)/check;) tests/run
SUMMARY = $(if $(IN_CHECK),,; r=$$?; tests/run -s; exit $$r)
CHECKS_ALONE := lint check-unit check-web
CHECKS_BESIDE := check-bpf fuzz check-e2e
E2E_TESTS := $(wildcard tests/e2e/*/*_test)
VM_SERIES ?= 6.1 6.12
ESCAPE_SERIES ?= 6.1 6.12
# Of a series, the longest first.
VM_SUITES = $(if $(filter $1,$(VM_SERIES)),"tests/vm/suite $1 guard" "tests/vm/suite $1 kernel")
ESCAPE_SUITE = $(if $(filter $1,$(ESCAPE_SERIES)),"tests/e2e/escapes/suite $1")

E2E_PROGRAMS := $(patsubst %,$(B)/tests/e2e/%,load listen progs webhook)
$(E2E_PROGRAMS): $(B)/tests/e2e/%: $(B)/tests/e2e/%.o
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ -lpthread -lbpf

# A program without a library: what it calls is what it says.
$(B)/tests/e2e/first: tests/e2e/first.c
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) -O2 $(WARN) -fno-stack-protector -fcf-protection=none -nostdlib -static -o $@ $<

# What the escape suite runs in the services and beside them.
ESC := $(B)/tests/e2e/escapes
ESCAPES := techniques ring mounts processes kernel files names tasks
ESCAPE_PROGRAMS := $(ESC)/implant.so $(ESC)/host
$(ESCAPES:%=$(ESC)/%.o) $(ESC)/implant.o: CFLAGS += -fPIC
$(ESC)/payload: tests/e2e/escapes/payload.c tests/e2e/escapes/technique.h
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -O2 $(WARN) -fno-stack-protector -nostdlib -static -o $@ $<
$(ESC)/techniques.o: $(ESC)/payload
$(ESC)/implant.so: $(ESC)/implant.o $(ESCAPES:%=$(ESC)/%.o)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(filter-out -pie,$(LDFLAGS)) -shared $^ -o $@ -ldl
$(ESC)/host: $(ESC)/host.o $(ESC)/victim.o $(ESCAPES:%=$(ESC)/%.o)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@

BENCH_STATES := $(B)/bench/getppid $(B)/bench/open

check: all $(UNIT_TESTS) $(BPF_TESTS) $(DAEMON_TESTS) $(MIN_TESTS) $(E2E_PROGRAMS) $(B)/tests/e2e/first $(ESCAPE_PROGRAMS) $(BENCH_STATES)
	@rm -rf $(B)/check; r=0; make='$(MAKE) --no-print-directory IN_CHECK=1'; \
	for t in $(CHECKS_ALONE); do $$make $$t || r=1; done; \
	nice -n 10 $$make check-vms & vms=$$!; trap "kill $$vms; exit 1" INT TERM; \
	for t in $(CHECKS_BESIDE); do $$make $$t || r=1; done; \
	wait $$vms || r=1; \
	tests/run -s || r=1; exit $$r

check-unit: all $(UNIT_TESTS)
	@$(RUN) unit $(UNIT_TESTS) $(SUMMARY)
check-bpf: all $(BPF_TESTS) $(DAEMON_TESTS) $(MIN_TESTS)
	@$(RUN) bpf $(BPF_TESTS) $(firstword $(MIN_TESTS)) $(DAEMON_TESTS) $(SUMMARY)
check-e2e: all $(E2E_PROGRAMS) $(B)/tests/e2e/first $(BENCH_STATES)
	@$(RUN) -t 900 e2e $(E2E_TESTS) $(SUMMARY)
# A tenth of the containers and a twentieth of the events of bench-web; on a busy machine a click may take longer.
check-web: export LUTRA_CLICK_MS := 300
check-web: all $(E2E_PROGRAMS) $(B)/bench/alerts
	@$(RUN) -t 300 web tests/web/web_test "tests/web/clicks 100 50000" $(SUMMARY)
check-vm: all $(BPF_TESTS) $(MIN_TESTS) $(E2E_PROGRAMS)
	@$(RUN) -t 3000 -j 3 vm $(foreach s,$(VM_SERIES),$(call VM_SUITES,$s)) tests/vm/interrupt_test $(SUMMARY)
check-escapes: all $(ESCAPE_PROGRAMS)
	@$(RUN) -t 3000 -j 2 escapes $(foreach s,$(ESCAPE_SERIES),$(call ESCAPE_SUITE,$s)) $(SUMMARY)
check-vms: all $(BPF_TESTS) $(MIN_TESTS) $(E2E_PROGRAMS) $(ESCAPE_PROGRAMS)
	@$(RUN) -t 3000 -j 3 vm $(foreach s,$(sort $(VM_SERIES) $(ESCAPE_SERIES)),$(call VM_SUITES,$s) $(call ESCAPE_SUITE,$s)) \
		tests/vm/interrupt_test $(SUMMARY)
docs-escapes:
	@tests/e2e/escapes/report/docs
docs-pictures: all $(E2E_PROGRAMS)
	@LUTRA_GUARDED=notes LUTRA_PICTURES=$(CURDIR)/docs/pictures tests/web/web_test
lint: $(B)/kern/lutra.skel.h $(B)/tests/bpf/parity.skel.h $(B)/bench/empty.skel.h $(B)/bench/parts.skel.h
	@$(RUN) lint "tests/lint format" "tests/lint shell" "tests/lint size" "tests/lint arrows" "tests/lint scorer" "tests/lint tidy" $(SUMMARY)

house: all
	@tests/house/report $(if $(V),-v)

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

# ---- fuzzers: clang with the sanitizers; make fuzz FUZZ_SECONDS=3600 for a night ----
FUZZ_SECONDS ?= 20
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_PROGRAMS := $(FUZZERS:%=$(B)/tests/fuzz/%_fuzz)
FUZZ_CFLAGS := -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(B)/tests/fuzz/corpus: $(B)/tests/fuzz/corpus.o $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
# No fuzzer where clang lacks the runtime: tests/fuzz/run then says so.
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: tests/fuzz/%.c $(wildcard lib/*/*.[ch] user/import/*.[ch] user/identity/*.[ch] user/sys/cgroup.[ch] user/discovery/engine_api.[ch] include/lutra/*.h)
	@mkdir -p $(@D)
	$(call msg,FUZZ,$@)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) $(filter %.c,$^) -o $@ $(LDLIBS) || \
	[ ! -e "$$($(CLANG) -print-runtime-dir)/libclang_rt.fuzzer-$(shell uname -m).a" ]
fuzz: $(B)/tests/fuzz/corpus $(FUZZ_PROGRAMS)
	@$(RUN) -t $$(($(FUZZ_SECONDS) + 120)) fuzz $(FUZZERS:%="tests/fuzz/run % $(FUZZ_SECONDS)") $(SUMMARY)

demo: deps
	@$(MAKE) --no-print-directory all $(E2E_PROGRAMS)
	@tests/e2e/demo/$(if $(VM),demo-vm,demo)
demo-soak: all $(E2E_PROGRAMS)
	@tests/e2e/demo/soak $(N)

soak: all
	@tests/e2e/services/soak $(CALLS)

policies: all
	@policies/train

# ---- benchmarks ----
$(BENCH_STATES): $(B)/bench/%: $(B)/bench/%.o $(B)/bench/states.o $(B)/user.a $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
BENCH_TRAINER := $(B)/bench/calls $(B)/bench/replay
$(BENCH_TRAINER): $(B)/bench/%: $(B)/bench/%.o $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
$(B)/bench/parts: $(B)/bench/parts.o
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
bench bench-quick: all $(BENCH_STATES) $(B)/bench/parts $(BENCH_TRAINER)
	@$(B)/bench/parts
	@$(B)/bench/getppid $(if $(filter bench-quick,$@),--quick)
	@$(B)/bench/open $(if $(filter bench-quick,$@),--quick)
	@bench/trainer $(if $(filter bench-quick,$@),--quick)

# What a flood of alerts costs, and whether one is lost.
$(B)/bench/alerts: $(B)/bench/alerts.o $(B)/user.a $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
bench-alerts: $(B)/bench/alerts
	@$(B)/bench/alerts
bench-web: all $(E2E_PROGRAMS) $(B)/bench/alerts
	@tests/web/clicks 1000 1000000

# Why the trainer does not use OpenBLAS; needs that library, which is no dependency.
$(B)/bench/products: $(B)/bench/products.o $(B)/trainer.a $(B)/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)
# Enrolment by the hook: 200 containers that podman starts, then 100 at once.
bench-starts: all $(B)/tests/e2e/first
	@LUTRA_STARTS=200 LUTRA_CROWD=100 tests/e2e/engines/identity_test

bench-products: $(B)/bench/products
	@$(B)/bench/products

# ---- evaluation ----
eval: all
	@bench/eval

# ---- installation ----
PREFIX ?= /usr/local
HOOKS_DIR ?= /usr/share/containers/oci/hooks.d
HOOK_STAGES := createRuntime poststop
install: all
	install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/bin/lutra
	install -D -t $(DESTDIR)$(PREFIX)/sbin $(B)/bin/lutrad
	install -D -t $(DESTDIR)$(PREFIX)/libexec/lutra $(B)/bin/lutra-train $(B)/bin/lutra-eval $(B)/bin/lutra-hook
	install -d $(DESTDIR)$(HOOKS_DIR)
	for s in $(HOOK_STAGES); do \
		sed 's,@HOOK@,$(PREFIX)/libexec/lutra/lutra-hook,; s,@STAGE@,'$$s',' packaging/lutra-hook.json.in \
			>$(DESTDIR)$(HOOKS_DIR)/lutra-$$s.json; done
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/lutra $(DESTDIR)$(PREFIX)/sbin/lutrad
	rm -rf $(DESTDIR)$(PREFIX)/libexec/lutra
	rm -f $(HOOK_STAGES:%=$(DESTDIR)$(HOOKS_DIR)/lutra-%.json)

clean:
	rm -rf $(B)/min $(B)/bin $(B)/kern $(B)/lib $(B)/user $(B)/trainer $(B)/tests $(B)/*.a

DEP_DIRS := $(wildcard $(addprefix $(B)/,kern lib user trainer tests bench))
-include $(if $(DEP_DIRS),$(shell find $(DEP_DIRS) -name '*.d' -type f))
.PHONY: all deps help eval check $(CHECKS_ALONE) $(CHECKS_BESIDE) check-vm check-escapes check-vms docs-escapes docs-pictures format house demo demo-soak soak policies bench bench-quick bench-alerts bench-web bench-products bench-starts install uninstall clean
.SECONDARY:
.DELETE_ON_ERROR:
