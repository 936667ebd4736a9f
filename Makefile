# SPDX-License-Identifier: Apache-2.0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PREFIX  ?= /usr/local
DESTDIR ?=

# The kubectl of completion scripts and the programs that `make install` puts in place.
PROGRAMS := kubectl-solution kubectl-environment solution-bootstrap

GOBUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
# Tests of the programs are compiled as the programs are, so that Kubernetes' libraries are not compiled once more. What
# `go vet` says, `make lint` does: with every way to compile, vet would go through all of Kubernetes' libraries again.
GOTEST := CGO_ENABLED=0 go test -vet=off -trimpath -ldflags "-s -w"

.PHONY: build
build: ## The three programs, into bin/
	$(GOBUILD) -o bin/ ./cmd/...

.PHONY: cluster
cluster: ## bin/devcluster: a real Kubernetes control plane in one program
	hack/cluster.sh

.PHONY: packages
packages: ## Debian packages that tests and examples need
	hack/packages.sh

.PHONY: examples
examples: packages ## Both versions of the sample Solution, into bin/examples/
	examples/build.sh bin/examples

.PHONY: test
test: packages build cluster ## All tests but those on a node, against real API servers
	@$(MAKE) --no-print-directory -j3 $(SYNC) $(TESTS)

# Most tests wait for programs and servers more than they compute, so these run at once, each with API servers of its
# own; likewise three packages. For the race detector the command line is too slow. A program of the race detector waits
# a second at its end if not told otherwise.
TESTS := test-scripts test-faults test-packages
SYNC  := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
.PHONY: $(TESTS)
test-scripts:
	$(GOTEST) -timeout 30m -run '^TestScripts$$' ./test/cli
test-faults:
	$(GOTEST) -timeout 30m -skip '^TestScripts$$' ./test/cli ./test/bench
test-packages:
	GORACE=atexit_sleep_ms=50 go test -vet=off -race -p 3 -ldflags -s $$(go list ./... | grep -v -e /test/cli -e /test/e2e -e /test/bench -e /test/scale)

.PHONY: e2e
e2e: cluster examples ## Solutions on a real node with containerd; as root
	@hack/packages.sh node || true
	@hack/node.sh check
	$(GOTEST) -count=1 -timeout 10m ./test/e2e

# The flags are those of hack/cluster.sh: with others all of Kubernetes would be compiled once more.
.PHONY: test-cluster
test-cluster: ## The tests of bin/devcluster itself
	cd test/cluster && $(GOTEST) ./...

.PHONY: lint
lint: ## golangci-lint, which is built once
	hack/lint.sh

.PHONY: fuzz
FUZZTIME ?= 1m
fuzz: ## Every fuzz target, for FUZZTIME each
	hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: packages build cluster ## Benchmarks, against nginx, docker-registry and kubectl too; ratios within one run are what counts
	go test -run '^$$' -bench . -benchtime 3x ./pkg/iso9660 ./pkg/archive ./pkg/registry ./pkg/helper/agent ./pkg/isofuse
	go run ./test/bench
	CGO_ENABLED=0 go test -vet=off -trimpath -ldflags "-s -w" -run '^$$' -bench . -benchtime 1x -timeout 40m ./test/scale

.PHONY: demo
demo: build cluster examples ## The whole way, on a node of its own if it may; KEEP=1 leaves it up
	hack/demo.sh

.PHONY: docs
docs: ## docs/reference, from the commands themselves
	rm -rf docs/reference && CGO_ENABLED=0 go run -trimpath ./hack/gendocs docs/reference

.PHONY: cross
cross: ## What differs on other platforms, to see that it builds; `make dist` has every program for every one
	GOOS=darwin GOARCH=arm64 $(GOBUILD) -o /dev/null ./cmd/kubectl-solution ./cmd/kubectl-environment
	GOOS=linux GOARCH=arm64 $(GOBUILD) -o /dev/null ./cmd/solution-bootstrap

.PHONY: dist
dist: ## Release archives and krew manifests, into dist/
	VERSION=$(VERSION) hack/dist.sh

.PHONY: install
install: build ## The programs and their shell completion, into $(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(addprefix bin/,$(PROGRAMS)) hack/completion/kubectl_complete-* $(DESTDIR)$(PREFIX)/bin/

.PHONY: clean
clean: ## What make has made, but for the caches
	@for node in .demo/node .e2e; do [ ! -e $$node ] || hack/node.sh down $$node; done
	rm -rf bin dist .demo

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16
