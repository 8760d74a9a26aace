# Pulsepoint. The two commands of the README:
#   make demo            install what is missing, start everything, run the main job on real data, print the result
#   make test            every test, on servers of its own
# More:
#   make down            end what the demo started
#   make all             libraries, services, tools (into build/)
#   make libs            libraries only
#   make test-unit [T=x] unit tests (all, or those whose name contains x)
#   make test-component [T=x]   tests against a real PostgreSQL and nats-server
#   make test-system [T=x]      the whole suite: matrix, kill, bad input, totals
#   make test-contract   contract rules: only additions, wrong pairings do not compile
#   make test-fuzz       a short run of every fuzz target (clang)
#   make test-fresh      demo and tests in a fresh Debian 12 as an ordinary user (slow)
#   make test-compose    the suite in containers, with the demo run against it; needs docker
#   make bench           the numbers
#   make check-source    format, layers, banned calls; compiles nothing
#   make tidy            clang-tidy and cppcheck
#   make clean           remove build/
# Settings: CC=gcc|clang  SAN=address,undefined | thread  V=1  PORT=8080  DATA=folder or .tar.gz

ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
V ?=
comma := ,
Q := $(if $(V),,@)
VARIANT := $(notdir $(firstword $(CC)))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
OUT := build/$(VARIANT)
GEN := build/gen
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# With sanitizers gcc no longer sees the ranges that keep texts within their buffers; the plain build checks them.
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wswitch-enum -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Werror \
	$(if $(SAN),$(if $(findstring clang,$(CC)),,-Wno-format-truncation))
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -fPIE
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=undefined,-O2)
CPPFLAGS := -Ilibs -I$(GEN) -D_GNU_SOURCE
CFLAGS := -std=gnu17 -g $(OPT) $(HARDEN)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))
LDLIBS := -lnats -lprotobuf-c -lpq -lcurl -lcivetweb -lcjson -ljwt -lsodium -lssl -lcrypto -lz -lpthread -lm
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -MMD -MP

