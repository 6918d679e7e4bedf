# `make demo` and `make test` are the two commands that a new user needs; `make help` lists the rest.

# Tests and program share their objects: the same configuration, no @testable, no XCTest.
TEST_FLAGS = -c release --disable-testable-imports --disable-xctest
# Tests that hold the clock against the program run again, one after the other.
TIMING_TESTS = 'stopsAtItsDeadline|deadlinesAreKept|SearchTests/refused|Verifying/timeout|Verifying/startUp|timeoutsAreMet|theDeadlineIsMet'

.PHONY: help demo test build lint format bundle bundle-check bench clean dependencies swift

help:
	@echo 'make demo          install what is missing, build, and run the built-in example'
	@echo 'make test          install what is missing, build, and run the default tests'
	@echo 'make build         the same without running: .build/release/surety'
	@echo 'make lint          formatting and house rules;  make format  mends the formatting'
	@echo 'make bundle        a folder and a .tar.xz for GPU machines without Swift, in dist/'
	@echo 'make bundle-check  runs its demo in a root that holds only glibc (needs root)'
	@echo 'make bench         throughput beside ONNX Runtime, and start-up times; Benchmarks/results/'
	@echo 'make clean         removes builds and bundles'
	@echo
	@echo 'DEMO="--device cpu" make demo passes options on; TESTS="--filter Smoothing" make test likewise.'

dependencies:
	@scripts/install-dependencies.sh build

swift:
	@scripts/require-swift.sh

build: dependencies swift
	swift build -c release --product surety

demo: build
	.build/release/surety demo $(DEMO)

test: dependencies swift
	swift test $(TEST_FLAGS) $(TESTS)
	SURETY_TIMING=1 swift test $(TEST_FLAGS) --skip-build --no-parallel --filter $(TIMING_TESTS)

lint: swift
	@scripts/lint.sh

format: swift
	swift format --in-place --parallel --recursive Package.swift Sources Tests

bundle: swift
	@scripts/install-dependencies.sh build bundle
	scripts/bundle.sh

bundle-check:
	scripts/bundle-check.sh

bench: build
	Benchmarks/start_up.sh
	python3 Benchmarks/cpu_throughput.py

clean:
	rm -rf .build .build-static dist
