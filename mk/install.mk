# SPDX-License-Identifier: Apache-2.0
# Installation, and what it put there away again.

PREFIX ?= /usr/local
HOOKS_DIR ?= /usr/share/containers/oci/hooks.d
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
TMPFILES_DIR ?= $(PREFIX)/lib/tmpfiles.d
BASH_DIR ?= $(PREFIX)/share/bash-completion/completions
ZSH_DIR ?= $(PREFIX)/share/zsh/site-functions
FISH_DIR ?= $(PREFIX)/share/fish/vendor_completions.d
HOOK_STAGES := createRuntime poststop
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
SHIPPED_POLICIES := nginx postgres redis
PROGRAMS := $(addprefix $(B)/bin/,lutra lutrad lutra-hook lutra-train lutra-eval)

# Both are made from what --help of the programs prints, and from the documentation.
$(B)/man/lutra.1: $(addprefix packaging/,man mdoc.awk options version) $(wildcard docs/*.md) $(PROGRAMS)
	$(call msg,MAN,$(@D))
	$(Q)rm -rf $(@D) && packaging/man $(@D) $(B)/bin
$(B)/completions/lutra.bash: packaging/completions packaging/options $(PROGRAMS)
	$(call msg,COMPLETE,$(@D))
	$(Q)rm -rf $(@D) && packaging/completions $(@D) $(B)/bin

#: make man         the man pages in build/man, the completions for bash, zsh and fish in build/completions
man: $(B)/man/lutra.1 $(B)/completions/lutra.bash

#: make install     to PREFIX (/usr/local), below DESTDIR; make uninstall
install: all man
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/bin $(B)/bin/lutra
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/sbin $(B)/bin/lutrad
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/libexec/lutra $(B)/bin/lutra-train $(B)/bin/lutra-eval $(B)/bin/lutra-hook
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lutra/base policies/base/*.json
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lutra/packs policies/packs/*.json
	$(Q)for p in $(SHIPPED_POLICIES); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/lutra/policies/$$p policies/$$p/*; done
	$(Q)for s in 1 5 8; do install -D -m 644 -t $(MAN_DIR)/man$$s $(B)/man/*.$$s; done
	$(Q)install -D -m 644 $(B)/completions/lutra.bash $(DESTDIR)$(BASH_DIR)/lutra
	$(Q)ln -sf lutra $(DESTDIR)$(BASH_DIR)/lutrad
	$(Q)install -D -m 644 -t $(DESTDIR)$(ZSH_DIR) $(B)/completions/_lutra
	$(Q)install -D -m 644 -t $(DESTDIR)$(FISH_DIR) $(B)/completions/lutra.fish
	$(Q)install -d $(DESTDIR)$(UNIT_DIR)
	$(Q)sed 's,@PREFIX@,$(PREFIX),' packaging/lutrad.service.in >$(DESTDIR)$(UNIT_DIR)/lutrad.service
	$(Q)install -D -m 644 packaging/lutra.tmpfiles $(DESTDIR)$(TMPFILES_DIR)/lutra.conf
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
	$(Q)rm -f $(MAN_DIR)/man1/lutra.1 $(MAN_DIR)/man1/lutra-*.1 $(MAN_DIR)/man5/lutra-*.5 \
		$(MAN_DIR)/man8/lutrad.8 $(MAN_DIR)/man8/lutra-hook.8
	$(Q)rm -f $(DESTDIR)$(BASH_DIR)/lutra $(DESTDIR)$(BASH_DIR)/lutrad $(DESTDIR)$(ZSH_DIR)/_lutra $(DESTDIR)$(FISH_DIR)/lutra.fish
	$(Q)rm -f $(DESTDIR)$(UNIT_DIR)/lutrad.service $(DESTDIR)$(TMPFILES_DIR)/lutra.conf
	$(Q)rm -f $(HOOK_STAGES:%=$(DESTDIR)$(HOOKS_DIR)/lutra-%.json)

.PHONY: install uninstall man
