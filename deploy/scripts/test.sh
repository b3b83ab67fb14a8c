#!/usr/bin/env bash
# All tests, in stages from cheap to dear; stops at the first that fails. STAGE=browser (or unit,services) runs only those.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly all_stages=(install build lint unit services faults browser)
cd "$ROOT"

stage_install() { deploy/scripts/install.sh test; }
stage_build() {
    swift build -c release --build-tests
    deploy/scripts/web.sh
}
stage_lint() {
    swift format lint --strict --recursive Shared Services Tests Package.swift
    deploy/scripts/web.sh check
    "$ROOST_TOOLS/venv/bin/python" deploy/scripts/check_compose.py
}
# One at a time: deadlines of tests that start servers mean little on a machine that does forty things at once.
stage_unit() { swift_test --no-parallel --skip 'EndToEndTests|FaultSuiteTests'; }
stage_services() { swift_test --filter EndToEndTests; }
stage_faults() { swift_test --filter FaultSuiteTests; }
stage_browser() {
    "$ROOST_TOOLS/venv/bin/python" -m pytest Tests/Browser
    # Clients of another dialect; a call of its own, because each folder has fixtures of its own.
    "$ROOST_TOOLS/venv/bin/python" -m pytest Tests/Dialect
}

# Says at the end what failed: it stands far up among the thousands that passed.
swift_test() {
    local log status=0
    log=$(mktemp)
    swift test -c release --skip-build "$@" 2>&1 | tee "$log" || status=$?
    if ((status != 0)); then
        printf '\n%s== what failed%s\n' "$bold" "$plain"
        grep -aE -A 1 'recorded an issue|Fatal error|error: Exited' "$log" | grep -av '◇' | head -12 || true
    fi
    rm -f "$log"
    return "$status"
}

main() {
    local stages=("${all_stages[@]}") stage start total=$SECONDS
    if [[ -n ${STAGE:-} ]]; then IFS=', ' read -ra stages <<<"$STAGE"; fi
    for stage in "${stages[@]}"; do
        [[ " ${all_stages[*]} " == *" $stage "* ]] || die "there is no stage '$stage'; there are: ${all_stages[*]}"
    done

    table=()
    for stage in "${stages[@]}"; do
        printf '\n%s== %s%s\n' "$bold" "$stage" "$plain"
        start=$SECONDS
        # A shell of its own: inside `if` or `||` bash would go on after a failed command of the stage.
        set +e
        (
            set -e
            "stage_$stage"
        )
        status=$?
        set -e
        if ((status != 0)); then
            table+=("$stage|${red}failed${plain}|$(elapsed "$start")")
            print_table
            die "stage '$stage' failed; run it alone: make test STAGE=$stage"
        fi
        table+=("$stage|${green}passed${plain}|$(elapsed "$start")")
    done
    print_table
    say "all passed in $(elapsed "$total")"
}

print_table() {
    local row
    printf '\n'
    for row in "${table[@]}"; do
        IFS='|' read -r stage result time <<<"$row"
        printf '  %-10s %s  %s\n' "$stage" "$result" "$time"
    done
    printf '\n'
}

main
