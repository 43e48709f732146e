# SPDX-License-Identifier: Apache-2.0
# What it needs: the one list of Debian packages.

DEPS_BUILD := gcc libc6-dev make pkg-config clang bpftool libbpf-dev libelf-dev zlib1g-dev \
	libzstd-dev libjansson-dev libsqlite3-dev libsodium-dev libseccomp-dev libncurses-dev libmicrohttpd-dev \
	libcurl4-gnutls-dev go-md2man
DEPS_DEMO := runc crun jq
DEPS_EVAL := unzip zip time
# Node.js from elsewhere brings its npm along, and conflicts with Debian's.
NPM := $(if $(shell command -v npm),,npm)
DEPS_CHECK := python3-minimal libcmocka-dev libclang-rt-14-dev clang-format clang-tidy shellcheck \
	podman conmon qemu-system-x86 busybox-static cpio kmod xz-utils e2fsprogs chromium nodejs $(NPM)
DEPS_DATASET := gdb iproute2 openssl util-linux
DEPS := $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_EVAL) $(DEPS_DATASET) $(DEPS_CHECK)
APT := DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends

#: make deps        list the Debian packages; as root, install those that are missing
deps:
	@echo "build: $(DEPS_BUILD)"; echo "demo:  $(DEPS_DEMO)"; echo "eval:  $(DEPS_EVAL)"; echo "dataset: $(DEPS_DATASET)"; echo "check: $(DEPS_CHECK)"
	@command -v apt-get >/dev/null || { echo "no apt-get here: install what these are called on this system"; exit 1; }; \
	missing=; for p in $(DEPS); do \
		dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; \
	done; \
	if [ -z "$$missing" ]; then echo "all of them are installed"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -q update && $(APT) install $$missing; \
	else echo "missing, run as root: apt-get install --no-install-recommends$$missing"; exit 1; fi
.PHONY: deps
