# SPDX-License-Identifier: Apache-2.0
# What is given to others: the release tarball and the Debian packages, both of the commit that is checked out.

VERSION = $(shell packaging/version)
TARBALL = $(B)/dist/lutra-$(VERSION).tar.gz

#: make dist        the release tarball in build/dist, its components (SPDX), and their sums
dist:
	@packaging/dist $(TARBALL)
	@packaging/sbom >$(TARBALL:.tar.gz=.spdx.json)
	@cd $(B)/dist && sha256sum $(notdir $(TARBALL) $(TARBALL:.tar.gz=.spdx.json)) >SHA256SUMS
	@echo $(TARBALL)
#: make deb         the Debian packages in build/deb
deb: dist
	@MAKEFLAGS= packaging/deb $(TARBALL) $(B)/deb
	@ls $(B)/deb/*.deb
.PHONY: dist deb
