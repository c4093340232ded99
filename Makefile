# The front door. Meson and ninja do the work, in build/; this only remembers how to call them.

DIR     ?= /usr
ARGS    ?=
PREFIX  ?= /usr/local
BUILD   ?= build
OPTIONS ?=

.PHONY: all run test check-asan check-valgrind check-tsan check-workers check-mutants check-aarch64 check-riscv64 \
	check-musl check-deb bench bench-deps format deb install clean help

all:
	@scripts/setup build
	@scripts/build "$(BUILD)" $(OPTIONS)

run: all
	@"$(BUILD)/cede" explore "$(DIR)" $(ARGS)

test:
	@scripts/setup build test
	@scripts/build build
	@tests/run --builddir build

check-asan:
	@scripts/setup build test
	@scripts/build build-asan -Db_sanitize=address,undefined -Db_lundef=false
	@tests/run --builddir build-asan --asan

check-valgrind:
	@scripts/setup build test
	@scripts/build build
	@tests/run --builddir build --valgrind

check-workers:
	@scripts/setup build test
	@scripts/build build
	@tests/run --builddir build --two-workers -k @2

check-tsan:
	@scripts/setup build test
	@scripts/build build-tsan -Db_sanitize=thread -Db_lundef=false
	@tests/run --builddir build-tsan --tsan

check-mutants:
	@scripts/setup build test
	@tests/check-mutants

bench:
	@scripts/setup build
	@bench/run $(ARGS)

bench-deps:
	@scripts/setup build bench

check-aarch64:
	@scripts/setup build test aarch64
	@scripts/build build-aarch64 --cross-file scripts/aarch64.ini
	@tests/run --builddir build-aarch64 --wrapper 'qemu-aarch64 -L /usr/aarch64-linux-gnu'

check-riscv64:
	@scripts/setup build test riscv64
	@scripts/build build-riscv64 --cross-file scripts/riscv64.ini
	@tests/run --builddir build-riscv64 --wrapper 'qemu-riscv64 -L /usr/riscv64-linux-gnu'

check-musl:
	@scripts/setup build test musl
	@scripts/kernel-headers build-musl-headers
	@CC=musl-gcc scripts/build build-musl -Dc_args="-idirafter $(CURDIR)/build-musl-headers"
	@tests/run --builddir build-musl --programs --command

deb:
	@scripts/setup build deb
	@scripts/deb build-deb

check-deb:
	@scripts/setup build test deb
	@tests/check-deb

format:
	@scripts/setup test
	@git ls-files -co --exclude-standard -- '*.c' '*.h' | xargs -r clang-format -i

install: all
	@meson configure "$(BUILD)" --prefix "$(PREFIX)"
	@DESTDIR="$(DESTDIR)" meson install -C "$(BUILD)" --quiet >/dev/null
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then ldconfig; fi

clean:
	@rm -rf build build-*

help:
	@echo 'make                  build into build/'
	@echo 'make run              build, then explore a tree: DIR=/usr ARGS="--limit 8"'
	@echo 'make test             every quick test, under three minutes'
	@echo 'make check-asan       the tests again with AddressSanitizer and UBSan'
	@echo 'make check-valgrind   the C tests again under valgrind'
	@echo 'make check-workers    what runs tasks again, with two workers'
	@echo 'make check-tsan       the C tests again with ThreadSanitizer'
	@echo 'make check-mutants    plant each bug of tests/mutants/ and see its test turn red'
	@echo 'make bench            measure against rivals: ARGS="switch mutex --quick"'
	@echo 'make bench-deps       install the rivals that Debian has'
	@echo 'make check-aarch64    the C tests and the examples for ARM, under qemu'
	@echo 'make check-riscv64    the same for RISC-V'
	@echo 'make check-musl       the C tests, the examples and cede with musl instead of glibc'
	@echo 'make check-deb        build the Debian packages, and a program with them'
	@echo 'make deb              build the Debian packages into build-deb/'
	@echo 'make format           clang-format over the sources'
	@echo 'make install          PREFIX=/usr/local DESTDIR= ; BUILD=build OPTIONS="-Dtests=false"'
	@echo 'make clean            remove every build directory'
