# SPDX-License-Identifier: Apache-2.0
# Measurements. They want a quiet machine.

BENCH_STATES := $(B)/bench/kernel/getppid $(B)/bench/kernel/open
BENCH_TRAINER := $(B)/bench/calls $(B)/bench/replay
$(BENCH_STATES) $(B)/bench/kernel/instructions: $(B)/bench/%: $(B)/bench/%.o $(B)/bench/kernel/states.o $(B)/bench/kernel/open_policy.o $(B)/user.a $(B)/lib.a
	$(LINK)
$(BENCH_TRAINER): $(B)/bench/%: $(B)/bench/%.o $(B)/lib.a
	$(LINK)
# A program of the export of the data set.
SC_LINES := $(B)/bench/dataset/traces/sc_lines
$(SC_LINES): %: %.o $(B)/lib.a
	$(LINK)
$(B)/bench/kernel/parts: $(B)/bench/kernel/parts.o
	$(LINK)
$(B)/bench/alerts: $(B)/bench/alerts.o $(B)/user.a $(B)/lib.a
	$(LINK)
$(B)/bench/products: $(B)/bench/products.o $(B)/trainer.a $(B)/lib.a
	$(LINK)
# What the data set is made with: label.
DATASET_OBJ := $(addprefix $(B)/bench/dataset/traces/,harms.o mark_trace.o)
$(B)/bench/label: $(B)/bench/dataset/traces/label.o $(DATASET_OBJ) $(B)/lib.a
	$(LINK)
# What `make alarms` replays runs with.
ALARMS_OBJ := $(addprefix $(B)/bench/alarms/,judged_run.o thing.o)
$(B)/bench/judge: $(B)/bench/alarms/judge.o $(ALARMS_OBJ) $(B)/trainer.a $(B)/lib.a
	$(LINK)
# And what counts the incidents of runs.
$(B)/bench/replay_incidents: $(B)/bench/alarms/replay_incidents.o $(B)/trainer.a $(B)/user.a $(B)/lib.a
	$(LINK)
$(B)/bench/kernel/states.o $(B)/bench/kernel/instructions.o: $(B)/bench/kernel/empty.skel.h
$(B)/bench/kernel/parts.o: $(B)/bench/kernel/parts.skel.h

#: make bench       ns of a getppid and of an open, unguarded to recorded; training, scoring; bench-quick: shorter
bench bench-quick: all $(BENCH_STATES) $(B)/bench/kernel/parts $(BENCH_TRAINER)
	@$(B)/bench/kernel/parts
	@$(B)/bench/kernel/getppid $(if $(filter bench-quick,$@),--quick)
	@$(B)/bench/kernel/open $(if $(filter bench-quick,$@),--quick)
	@bench/trainer $(if $(filter bench-quick,$@),--quick)
#: make bench-instructions  of system calls, unguarded to recorded, in an emulated machine; VM_SERIES='6.1 6.12 sid'
bench-instructions: VM_SERIES := 6.1 6.12 sid
bench-instructions: all $(B)/bench/kernel/instructions
	@bench/instructions $(VM_SERIES)
#: make bench-alerts    20,000 alerts a second for 30 s into the event store: what is kept, what it costs
bench-alerts: $(B)/bench/alerts
	@$(B)/bench/alerts
#: make bench-incidents  how soon lutra incidents answers with a million events and 10,000 findings
bench-incidents: all $(B)/bench/alerts
	@bench/incidents
#: make bench-web       how soon the page answers a click, with 1,000 containers and a million events
bench-web: all $(E2E_PROGRAMS) $(B)/bench/alerts
	@tests/web/clicks 1000 1000000
#: make bench-products  the trainer's matrix products beside OpenBLAS, which is no dependency
bench-products: $(B)/bench/products
	@$(B)/bench/products
