# SPDX-License-Identifier: Apache-2.0
# What it needs: the one list of Debian packages. A guard is built and installed with the first line of it.

DEPS_BUILD := gcc libc6-dev make pkg-config clang bpftool libbpf-dev libelf-dev zlib1g-dev \
	libzstd-dev libjansson-dev libsqlite3-dev libsodium-dev libseccomp-dev libncurses-dev libmicrohttpd-dev \
	libcurl4-gnutls-dev
DEPS_DEMO := runc crun jq
DEPS_VM := qemu-system-x86 busybox-static cpio kmod xz-utils
DEPS_PACKAGE := debhelper fakeroot git
DEPS_EVAL := unzip zip time
# Node.js from elsewhere brings its npm along, and conflicts with Debian's.
NPM := $(if $(shell command -v npm),,npm)
DEPS_CHECK := python3-minimal libcmocka-dev libclang-rt-14-dev clang-format clang-tidy shellcheck \
	podman conmon e2fsprogs chromium nodejs $(NPM) mandoc lintian mmdebstrap zsh fish bash-completion
DEPS_DATASET := gdb iproute2 openssl util-linux
APT := DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends

# For each target, what it installs.
WANT_deps = $(DEPS_BUILD)
WANT_deps-demo = $(WANT_deps) $(DEPS_DEMO) $(if $(VM),$(DEPS_VM))
WANT_deps-package = $(WANT_deps) $(DEPS_PACKAGE)
WANT_deps-check = $(WANT_deps-package) $(DEPS_DEMO) $(DEPS_VM) $(DEPS_EVAL) $(DEPS_DATASET) $(DEPS_CHECK)

#: make deps        list the Debian packages that building needs; as root, install those that are missing
#: make deps-demo, deps-package, deps-check: also those that the demo (VM=1: in a VM), the packages, the tests need
deps deps-demo deps-package deps-check:
	@echo "$@: $(WANT_$@)"
	@command -v apt-get >/dev/null || { echo "no apt-get here: install what these are called on this system"; exit 1; }; \
	missing=; for p in $(WANT_$@); do \
		dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; \
	done; \
	if [ -z "$$missing" ]; then echo "all of them are installed"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get -q update && $(APT) install $$missing; \
	else echo "missing, run as root: apt-get install --no-install-recommends$$missing"; exit 1; fi
.PHONY: deps deps-demo deps-package deps-check
