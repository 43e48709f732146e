# SPDX-License-Identifier: Apache-2.0
# Builds the five programs into build/: the kernel side (mk/bpf.mk), three libraries and the programs
# that link them. The other jobs are in mk/: deps, test, fuzz, demo, bench, install. `make help` lists
# the targets. V=1 shows commands, CI=1 makes warnings errors.

# As many jobs as processors, unless -j says how many.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

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
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CFLAGS = -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS = $(PKG_LIBS) -lm -lpthread

all: $(addprefix $(B)/bin/,lutra lutrad lutra-hook lutra-train lutra-eval)

help:
	@sed -n 's/^#: *//p' $(MAKEFILE_LIST)
#: make             build build/bin/lutra, lutrad, lutra-hook, lutra-train and lutra-eval
#: make clean       remove what was built, but not what was downloaded
#: make format      clang-format on all C files

include mk/bpf.mk

# ---- libraries: the objects of lib/, user/ and trainer/ without the files that have a main() ----
USER_MAIN := user/lutra.c user/lutrad.c user/lutra_hook.c
TRAIN_MAIN := trainer/lutra_train.c trainer/lutra_eval.c
objects = $(patsubst %.c,$(B)/%.o,$(filter-out $(USER_MAIN) $(TRAIN_MAIN),$(wildcard $1/*.c $1/*/*.c $1/*/*/*.c)))

# The page is part of the program.
PAGE := web/index.html web/icon.svg web/openapi.json $(sort $(wildcard web/js/*.js web/js/views/*.js web/style/*.css)) \
	third_party/uplot/uPlot.iife.min.js third_party/uplot/uPlot.min.css
$(B)/user/api/page_files.c: web/embed $(PAGE)
	@mkdir -p $(@D)
	$(call msg,EMBED,$@)
	$(Q)web/embed $(PAGE) >$@.tmp && mv $@.tmp $@

$(B)/lib.a: $(call objects,lib)
$(B)/user.a: $(call objects,user) $(B)/user/api/page_files.o
$(B)/trainer.a: $(call objects,trainer)
$(B)/%.a:
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Loops over columns.
$(B)/lib/trace/%.o: CFLAGS := $(CFLAGS) -O3
# The same bytes on every host: a product and a sum are never contracted to one rounding.
$(B)/trainer/%.o: CFLAGS := $(CFLAGS) -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math

COMPILE = $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MD -MP -MF $(@:.o=.d) -c $< -o $@
$(B)/%.o: %.c | $(B)/kern/lutra.skel.h $(B)/kern/door/door.skel.h
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(COMPILE)
$(B)/%.o: $(B)/%.c
	$(call msg,CC,$@)
	$(Q)$(COMPILE)

# ---- programs ----
# Made anew only if it changes. Only the files with a main() know the version: a commit compiles nothing else.
$(B)/version.h: FORCE
	@mkdir -p $(@D)
	$(Q)packaging/version --header >$@.tmp && { cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@; }
$(patsubst %.c,$(B)/%.o,$(USER_MAIN) $(TRAIN_MAIN)): | $(B)/version.h
define LINK
	@mkdir -p $(@D)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -o $@ $(LDLIBS)
endef
$(B)/bin/lutra: LDLIBS += $(shell pkg-config --libs ncursesw 2>/dev/null)
$(B)/bin/lutra: $(B)/user/lutra.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutrad: $(B)/user/lutrad.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutra-hook: $(B)/user/lutra_hook.o $(B)/user.a $(B)/lib.a
$(B)/bin/lutra-train: $(B)/trainer/lutra_train.o $(B)/trainer.a $(B)/lib.a
$(B)/bin/lutra-eval: $(B)/trainer/lutra_eval.o $(B)/trainer.a $(B)/lib.a
$(B)/bin/%:
	$(LINK)

include $(addprefix mk/,deps.mk fuzz.mk bench.mk test.mk demo.mk install.mk package.mk)

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i
clean:
	rm -rf $(addprefix $(B)/,min asan man bin kern lib user trainer tests together bench *.a)

DEP_DIRS := $(wildcard $(addprefix $(B)/,kern lib user trainer tests together bench))
-include $(if $(DEP_DIRS),$(shell find $(DEP_DIRS) -name '*.d' -type f))
.PHONY: all help format clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
