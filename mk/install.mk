# SPDX-License-Identifier: Apache-2.0
# Installation, and what it put there away again.

PREFIX ?= /usr/local
HOOKS_DIR ?= /usr/share/containers/oci/hooks.d
HOOK_STAGES := createRuntime poststop
#: make install     to PREFIX (/usr/local), below DESTDIR; make uninstall
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

.PHONY: install uninstall
