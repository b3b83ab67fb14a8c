# shellcheck shell=bash
# What the scripts share: where things are, colours, steps and clear failures. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ROOST_TOOLS=${ROOST_TOOLS:-$ROOT/.build/tools}

# Colours only where a person looks: log files and CI get plain text (https://no-color.org).
# shellcheck disable=SC2034 # Not every script uses every colour.
if [[ -t 1 && -t 2 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' plain=''
fi

# The prefix of every line a script prints: `install: …`, `stack: …`.
program=$(basename "$0" .sh)

say() { printf '%s%s:%s %s\n' "$bold" "$program" "$plain" "$*"; }
warn() { printf '%s%s:%s %s\n' "$yellow" "$program" "$plain" "$*" >&2; }
die() {
    printf '%s%s:%s %s\n' "$red" "$program" "$plain" "$*" >&2
    exit 1
}

# elapsed START: whole seconds since START, a value of $SECONDS, as `34 s` or `2 min 5 s`.
elapsed() {
    local seconds=$((SECONDS - $1))
    if ((seconds < 60)); then printf '%d s' "$seconds"; else printf '%d min %d s' $((seconds / 60)) $((seconds % 60)); fi
}

# step TITLE COMMAND...: runs a long command quietly and says how long it took. Its output is shown only when it fails,
# where it is needed; a line every 30 s shows that it still lives.
step() {
    local title=$1 start=$SECONDS output ticker status=0
    shift
    output=$(mktemp)
    # The sleep does not hold our output open, so a caller that reads us through a pipe is not kept waiting by it.
    (while sleep 30 >/dev/null 2>&1; do say "$title … still working, $(elapsed "$start")"; done) &
    ticker=$!
    "$@" >"$output" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if ((status == 0)); then
        say "$title … $(elapsed "$start")"
    else
        tail -n 20 "$output" >&2
        warn "$title failed after $(elapsed "$start"); its last lines are above"
    fi
    rm -f "$output"
    return "$status"
}

# have COMMAND: whether it is in PATH.
have() { command -v "$1" >/dev/null 2>&1; }
