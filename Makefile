# `make` lists what there is.

SHELL := /bin/sh
# Where rustup puts cargo, for shells that do not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help run cluster test crash lint web-lint bench conformance fuzz api-fuzz tools

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools ## build the release binary and start it on its own database
	@.ci/need --unless-configured postgresql
	MADANG_COMMIT=$$(git rev-parse --short HEAD 2>/dev/null) cargo build --release --locked
	@. .ci/data_dir; exec ./target/release/madang

cluster: tools ## start three nodes, three NATS servers and a PostgreSQL with its standby, to play with, in DIR (data/cluster)
	@.ci/need postgresql
	@.ci/need nats-server || echo "going on without it" >&2
	MADANG_COMMIT=$$(git rev-parse --short HEAD 2>/dev/null) cargo build --release --locked
	@exec ops/cluster

# Most tests wait for a database or a process: two of them a processor.
test: tools ## run every test
	@.ci/need postgresql curl pgbouncer
	@.ci/need nats-server || echo "without NATS: the bus is not tried" >&2
	@.ci/need chromium chromedriver || echo "without a browser: the page is not tried" >&2
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(getconf _NPROCESSORS_ONLN) * 2))} cargo test --locked --no-fail-fast
	cargo test --locked --manifest-path tests/model/Cargo.toml --target-dir target/model

crash: tools ## kill and stop a node (one of NODES, 1) and its database under load, ROUNDS times (20), and check that no message or change is lost
	@.ci/need postgresql
	ROUNDS=$${ROUNDS:-20} cargo test --locked --test crash -- --nocapture

lint: tools ## format, clippy, documentation, licences
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo fmt --check --manifest-path tests/model/Cargo.toml
	cargo clippy --all-targets --locked --manifest-path tests/model/Cargo.toml --target-dir target/model -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --locked --document-private-items
	@if cargo deny --version >/dev/null 2>&1; \
	then echo cargo deny check bans licenses sources; cargo deny --locked check bans licenses sources; \
	else echo "cargo deny is not installed: bans, licences and sources are not checked"; fi

web-lint: web/node_modules/.package-lock.json ## the web client's types, style and tests of its pure modules; needs Node 20 or newer
	web/node_modules/.bin/tsc --project web/tsconfig.json
	web/node_modules/.bin/tsc --project tests/web_unit/tsconfig.json
	web/node_modules/.bin/oxlint --config web/.oxlintrc.json web/app tests/web_unit
	node --test tests/web_unit/*.test.js
	@web/vendor/update --check || { [ $$? -eq 2 ] && echo "the vendored files are not compared with their packages"; }

web/node_modules/.package-lock.json: web/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20 or newer" >&2; exit 1; }
	npm --prefix web ci --ignore-scripts --prefer-offline

tools:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.95 or newer with rustup" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "cc is missing, Rust links with it: apt-get install gcc libc6-dev, dnf install gcc, or xcode-select --install" >&2; exit 1; }

bench: tools ## measure what a node costs, into target/bench; PUBLISH=1 puts it into docs/PERFORMANCE.md, PARTS="…" measures some
	@.ci/need postgresql
	cargo bench --locked --bench node -- $(PARTS) $(if $(PUBLISH),--publish)

conformance: tools ## run the Autobahn WebSocket cases against a real node (kosoku, from PyPI)
	@.ci/need postgresql
	cargo build --release --locked
	python3 -m venv target/conformance
	target/conformance/bin/pip install --quiet kosoku==0.1.0
	target/conformance/bin/python tests/conformance.py target/release/madang target/conformance/bin/kosoku

fuzz: tools ## fuzz what takes a stranger's bytes, each of TARGETS for SECONDS (60); needs cargo-fuzz and a nightly compiler
	tests/fuzz/run $(or $(SECONDS),60) $(TARGETS)

api-fuzz: tools ## hold a real node to its OpenAPI document with CASES (20000) cases (schemathesis, from PyPI)
	@.ci/need postgresql
	cargo build --release --locked
	python3 -m venv target/api-fuzz
	target/api-fuzz/bin/pip install --quiet 'schemathesis==4.32.*'
	target/api-fuzz/bin/python tests/api_fuzz.py target/release/madang target/api-fuzz/bin/schemathesis
