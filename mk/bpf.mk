# SPDX-License-Identifier: Apache-2.0
# The kernel side: one object a file, linked into one, and its skeleton, which userspace includes.

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
# The programs of one hook are attached in the order of these files, and the kernel runs the last one first:
# lsm_other asks the policy before lsm_self, which guards the guard, and lsm_self goes before lsm_path.
KERN_LAST := kern/hooks/lsm_self.bpf.c kern/hooks/lsm_other.bpf.c
# The door is an object of its own: it is attached while nothing is enrolled, and never pinned.
KERN_DOOR := kern/door/door.bpf.c
KERN_SRC := $(filter-out $(KERN_LAST) $(KERN_DOOR),$(wildcard kern/*/*.bpf.c)) $(KERN_LAST)
KERN_OBJ := $(KERN_SRC:%.c=$(B)/%.o)
# BTF names the sources: from the top of the tree, so that the same bytes come of every directory.
BPF_CFLAGS := -ffile-compilation-dir=. -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Wno-unused-function \
	-Wno-unused-parameter -Wno-gnu-variable-sized-type-not-at-end -Iinclude -I$(B)/kern -I. $(if $(CI),-Werror)

# The types of this host's kernel, or the few that are used where it does not tell them.
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
