# souk: `make help` lists the targets.
#
# A build lives in build/<variant>. Every source but src/main.c goes into libsouk.a, to which the server, the unit
# tests and the benchmarks are linked.
#
#   make                    build/release/souk
#   make SAN=address        build/address/souk: address and undefined-behaviour sanitizers (also: undefined, thread)
#   make SAN=fuzzer         the same by clang, with the edges that libFuzzer follows; for `make fuzz`
#   make TINY=1             build/release-tiny/souk: every buffer, page, queue and batch at a small odd size
#   make MUTANT=7           build/release-mutant-7/souk: with planted bug 7, which the tests must find

SHELL  := /bin/sh
CC     := gcc
PREFIX := /usr/local
DATA   := data/dev

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# Parallel unless the caller has said how.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# ---- Variant ---------------------------------------------------------------------------------------------------------

SAN    :=
TINY   :=
MUTANT :=

ifeq ($(filter $(SAN),address undefined thread fuzzer),)
ifneq ($(SAN),)
$(error SAN is address, undefined, thread or fuzzer, not '$(SAN)')
endif
endif

VARIANT := $(or $(SAN),release)$(if $(TINY),-tiny)$(if $(MUTANT),-mutant-$(MUTANT))
OUT     := build/$(VARIANT)

# ---- Flags -----------------------------------------------------------------------------------------------------------

LIBRARIES := libuv libllhttp yyjson rocksdb libsodium mpack inih libcurl rdkafka librabbitmq openssl libseccomp zlib sqlite3

# Asked of pkg-config once, and only when something is compiled.
LIBRARY_CFLAGS = $(eval LIBRARY_CFLAGS := $$(shell pkg-config --cflags $(LIBRARIES)))$(LIBRARY_CFLAGS)
LIBRARY_LIBS   = $(eval LIBRARY_LIBS := $$(shell pkg-config --libs $(LIBRARIES)))$(LIBRARY_LIBS)
CMOCKA_CFLAGS  = $(eval CMOCKA_CFLAGS := $$(shell pkg-config --cflags cmocka))$(CMOCKA_CFLAGS)
CMOCKA_LIBS    = $(eval CMOCKA_LIBS := $$(shell pkg-config --libs cmocka))$(CMOCKA_LIBS)

WARNINGS := -Wall -Wextra -Werror -Wshadow -fno-strict-aliasing -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
            -Wno-missing-field-initializers $(if $(filter fuzzer,$(SAN)),-Wno-error)

HARDEN_release    := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SANITIZE_address   := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_undefined := -fsanitize=undefined -fno-sanitize-recover=all
SANITIZE_thread    := -fsanitize=thread
# clang has no __SANITIZE_ADDRESS__, which makes the arenas poison what they have not handed out.
SANITIZE_fuzzer    := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -D__SANITIZE_ADDRESS__
CHECKING := $(if $(SAN),$(SANITIZE_$(SAN)),$(HARDEN_release))

LANGUAGE := -std=c17 -D_GNU_SOURCE -Isrc $(if $(TINY),-DTINY) $(if $(MUTANT),-DMUTANT=$(MUTANT))
CODE     := -O2 -g -fno-omit-frame-pointer -fstack-protector-strong -fPIE -pthread $(CHECKING)
COMPILE   = $(CC) $(LANGUAGE) $(CODE) $(WARNINGS) -MMD -MP $(LIBRARY_CFLAGS) $(CFLAGS)
LINK      = $(CC) $(CODE) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

ifeq ($(SAN),fuzzer)
override CC := clang
endif

# ---- What is built ---------------------------------------------------------------------------------------------------

