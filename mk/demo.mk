# SPDX-License-Identifier: Apache-2.0
# The demo, and what needs hours or records anew.

#: make demo        record, train, guard and attack a real container (root); VM=1: in deny mode, in a VM
demo: deps-demo
	@$(MAKE) --no-print-directory all $(E2E_PROGRAMS)
	@tests/e2e/demo/$(if $(VM),demo-vm,demo)
#: make demo-soak   the demo's benign load N=20 times and its attack N=20 times, counted
demo-soak: all $(E2E_PROGRAMS)
	@tests/e2e/demo/soak $(N)
#: make soak        false verdicts in CALLS=10000000 calls of nginx, redis and postgres (20 minutes)
soak: all
	@tests/e2e/services/soak $(CALLS)
#: make soak-daemon  lutrad under the sanitizers, through HOURS=24 of a faked clock: does it grow, lose a guard or an event
soak-daemon: all sanitized $(TENANT) $(FAKE_CLOCK)
	@tests/e2e/soak/daemon $(or $(HOURS),24)
#: make policies    record nginx, redis and postgres and train their policies in policies/ anew (root, 15 minutes)
policies: all
	@policies/train
#: make eval        policies and baselines on the recordings in LUTRA_DATA=DIR, to build/eval (about 8 minutes)
eval: all
	@bench/eval
.PHONY: demo demo-soak soak soak-daemon policies eval
