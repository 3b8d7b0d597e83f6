# Bakeoff's own build and test targets. `make` alone prints this list.
SHELL := /bin/bash
BIN   := $(CURDIR)/bin
GOLANGCI_VERSION      := v2.5.0
WORKFLOWCHECK_VERSION := v0.6.0
CADDY_VERSION         := v2.11.9

.DEFAULT_GOAL := help
.PHONY: help build dev caddy demo rehearse test unit integration e2e lint workflowcheck bench judgesim fuzz clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bakeoff and bakeoff-worker into bin/
	@mkdir -p $(BIN)
	go build -o $(BIN)/bakeoff ./starter
	go build -o $(BIN)/bakeoff-worker ./worker

dev: ## build the embedded Temporal server and the demo town (cold: about 5 minutes on 2 cores)
	@mkdir -p $(BIN)
	@test -x $(BIN)/bakeoff-dev || echo "building the embedded Temporal server: a cold build takes about 5 minutes on 2 cores"
	cd deploy/dev && go build -o $(BIN)/ ./cmd/...

caddy: ## a Caddy of 2.9 or newer: the one on PATH, else built into bin/ (2 minutes)
	@if [ -x $(BIN)/caddy ]; then :; \
	elif command -v caddy >/dev/null && caddy version | awk '{split(substr($$1,2),v,"."); exit !(v[1]>2 || v[1]==2 && v[2]>=9)}'; then :; \
	else echo "building Caddy $(CADDY_VERSION): takes about 2 minutes"; GOBIN=$(BIN) go install github.com/caddyserver/caddy/v2/cmd/caddy@$(CADDY_VERSION); fi

demo: build dev caddy ## promote a release, one early, roll back two, abort one, hold one, sign for one, take a fleet back: real server, router, processes, traffic (KEEP=1 leaves it running)
	PATH="$(BIN):$$PATH" $(BIN)/bakeoff-demo $(if $(KEEP),--keep)

rehearse: build dev caddy ## practise a release in under 5 minutes: ten drills of the way back with faults, a control that must go red, an autoscaler (KEEP=1 leaves it, and the reports; WITHIN=10m allows a slow machine more)
	PATH="$(BIN):$$PATH" $(BIN)/bakeoff-rehearsals $(if $(KEEP),--keep) $(if $(WITHIN),--within $(WITHIN))

test: caddy dev ## everything: unit, stories, conformance, layers, lint of workflow code, replay, end to end
	go vet ./...
	PATH="$(BIN):$$PATH" go test -timeout 30m ./...
	$(MAKE) workflowcheck build
	$(BIN)/bakeoff-worker verify --golden testsuite/histories
	$(MAKE) e2e

unit: ## the main module's tests alone
	PATH="$(BIN):$$PATH" go test -timeout 30m ./...

integration: build caddy dev ## what needs real servers: PostgreSQL, Prometheus, Alertmanager, Caddy, ssh-keygen, faketime, and root (it mounts); fails where one is missing; kills 50 rehearsals
	CI=true PATH="$(BIN):$$PATH" go test -count=1 ./activities/caddy ./activities/faults ./activities/postgres ./activities/prometheus ./rollout/signature
	CI=true PATH="$(BIN):$$PATH" go test -count=1 ./testsuite/e2e -run 'Alertmanager|Orders|Budget|Signed|Vote|Override|Blind'
	PATH="$(BIN):$$PATH" $(BIN)/bakeoff-rehearsals --postgres --within 10m
	PATH="$(BIN):$$PATH" $(BIN)/bakeoff-rehearsals --kills 50 --within 10m

e2e: build dev ## the embedded server's own tests and the end-to-end tests
	cd deploy/dev && go vet ./... && PATH="$(BIN):$$PATH" go test ./...

bench: dev ## the numbers to hold, on this machine: folds, judge, abort, dead worker, history, load, replay (15 minutes; leave the machine alone)
	go test -run '^$$' -bench . -benchmem ./analysis ./starter
	go test -timeout 20m -run '^$$' -bench . ./testsuite/bench

judgesim: ## how often the judges are right, beside other tools' methods: into docs/judges.md (5 minutes on 2 cores)
	go run ./testsuite/judgesim/cmd --write docs/judges.md

FUZZTIME ?= 10m
fuzz: ## fuzz the window decoder and every judge, each for FUZZTIME (default 10m: two hours in all)
	@for f in $$(go test ./analysis -list '^Fuzz' | grep ^Fuzz); do \
	  echo "$$f for $(FUZZTIME)"; go test ./analysis -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x || exit 1; done

workflowcheck: ## Temporal's own check that workflow code is deterministic
	@test -x $(BIN)/workflowcheck || GOBIN=$(BIN) go install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION)
	$(BIN)/workflowcheck -test=false ./workflows/...

lint: ## golangci-lint with the short list of .golangci.yml
	@test -x $(BIN)/golangci-lint || GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	$(BIN)/golangci-lint run ./...
	cd deploy/dev && $(BIN)/golangci-lint run -c $(CURDIR)/.golangci.yml ./...

clean: ## remove what was built
	rm -rf $(BIN)
