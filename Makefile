# Everything starts here. Each target installs what it needs, builds, and does it.
#   make demo        a running gateway on this machine, and a page of text that says where to go
#   make demo-stop   ends it
#   make test        unit, integration and browser suites, with sanitizers
#   make test-long   the long suites: random policies by the million, invariants broken on purpose, fuzzing
#   make bench       measures; prints `figure NAME VALUE UNIT` and writes docs/benchmarks.md
#   make format      clang-format over src and tests
SHELL := /bin/bash
BIN := build/release/bin
TESTED := build/asan

.PHONY: demo demo-stop test test-long bench format build-release build-tested build-dashboard packages-%

packages-%:
	@tools/install-packages $(subst +, ,$*)

build-release: packages-build
	@tools/build release gatehouse gatehouse_agent_app ngx_http_gatehouse_module

build-tested: packages-build+test
	@tools/build asan all

build-dashboard: packages-web
	@tools/web

demo: build-release build-dashboard
	@tools/demo $(BIN)/gatehouse

demo-stop:
	@$(BIN)/gatehouse demo --stop

test: build-tested build-dashboard
	@tools/web test
	@ctest --test-dir $(TESTED) --output-on-failure -j2
	@tests/run all --build $(TESTED)

test-long: build-tested packages-fuzz
	@GATEHOUSE_RANDOM_CASES=10000000 GATEHOUSE_RANDOM_SEED=$$(date +%s) ctest --test-dir $(TESTED) --output-on-failure -j2 -R '^reference_'
	@tests/toolchain/break_invariants.py
	@tools/fuzz 60

bench: packages-test+bench build-release
	@tools/build release bench_state bench_load bench_engine
	@tests/install
	@bench/run $(BIN)

format: packages-test
	@git ls-files 'src/*.cc' 'src/*.h' 'tests/*.cc' 'bench/*.cc' | xargs clang-format-19 -i