SOURCES := $(sort $(shell find src -name '*.c' 2>/dev/null))
OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(filter-out src/main.c,$(SOURCES)))
MAIN    := $(OUT)/src/main.o
SUPPORT := $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard tests/support/*.c)))
UNIT    := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ    := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SIM     := $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard tests/sim/*.c)))
BENCH   := $(patsubst bench/%.c,$(OUT)/bench/%,$(sort $(wildcard bench/*.c)))

.PHONY: all unit-programs fuzz-programs sim-program bench-programs instructions-program deps deps-lint deps-bench deps-brokers run test unit api crash fuzz sim mutants soak lint lint-format lint-tidy lint-cppcheck lint-openapi format bench instructions install clean docs help

all: $(OUT)/souk
unit-programs: $(UNIT)
fuzz-programs: $(FUZZ)
sim-program: $(OUT)/sim
bench-programs: $(BENCH)
instructions-program: $(OUT)/bench/instructions

# The viewer of /docs is embedded where tools/deps has fetched it.
VIEWER := $(wildcard build/viewer/swagger-ui-bundle.js.gz)
$(OUT)/src/main/pages.o: $(VIEWER)
$(OUT)/src/main/pages.o: override CFLAGS += $(if $(VIEWER),-DVIEWER='"build/viewer"')

# Every object follows the Makefile too: a changed flag compiles anew.
$(OUT)/src/%.o: src/%.c Makefile | build/checked
	@mkdir -p $(@D)
	@echo "  CC  $(VARIANT) $<"
	@$(COMPILE) -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c Makefile | build/checked
	@mkdir -p $(@D)
	@echo "  CC  $(VARIANT) $<"
	@$(COMPILE) -Itests $(CMOCKA_CFLAGS) -c -o $@ $<

$(OUT)/bench/%.o: bench/%.c Makefile | build/checked
	@mkdir -p $(@D)
	@echo "  CC  $(VARIANT) $<"
	@$(COMPILE) -Itests -c -o $@ $<

# The list of members is a prerequisite of its own: a removed or renamed source leaves the archive.
$(OUT)/libsouk.a: $(OBJECTS) $(OUT)/members
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(OUT)/support.a: $(SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $(SUPPORT)

ifneq ($(file <$(OUT)/members),$(OBJECTS))
.PHONY: $(OUT)/members
endif
$(OUT)/members:
	@mkdir -p $(@D)
	@printf '%s\n' '$(OBJECTS)' >$@

$(OUT)/souk: $(MAIN) $(OUT)/libsouk.a
	@echo "  LD  $@"
	@$(LINK) -o $@ $^ $(LIBRARY_LIBS)

$(UNIT): $(OUT)/tests/%: $(OUT)/tests/unit/%.o $(OUT)/support.a $(OUT)/libsouk.a
	@echo "  LD  $@"
	@$(LINK) -o $@ $^ $(LIBRARY_LIBS) $(CMOCKA_LIBS)

# Driven by libFuzzer, or where that is missing by a driver of our own.
DRIVER_OBJECT := $(if $(filter fuzzer,$(SAN)),,$(OUT)/tests/fuzz/replay.o)
DRIVER_FLAG   := $(if $(filter fuzzer,$(SAN)),-fsanitize=fuzzer)

# The simulator's worlds come with their passwords, before the archive.
$(OUT)/fuzz/fuzz_core: $(filter-out $(OUT)/tests/sim/sim.o,$(SIM))
$(FUZZ): $(OUT)/fuzz/%: $(OUT)/tests/fuzz/%.o $(OUT)/tests/fuzz/seeds.o $(DRIVER_OBJECT) $(OUT)/support.a $(OUT)/libsouk.a
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(LINK) $(DRIVER_FLAG) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBRARY_LIBS)

# Its own objects come first: its passwords cost nothing.
$(OUT)/sim: $(SIM) $(OUT)/support.a $(OUT)/libsouk.a
	@echo "  LD  $@"
	@$(LINK) -o $@ $^ $(LIBRARY_LIBS)

# A program with a planted bug: $(OUT)/mutants/7/sim, …/7/souk, …/7/test_runtime; tests/mutants has the list. Only the
# files that know the bug are compiled anew; they come before the archive.
mutant_parts = $(if $(filter sim,$1),$(SIM) $(OUT)/support.a,$(if $(filter souk,$1),$(MAIN),$(OUT)/tests/unit/$1.o $(OUT)/support.a))
.SECONDEXPANSION:
$(OUT)/mutants/%: $$(call mutant_parts,$$(*F)) $(OUT)/libsouk.a
	@mkdir -p $(@D)
	@echo "  CC  mutant $*"
	@$(LINK) $(LANGUAGE) -DMUTANT=$(*D) -w -fno-strict-aliasing $(LIBRARY_CFLAGS) -o $@ \
	    $$(grep -rlE 'MUTANT (==|!=) $(*D)$$' src) $^ $(LIBRARY_LIBS) $(if $(filter test_%,$(*F)),$(CMOCKA_LIBS))

# In memory, with passwords that cost nothing: its own objects come first.
INSTRUCTIONS := $(OUT)/bench/instructions
$(INSTRUCTIONS): $(OUT)/bench/instructions.o $(OUT)/tests/sim/password.o $(OUT)/support.a $(OUT)/libsouk.a
	@echo "  LD  $@"
	@$(LINK) -o $@ $^ $(LIBRARY_LIBS)

# The server with the places where tests kill it (base/crashpoint.h): only files that have some are compiled anew.
$(OUT)/crashpoints/souk: $(MAIN) $(OUT)/libsouk.a
	@mkdir -p $(@D)
	@echo "  CC  crashpoints"
	@$(LINK) $(LANGUAGE) -DCRASHPOINTS -fno-strict-aliasing $(LIBRARY_CFLAGS) -o $@ $(MAIN) \
	    $$(grep -rl 'CRASHPOINT("' src --include='*.c') $(OUT)/libsouk.a $(LIBRARY_LIBS)

$(filter-out $(INSTRUCTIONS),$(BENCH)): $(OUT)/bench/%: $(OUT)/bench/%.o $(OUT)/libsouk.a
	@echo "  LD  $@"
	@$(LINK) -o $@ $^ $(LIBRARY_LIBS)

# Missing libraries are named before the compiler stumbles over them.
build/checked: tools/deps
	@tools/deps --check
	@mkdir -p $(@D)
	@touch $@

-include $(shell find $(OUT) build/lint -name '*.d' 2>/dev/null)

# ---- What is done with it --------------------------------------------------------------------------------------------

deps:
	@tools/deps

deps-lint:
	@tools/deps --lint

deps-bench:
	@tools/deps --bench

deps-brokers:
	@tools/deps --brokers

run:
	@tools/deps
	@$(MAKE) --no-print-directory SAN= TINY= MUTANT= all
	@mkdir -p $(DATA)
	build/release/souk serve --config conf/souk.conf --data $(DATA) --demo $(if $(LISTEN),--listen $(LISTEN))

test:
	@tests/run

unit:
	@tests/run unit

api:
	@tests/run api

# Long: `make test` has a short version of each of these.
ROUNDS ?= 100
CRASH  := $(addprefix tests/crash/test_,kill.py powercut.py points.py linear.py faults.py damage.py) tests/api/test_race.py

crash: all
	@status=0; unset MAKEFLAGS MFLAGS MAKELEVEL; export ROUNDS=$(ROUNDS) SOUK_BINARY=$(CURDIR)/$(OUT)/souk; \
	for suite in $(CRASH); do \
	    echo "$$suite"; python3 $$suite || status=1; \
	done; \
	echo tests/crash/test_store_crash.py; python3 tests/crash/test_store_crash.py $$(($(ROUNDS) * 10)) || status=1; \
	exit $$status

# With clang (clang, libclang-rt-dev); `make test` has seven seconds of each target without it.
SECONDS ?= 60

fuzz:
	@command -v clang >/dev/null || { echo 'fuzz: wants clang and libclang-rt-dev' >&2; exit 1; }
	@$(MAKE) --no-print-directory SAN=fuzzer TINY= MUTANT= fuzz-programs
	@tests/fuzz/campaign $(SECONDS)

# Whole servers in memory, each from a seed; what fails is made small and left as build/release/sim-<seed>.repro.
SEEDS := 1..2000
STEPS := 400

sim: sim-program
	@$(OUT)/sim --seeds $(SEEDS) --steps $(STEPS) --keep-going --out $(OUT)

# Each planted bug must be found by a harness in the size that it has in `make test`.
mutants: all sim-program
	@tests/mutants

# A server under load for ten minutes, SOAK=short: two; samples and a picture in build/soak.
SOAK ?= long

soak: all
	@SOAK=$(SOAK) SOUK_BINARY=$(CURDIR)/$(OUT)/souk python3 tests/soak/test_soak.py

FORMATTED = $(shell find src tests bench -name '*.[ch]' 2>/dev/null)

format:
	@tools/deps --lint
	clang-format -i $(FORMATTED)

# What was found good is kept in build/lint; only what changed since, or includes what did, is looked at again.
LINT  := build/lint
TIDY  := $(patsubst %.c,$(LINT)/%.tidy,$(sort $(shell find src tests bench -name '*.c' 2>/dev/null)))

lint:
	@tools/deps --lint
	@$(MAKE) --no-print-directory -k SAN= TINY= MUTANT= lint-format lint-tidy lint-cppcheck

lint-format:
	@echo "  FORMAT"
	@clang-format --dry-run --Werror $(FORMATTED)

lint-tidy: $(TIDY)

$(LINT)/%.tidy: %.c .clang-tidy tests/.clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	@clang-tidy --quiet $< -- $(LANGUAGE) -Itests $(LIBRARY_CFLAGS) $(CMOCKA_CFLAGS) 2>$@.said || { cat $@.said >&2; exit 1; }
	@$(CC) $(LANGUAGE) -Itests $(LIBRARY_CFLAGS) $(CMOCKA_CFLAGS) -MM -MP -MT $@ -MF $(@:.tidy=.d) $<
	@rm -f $@.said
	@touch $@

# It does not know what macros of libraries loop over, and takes what crosses calls (ctu) for possible when it is not.
lint-cppcheck:
	@mkdir -p $(LINT)/cppcheck
	@echo "  CPPCHECK"
	@cppcheck -q -j $$(nproc) --cppcheck-build-dir=$(LINT)/cppcheck --std=c11 --error-exitcode=1 --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=unmatchedSuppression --suppress=internalAstError \
	    --suppress=ctuPointerArith --suppress=ctunullpointer --suppress=ctuuninitvar \
	    --enable=warning,performance,portability -D_GNU_SOURCE \
	    '-Dyyjson_arr_foreach(array,index,most,value)=while((index)=(most)=0,(value)=(array))' -Isrc -Itests src tests bench

# With tools of others, which npm fetches once into build/openapi.
lint-openapi: all
	@SOUK_BINARY=$(CURDIR)/$(OUT)/souk tests/openapi/check

# SCALE=1m: reads of a million products; SECONDS, ROUNDS and more: see bench/run.
bench: all bench-programs
	@SOUK_BINARY=$(OUT)/souk bench/run

# What each hot path costs, written down for this toolchain; `make test` compares.
instructions: all instructions-program
	@bench/instructions --write

# What the binary itself writes, and where it belongs.
define written
	@mkdir -p $(dir $(DESTDIR)$(PREFIX)/share/$2)
	$(OUT)/souk $1 >$(DESTDIR)$(PREFIX)/share/$2
	@chmod 0644 $(DESTDIR)$(PREFIX)/share/$2
endef

install: all
	install -D -m 0755 $(OUT)/souk $(DESTDIR)$(PREFIX)/bin/souk
	install -D -m 0644 conf/souk.conf $(DESTDIR)$(PREFIX)/share/souk/souk.conf
	install -D -m 0644 conf/souk.service $(DESTDIR)$(PREFIX)/share/souk/souk.service
	install -D -m 0644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/souk/LICENSE
	$(if $(VIEWER),install -D -m 0644 build/viewer/licence.txt $(DESTDIR)$(PREFIX)/share/doc/souk/swagger-ui.licence.txt)
	$(call written,dump man,man/man1/souk.1)
	$(call written,completion bash,bash-completion/completions/souk)
	$(call written,completion zsh,zsh/site-functions/_souk)
	$(call written,completion fish,fish/vendor_completions.d/souk.fish)

clean:
	rm -rf build

DUMPED := openapi.json fields.md states.md events.md errors.md configuration.md

docs: all
	@mkdir -p docs/gen
	@for file in $(DUMPED); do \
	    $(OUT)/souk dump $${file%.*} >$(OUT)/$$file && mv $(OUT)/$$file docs/gen/$$file || exit 1; \
	done
	@tools/endpoints

help:
	@echo 'make            build build/release/souk (SAN=address|undefined|thread, TINY=1, MUTANT=k: other variants)'
	@echo 'make run        install what is missing, build, serve the demo shop on conf/souk.conf (DATA=data/dev LISTEN=127.0.0.1:8080)'
	@echo 'make test       everything that a change must pass; ends with "N passed, M failed"'
	@echo 'make unit       the unit tests of the release build'
	@echo 'make api        the API tests of the release build'
	@echo 'make crash      kills, power cuts, damage and races, ROUNDS=100 of each'
	@echo 'make fuzz       libFuzzer on whatever reads bytes, SECONDS=60 for each target; wants clang'
	@echo 'make sim        simulated worlds with faults and crashes, SEEDS=1..2000 of STEPS=400 each'
	@echo 'make mutants    plants bugs one at a time; the tests must find each'
	@echo 'make soak       a server under load for ten minutes, SOAK=short: two; build/soak has samples and a picture'
	@echo 'make lint       clang-format, clang-tidy, cppcheck; what was found good before is not looked at again'
	@echo 'make lint-openapi  a linter, a generator of clients and its compiler on the OpenAPI document; wants npm'
	@echo 'make format     clang-format every source in place'
	@echo 'make bench      the benchmarks (five minutes); SCALE=1m: on a million products'
	@echo 'make instructions  count the instructions of the hot paths anew; make test compares with these'
	@echo 'make docs       write docs/gen from the tables in the binary, and docs/guides/endpoints.md'
	@echo 'make install    into $$DESTDIR$$PREFIX (/usr/local)'
	@echo 'make deps       install compiler and libraries (deps-lint: and the checkers; deps-bench: and Redis to compare with;'
	@echo '                deps-brokers: and RabbitMQ for its test)'
	@echo 'make clean      remove build/'
