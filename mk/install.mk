# SPDX-License-Identifier: Apache-2.0
# Installation, and what it put there away again.

PREFIX ?= /usr/local
HOOKS_DIR ?= /usr/share/containers/oci/hooks.d
HOOK_STAGES := createRuntime poststop
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
$(B)/man/lutra.1: packaging/man docs/commands.md
	$(call msg,MAN,$(@D))
	$(Q)packaging/man $(@D)

#: make install     to PREFIX (/usr/local), below DESTDIR; make uninstall
install: all $(B)/man/lutra.1
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/bin/lutra
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/sbin $(B)/bin/lutrad
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/libexec/lutra $(B)/bin/lutra-train $(B)/bin/lutra-eval $(B)/bin/lutra-hook
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lutra/base policies/base/*.json
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lutra/packs policies/packs/*.json
	$(Q)install -D -m 644 -t $(MAN_DIR)/man1 $(B)/man/*.1
	$(Q)install -D -m 644 -t $(MAN_DIR)/man8 $(B)/man/*.8
	$(call msg,INSTALL,$(DESTDIR)$(HOOKS_DIR))
	$(Q)install -d $(DESTDIR)$(HOOKS_DIR)
	$(Q)for s in $(HOOK_STAGES); do \
		sed 's,@HOOK@,$(PREFIX)/libexec/lutra/lutra-hook,; s,@STAGE@,'$$s',' packaging/lutra-hook.json.in \
			>$(DESTDIR)$(HOOKS_DIR)/lutra-$$s.json; done
# The guard first: what is pinned would go on, and nothing would be left to end it.
uninstall:
	$(Q)if [ -z "$(DESTDIR)" ] && [ -x $(PREFIX)/sbin/lutrad ]; then $(PREFIX)/sbin/lutrad --uninstall; fi
	$(Q)rm -f $(DESTDIR)$(PREFIX)/bin/lutra $(DESTDIR)$(PREFIX)/sbin/lutrad
	$(Q)rm -rf $(DESTDIR)$(PREFIX)/libexec/lutra
	$(Q)rm -rf $(DESTDIR)$(PREFIX)/share/lutra
	$(Q)rm -f $(MAN_DIR)/man1/lutra.1 $(MAN_DIR)/man1/lutra-*.1 $(MAN_DIR)/man8/lutrad.8 $(MAN_DIR)/man8/lutra-hook.8
	$(Q)rm -f $(HOOK_STAGES:%=$(DESTDIR)$(HOOKS_DIR)/lutra-%.json)

.PHONY: install uninstall
