#!/usr/bin/env bash
# Records golden histories from real runs: the embedded Temporal server, a real
# worker, the simulated service over HTTP, and ordinary commands. Run it on
# released code, never on the branch under test, and only to ADD a folder:
#   make build dev && testsuite/histories/record.sh v0.1.0
set -euo pipefail
cd "$(dirname "$0")/../.."
out="testsuite/histories/${1:?name the folder, such as v0.1.0}"
mkdir -p "$out"
dir=$(mktemp -d); pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$dir"' EXIT
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
until_line() { for _ in $(seq 100); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.1; done; cat "$1"; exit 1; }
town=$(port); export TEMPORAL_ADDRESS="127.0.0.1:$(port)"
go build -o "$dir/town" ./testsuite/town; go build -o "$dir/export" ./testsuite/histories/export
"$dir/town" -listen "127.0.0.1:$town" & pids+=($!)
bin/bakeoff-dev --address "$TEMPORAL_ADDRESS" --ui-address "" --db :memory: >"$dir/dev.log" 2>&1 & pids+=($!)
until_line "$dir/dev.log" '^ready'
bin/bakeoff-worker --listen "127.0.0.1:$(port)" >"$dir/worker.log" 2>&1 & pids+=($!)
until_line "$dir/worker.log" '^ready'

spec() { # version, strategy
cat >"$dir/spec.yaml" <<Y
kind: Rollout
service: checkout
environment: staging
release: {version: $1, artifact: "${3:-registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015}"}
target:
  deploy:  {driver: http, with: {url: "http://127.0.0.1:$town"}}
  traffic: {driver: http, with: {url: "http://127.0.0.1:$town"}}
  metrics: {driver: scrape}
strategy: {canary: [$2], keepBaseline: 2s}
drain: 1s
checks:
  - {name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}
Y
}
run()   { bin/bakeoff run "$dir/spec.yaml" --actor ci@example.com --reason record >/dev/null 2>&1 || true; }
start() { bin/bakeoff start "$dir/spec.yaml" --actor ci@example.com --reason record >/dev/null; sleep "$1"; }
order() { bin/bakeoff "$@" --actor ana@example.com --reason "the recording" >/dev/null; }
settle(){ bin/bakeoff wait staging/checkout >/dev/null 2>&1 || true; }
keep()  { "$dir/export" rollout/staging/checkout "$out/$1.json"; echo "recorded $1"; }

spec 1.1.0 "{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}";            run;   keep promote
spec 1.2.0 "{weight: 10%, bake: 10s}";                                    run;   keep rollback
spec 1.3.0 "{weight: 10%, bake: 60s}";  start 3; order abort staging/checkout;          settle; keep abort
spec 1.3.0 "{weight: 10%, bake: 60s}";  start 3; order abort staging/checkout --no-wait; settle; keep abort-signal
spec 1.3.0 "{weight: 10%, bake: 6s}";   start 2; order pause staging/checkout; sleep 2; order resume staging/checkout; settle; keep pause-resume
spec 1.4.0 "{weight: 10%, bake: 60s, approve: {within: 1h}}"; start 2; order reject staging/checkout; settle; keep reject
spec 1.4.0 "{weight: 10%, bake: 5s, approve: {within: 1h}}";  start 2; order approve staging/checkout --step 1; settle; keep approve
spec 1.5.0 "{weight: 10%, bake: 5s}" registry.example/checkout:latest;    run;   keep refused
spec 1.5.0 "{weight: 10%, bake: 10s}";  start 3
curl -fsS -X PUT -d '{"weights":{"1.4.0":5000,"1.5.0":5000}}' "http://127.0.0.1:$town/weights" >/dev/null; sleep 2
order resume staging/checkout || true; order abort staging/checkout; settle; keep drift
