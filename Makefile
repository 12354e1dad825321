# Each target only calls what the README or .ci/run calls.
export CGO_ENABLED = 0

.PHONY: build test race lint e2e ci

build:
	go build -o bin/bridgehost ./cmd/bridgehost

test:
	go test ./...

race:
	.ci/run race

lint:
	.ci/run format vet staticcheck generated modules

e2e:
	.ci/run e2e

ci:
	.ci/run