#: make bench-starts  200 containers of podman, then 100 at once, by the hook and by the door; Docker's: armed in time, and how soon
bench-starts: all $(B)/tests/e2e/first
	@LUTRA_STARTS=200 LUTRA_CROWD=100 tests/e2e/engines/identity_test
	@LUTRA_STARTS=200 LUTRA_CROWD=100 tests/e2e/engines/door_test
	@LUTRA_STARTS=200 tests/e2e/engines/docker_test || [ $$? = 77 ]
	@LUTRA_STARTS=200 tests/e2e/engines/containerd_test || [ $$? = 77 ]
#: make bench-hook  how long the OCI hook waits for lutrad's answer; BUILDS='build other/build' compares in turns
bench-hook: all
	@bench/hook $(BUILDS)
#: make bench-daemon  how soon the hook, /healthz and /metrics are answered while others ask for what takes long
bench-daemon: all $(B)/bench/alerts
	@bench/daemon
#: make dataset  record the data set (root); SIZE=small (15 minutes) or full (hours), DATASET=DIR JOBS=N KINDS= REPLAY=1; dataset-vm: the part in VMs
dataset: all $(B)/bench/label
	@SIZE="$(SIZE)" DATASET="$(DATASET)" JOBS="$(JOBS)" REPLAY="$(REPLAY)" SERVICES="$(SERVICES)" KINDS="$(KINDS)" bench/dataset/dataset record
dataset-vm: all
	@SIZE="$(SIZE)" DATASET="$(DATASET)" JOBS="$(JOBS)" SERVICES="$(SERVICES)" KINDS="$(KINDS)" bench/dataset/dataset vm
dataset-plan:
	@SIZE="$(SIZE)" SERVICES="$(SERVICES)" KINDS="$(KINDS)" bench/dataset/dataset plan
#: make dataset-export  the data set in the layout of LID-DS 2021; DATASET=build/data/dataset OUT=build/lid-ds SERVICES=
dataset-export: $(SC_LINES)
	@bench/dataset/export-lid-ds $(or $(DATASET),build/data/dataset) $(or $(OUT),build/lid-ds) $(SERVICES)
# The version that `make alarms` compares with: the rules before the data set. The judge is this tree's.
ALARMS_BASE := 766dc928c424
BASE_TREE := $(B)/base/$(ALARMS_BASE)
$(BASE_TREE)/build/bench/judge: bench/alarms/base.patch $(wildcard bench/alarms/*.[ch])
	@git cat-file -e $(ALARMS_BASE) 2>/dev/null || { echo "no commit $(ALARMS_BASE) here: make alarms BASE=TREE" >&2 && exit 1; }
	@rm -rf $(BASE_TREE) && mkdir -p $(BASE_TREE)/bench/alarms
	@git archive $(ALARMS_BASE) | tar x -C $(BASE_TREE)
	@patch -s -p1 -d $(BASE_TREE) <bench/alarms/base.patch
	@cp bench/alarms/*.[ch] $(BASE_TREE)/bench/alarms
	@$(MAKE) --no-print-directory -C $(BASE_TREE) B=build $(addprefix build/,bin/lutra-train bin/lutra-eval bench/judge)
#: make alarms      what is refused and alerted on the data set, beside an older build (BASE=TREE, a built one), and the incidents
alarms: all $(B)/bench/judge $(B)/bench/replay_incidents $(if $(BASE),,$(BASE_TREE)/build/bench/judge)
	@r=0; bench/alarms/run $(or $(BASE),$(BASE_TREE)) || r=$$?; bench/alarms/count_incidents || r=$$?; exit $$r
#: make alarms-live  does a refusal end a service, are attacks refused: in a VM, in deny and in audit (root); SERVICES='nginx redis' JOBS=2
alarms-live: all
	@SERVICES="$(SERVICES)" JOBS="$(JOBS)" bench/alarms/live
.PHONY: alarms alarms-live dataset dataset-export dataset-vm dataset-plan bench bench-hook bench-quick bench-alerts bench-incidents bench-web bench-products bench-starts bench-daemon bench-instructions