# ---- the contract: proto/ -> build/gen ----
PROTOS := $(sort $(wildcard proto/pulsepoint/*.proto proto/*/v1/*.proto))
PBC := $(patsubst proto/%.proto,$(GEN)/%.pb-c.c,$(PROTOS)) $(GEN)/google/protobuf/descriptor.pb-c.c
CONTRACT_C := $(if $(wildcard tools/protoc-gen-pulsepoint/*.c),$(GEN)/contract/tables.c $(GEN)/contract/openapi.c)
PLUGIN := build/tool/protoc-gen-pulsepoint
PLUGIN_C := $(wildcard tools/protoc-gen-pulsepoint/*.c)

# protoc-c runs once for all files; the stamp stands for its output.
$(GEN)/.pb: $(PROTOS)
	@echo "  PROTOC-C"
	$(Q)mkdir -p $(GEN)
	$(Q)protoc-c -Iproto -I/usr/include --c_out=$(GEN) $(PROTOS) \
		/usr/include/google/protobuf/descriptor.proto \
		/usr/include/google/protobuf/compiler/plugin.proto
	$(Q)touch $@
$(PBC) $(GEN)/google/protobuf/compiler/plugin.pb-c.c: $(GEN)/.pb ;

$(PLUGIN): $(PLUGIN_C) $(wildcard tools/protoc-gen-pulsepoint/*.h) $(GEN)/.pb
	@echo "  HOSTCC protoc-gen-pulsepoint"
	$(Q)mkdir -p $(@D)
	$(Q)gcc -std=gnu17 -g -O1 $(WARN) -I$(GEN) -Ilibs -D_GNU_SOURCE -o $@ $(PLUGIN_C) \
		$(GEN)/google/protobuf/descriptor.pb-c.c $(GEN)/google/protobuf/compiler/plugin.pb-c.c \
		$(GEN)/pulsepoint/options.pb-c.c -lprotobuf-c -lcjson

$(GEN)/.contract: $(PLUGIN) $(PROTOS)
	@echo "  CONTRACT"
	$(Q)mkdir -p $(GEN)/contract
	$(Q)protoc -Iproto -I/usr/include --plugin=protoc-gen-pulsepoint=$(PLUGIN) \
		--pulsepoint_out=$(GEN) $(PROTOS)
	$(Q)touch $@
$(CONTRACT_C): $(GEN)/.contract ;

# ---- migrations: *.sql -> C tables ----
SQL_OWNERS := $(sort $(patsubst %/migrations,%,$(wildcard libs/*/migrations services/*/migrations)))
SQL_C := $(patsubst %,$(GEN)/migrations/%.c,$(notdir $(SQL_OWNERS)))
define sql_rule
$(GEN)/migrations/$(notdir $(1)).c: $(wildcard $(1)/migrations/*.sql) tools/embed-sql.sh
	@echo "  SQL $(notdir $(1))"
	$$(Q)mkdir -p $$(@D)
	$$(Q)sh tools/embed-sql.sh $(notdir $(1)) $(sort $(wildcard $(1)/migrations/*.sql)) > $$@
endef
$(foreach o,$(SQL_OWNERS),$(eval $(call sql_rule,$(o))))

GENERATED := $(GEN)/.pb $(if $(PLUGIN_C),$(GEN)/.contract)
gen-pb: $(GEN)/.pb
gen: $(GENERATED) $(SQL_C)

# ---- objects ----
$(OUT)/o/gen/%.o: $(GEN)/%.c | $(GENERATED)
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -MMD -MP -c -o $@ $<
$(OUT)/o/libs/%.o: libs/%.c | $(GENERATED)
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<
# A service or tool sees the libraries and its own folder, nothing else.
$(OUT)/o/services/%.o: services/%.c | $(GENERATED)
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -Iservices/$(firstword $(subst /, ,$*)) -c -o $@ $<
$(OUT)/o/tools/%.o: tools/%.c | $(GENERATED)
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -Itools/$(firstword $(subst /, ,$*)) -c -o $@ $<
$(OUT)/o/tests/%.o: tests/%.c | $(GENERATED)
	@echo "  CC  $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -Itests -c -o $@ $<

# ---- libraries ----
LIB_NAMES := $(sort $(patsubst libs/%/,%,$(dir $(wildcard libs/*/*.c))))
LIB_A := $(patsubst %,$(OUT)/lib/lib%.a,$(LIB_NAMES) contract)
define lib_rule
$(OUT)/lib/lib$(1).a: $(patsubst %.c,$(OUT)/o/%.o,$(wildcard libs/$(1)/*.c)) \
		$(if $(wildcard libs/$(1)/migrations),$(OUT)/o/gen/migrations/$(1).o)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LIB_NAMES),$(eval $(call lib_rule,$(l))))
$(OUT)/lib/libcontract.a: $(patsubst $(GEN)/%.c,$(OUT)/o/gen/%.o,$(PBC) $(CONTRACT_C))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
libs: $(LIB_A)

LINK = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)
# Services and tools leave out the test kit.
RUN_A := $(filter-out %/libtestkit.a,$(LIB_A))

# ---- services and tools: a folder is a program ----
SERVICES := $(sort $(patsubst services/%/main.c,%,$(wildcard services/*/main.c)))
TOOLS := $(sort $(patsubst tools/%/main.c,%,$(wildcard tools/*/main.c)))
TOOLS := $(filter-out protoc-gen-pulsepoint,$(TOOLS))
define program_rule
$(OUT)/bin/$(2): $(patsubst %.c,$(OUT)/o/%.o,$(wildcard $(1)/$(2)/*.c)) \
		$(if $(wildcard $(1)/$(2)/migrations),$(OUT)/o/gen/migrations/$(2).o) $(RUN_A)
	@echo "  LD  $(2)"
	@mkdir -p $$(@D)
	$$(Q)$$(LINK)
$(2): $(OUT)/bin/$(2)
endef
$(foreach s,$(SERVICES),$(eval $(call program_rule,services,$(s))))
$(foreach t,$(TOOLS),$(eval $(call program_rule,tools,$(t))))
PROGRAMS := $(patsubst %,$(OUT)/bin/%,$(SERVICES) $(TOOLS))
all: libs $(PROGRAMS)
programs: $(PROGRAMS)

# ---- tests ----
UNIT_C := $(wildcard libs/*/test/run_*.c services/*/test/run_*.c tools/*/test/run_*.c)
unit_name = $(word 2,$(subst /, ,$(1)))_$(basename $(notdir $(1)))
define unit_rule
$(OUT)/test/$(call unit_name,$(1)): $(patsubst %.c,$(OUT)/o/%.o,$(1)) \
		$(filter-out %/main.o,$(patsubst %.c,$(OUT)/o/%.o,$(if $(filter libs/%,$(1)),,$(wildcard $(dir $(patsubst %/,%,$(dir $(1))))*.c)))) $(LIB_A)
	@echo "  LD  $$(@F)"
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(CFLAGS) $$(LDFLAGS) -Wl,--allow-multiple-definition -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LDLIBS)
endef
$(foreach u,$(UNIT_C),$(eval $(call unit_rule,$(u))))
UNIT_BIN := $(foreach u,$(UNIT_C),$(OUT)/test/$(call unit_name,$(u)))

define suite_rule
$(OUT)/test/$(basename $(notdir $(1))): $(patsubst %.c,$(OUT)/o/%.o,$(1)) \
		$(patsubst %.c,$(OUT)/o/%.o,$(filter-out $(dir $(1))test_%,$(wildcard $(dir $(1))*.c))) $(LIB_A)
	@echo "  LD  $$(@F)"
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LDLIBS)
endef
COMPONENT_C := $(wildcard tests/component/test_*.c)
SYSTEM_C := $(wildcard tests/system/test_*.c)
SYSTEM_SH := $(wildcard tests/system/test_*.sh)
$(foreach t,$(COMPONENT_C) $(SYSTEM_C),$(eval $(call suite_rule,$(t))))
# Tests of the Messages API client link it without the service around it.
$(OUT)/test/test_model_provider: $(patsubst %.c,$(OUT)/o/%.o,$(wildcard services/ai-insights/model*.c) \
	services/ai-insights/conversation.c services/ai-insights/usage.c)
