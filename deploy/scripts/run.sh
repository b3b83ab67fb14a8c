#!/usr/bin/env bash
# What `make run` does once all is installed and built: starts the stack, shows where it is, starts again what dies, and
# stops all of it in order on Ctrl-C. Its variables are those of stack.sh.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"
program=roost

# A script's background job (`make run &`) ignores SIGINT, and bash cannot trap what it was born ignoring.
if [[ $(trap -p INT) == *"''"* ]]; then exec env --default-signal=INT "$0"; fi

# Without our lock: what the stack starts must not hold it after us.
stack() { "$ROOT/deploy/scripts/stack.sh" "$@" 8>&-; }

main() {
    if [[ -z ${ROOST_STATE:-} ]]; then
        if ((EUID == 0)); then ROOST_STATE=/var/lib/roost; else ROOST_STATE=${XDG_DATA_HOME:-${HOME:?}/.local/share}/roost; fi
    fi
    ROOST_STATE=$(realpath -m "$ROOST_STATE")
    export ROOST_STATE
    be_the_only_supervisor

    local start=$SECONDS
    trap finish EXIT
    trap 'exit 0' INT TERM HUP
    # What an earlier run left behind when it was killed may be of an older build.
    stack down
    say "starting"
    stack up
    summarise "$start"
    supervise
}

be_the_only_supervisor() {
    mkdir -p "$ROOST_STATE/run" 2>/dev/null || die "$ROOST_STATE cannot be written; set ROOST_STATE to a directory of yours"
    exec 8>"$ROOST_STATE/run/supervisor.lock" || die "$ROOST_STATE belongs to someone else; set ROOST_STATE"
    flock -n 8 || die "Roost already runs with the data in $ROOST_STATE; stop it there with Ctrl-C, or set ROOST_STATE"
}

# Once, whatever ends us, and deaf to a second Ctrl-C: half a shutdown would leave processes behind.
finish() {
    local status=$?
    trap '' INT TERM HUP
    printf '\n'
    say "stopping"
    stack down
    say "stopped; your data are in $ROOST_STATE"
    exit "$status"
}

count() { grep -c "^$1" "$ROOST_STATE/run/ports" || true; }

summarise() {
    local url turn=''
    if (($(count turn) == 1)); then turn=', coturn'; fi
    url=$(sed -n 's/^ROOST_URL=//p' "$ROOST_STATE/run/stack.env")
    cat <<END

  ${green}${bold}Roost is up${plain} ${dim}after $(elapsed "$1")${plain}

    open      ${bold}$url${plain}
    running   API × $(count api-), gateway × $(count gateway-), media × $(count media-), nginx, Redis, PostgreSQL$turn
    data      $ROOST_STATE
    logs      $ROOST_STATE/log

  Ctrl-C stops it all; your data stays.

END
}

# A process that somebody stopped by `stack.sh stop` has no pid file and is left alone.
supervise() {
    local name port _
    while true; do
        # In the background, so that a signal is answered at once and not after the second.
        sleep 1 &
        wait $! || true
        while read -r name port _ <&3; do
            if is_meant_to_run "$name" && ! is_alive "$name"; then
                warn "$name (port $port) died; starting it again; its log: $(log_file "$name")"
                sleep 1
                # Meanwhile a person may have stopped it. What was started meanwhile `start` leaves alone.
                is_meant_to_run "$name" || continue
                if stack start "$name"; then say "$name is back"; else warn "$name did not come back; trying again"; fi
            fi
        done 3<"$ROOST_STATE/run/ports"
    done
}

main
