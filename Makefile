# Every command anyone runs, CI included. Variables: make run GATEWAYS=3 APIS=2 MEDIA=2 PORT=8080; make test STAGE=browser.
# deploy/scripts/stack.sh lists the others.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.NOTPARALLEL:
.PHONY: help install build web contracts run test test-full test-faults soak fuzz bench format lint clean

export APIS GATEWAYS MEDIA TURN PORT STAGE

swift_sources := Shared Services Tests Package.swift

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

install: ## install what is missing (Debian 12, Ubuntu); Swift itself comes from swift.org
	@deploy/scripts/install.sh run

build: ## compile the services, optimised
	@start=$$SECONDS
	swift build -c release
	echo "build: $$((SECONDS - start)) s"

web: ## build the browser client into Services/Web/build
	@deploy/scripts/web.sh

contracts: ## write the OpenAPI, AsyncAPI and TypeScript files from Shared/Contracts
	@swift run -c release roost-contracts

run: install build web ## start it all on http://127.0.0.1:8080 (APIS=2 GATEWAYS=3 MEDIA=2 PORT=8080); Ctrl-C stops it
	@exec deploy/scripts/run.sh

test: ## all tests; STAGE=install|build|lint|unit|services|faults|browser runs one stage
	@deploy/scripts/test.sh

test-full: ## all tests with the long ones: more seeds, more clients, longer faults
	@ROOST_TEST_FULL=1 deploy/scripts/test.sh

test-faults: ## 200 rounds of random faults and a comparison after each; ROUNDS=20 SEED=7 as you like
	@deploy/scripts/install.sh test
	swift build -c release
	.build/release/roost-faults --rounds "$${ROUNDS:-200}" $${SEED:+--seed "$$SEED"}

soak: ## two hours of calls with people who come and go; memory has to be flat. SOAK_SECONDS=600 as you like
	@deploy/scripts/install.sh test
	swift build -c release --build-tests
	SOAK_SECONDS="$${SOAK_SECONDS:-7200}" swift test -c release --skip-build --filter ChurnTests/soak

fuzz: ## damaged packets and offers for the media node's parsers, ten minutes each; SECONDS_EACH=60 SEED=7 as you like
	@deploy/scripts/install.sh build
	swift build -c release --product roost-fuzz
	.build/release/roost-fuzz --seconds-each "$${SECONDS_EACH:-600}" $${SEED:+--seed "$$SEED"}

bench: ## measure throughput, delivery, crowds and memory beside pgbench, nchan, node-ws and Janus; about twenty minutes
	@deploy/scripts/install.sh test
	swift build -c release
	deploy/scripts/bench.sh

format: ## lay out the Swift code
	@swift format --in-place --recursive $(swift_sources)

lint: ## check the layout of the Swift code and the types of the web client
	@swift format lint --strict --recursive $(swift_sources)
	deploy/scripts/web.sh check

clean: ## remove what was built; tools and data stay
	@swift package clean
	rm -rf Services/Web/build