COMPONENT_BIN := $(patsubst %.c,$(OUT)/test/%,$(notdir $(COMPONENT_C)))
SYSTEM_BIN := $(patsubst %.c,$(OUT)/test/%,$(notdir $(SYSTEM_C)))
test-programs: $(UNIT_BIN) $(COMPONENT_BIN) $(SYSTEM_BIN)

T ?=
pick = $(if $(T),$(foreach b,$(1),$(if $(findstring $(T),$(notdir $(b))),$(b))),$(1))
RUN_TESTS = sh tests/run.sh $(OUT)
test-unit: $(call pick,$(UNIT_BIN))
	$(Q)$(RUN_TESTS) unit $^
test-component: $(call pick,$(COMPONENT_BIN)) $(PROGRAMS)
	$(Q)$(RUN_TESTS) component $(filter $(OUT)/test/%,$^)
test-system: $(call pick,$(SYSTEM_BIN) $(SYSTEM_SH)) $(PROGRAMS)
	$(Q)$(RUN_TESTS) system $(filter $(OUT)/test/% tests/system/%,$^)
test-contract: $(GENERATED)
	$(Q)$(RUN_TESTS) contract $(wildcard tests/contract/test_*.sh)
FUZZ_C := $(wildcard tests/fuzz/fuzz_*.c)
test-fuzz:
	$(Q)$(RUN_TESTS) fuzz $(FUZZ_C)
unit-programs: $(UNIT_BIN)
# The unit tests run a second time, built by the other compiler with sanitizers: it evaluates arguments in another order, and what a pure function may not do shows there first.
AGAIN := CC=clang SAN=address,undefined
UNIT_AGAIN := $(patsubst $(OUT)/%,build/clang-address-undefined/%,$(UNIT_BIN))
# The harness installs what is missing, then builds; a second make sees the generated files.
test:
	$(Q)sh tools/deps.sh
	$(Q)$(MAKE) --no-print-directory -j2 all test-programs
	$(if $(SAN),,$(Q)$(MAKE) --no-print-directory -j2 unit-programs $(AGAIN))
	$(Q)$(RUN_TESTS) all $(UNIT_BIN) $(if $(SAN),,$(UNIT_AGAIN)) $(COMPONENT_BIN) $(SYSTEM_BIN) $(SYSTEM_SH) $(wildcard tests/contract/test_*.sh) $(if $(SAN),,$(FUZZ_C))
test-fresh:
	$(Q)sh tests/fresh.sh

# The suite in containers; needs docker.
test-compose: programs
	$(Q)OUT=$(OUT) sh tests/compose/run.sh

# ---- demo, bench, checks ----
PORT ?= 8080
DATA ?= data/retail-uk.tar.gz
demo:
	$(Q)sh tools/deps.sh
	$(Q)$(MAKE) --no-print-directory -j2 programs
	$(Q)OUT=$(OUT) PORT=$(PORT) DATA='$(DATA)' sh deploy/local/demo.sh
down:
	$(Q)OUT=$(OUT) sh deploy/local/down.sh
bench:
	$(Q)sh tools/deps.sh
	$(Q)$(MAKE) --no-print-directory -j2 programs
	$(Q)OUT=$(OUT) sh tests/load/bench.sh
check-source:
	$(Q)sh tools/check-source.sh
tidy: $(GENERATED) $(SQL_C)
	$(Q)sh tools/tidy.sh
clean:
	rm -rf build
help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile
.PHONY: all libs programs gen gen-pb test-programs unit-programs test test-unit test-component test-system test-contract \
	test-fuzz test-fresh test-compose demo down bench check-source tidy clean help $(SERVICES) $(TOOLS)

-include $(shell [ -d $(OUT)/o ] && find $(OUT)/o -name '*.d')
