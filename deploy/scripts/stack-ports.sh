# shellcheck shell=bash
# Which processes a stack has and on which ports they listen. Sourced by stack.sh.
#
# Each process has one TCP port in `ports`; coturn has the same one for UDP. Media nodes and coturn have UDP ports beside
# it, `first-last` in `ranges`: those of a node's workers, and those coturn relays from.

# As many as a media node may have workers; each worker has a port.
readonly media_ports=16
# In tests: a browser that relays takes a few.
readonly relay_ports=64

choose_names() {
    local variable count minimum kind i
    names=(postgres redis)
    for variable in APIS GATEWAYS MEDIA; do
        count=${!variable:-1}
        # Without a media node everything but calls works.
        minimum=$([[ $variable == MEDIA ]] && echo 0 || echo 1)
        [[ $count =~ ^(0|[1-9][0-9]?)$ ]] && ((count >= minimum)) || die "$variable must be $minimum to 99, not '$count'"
        kind=${variable,,}
        for ((i = 0; i < count; i++)); do names+=("${kind%s}-$i"); done
    done
    case ${TURN:-1} in
        0) ;;
        1)
            have turnserver || die "coturn is not installed; run make install, or set TURN=0"
            names+=(turn)
            ;;
        *) die "TURN must be 0 or 1, not '$TURN'" ;;
    esac
    names+=(nginx)
}

# The variable that moves a process's port.
port_variable() {
    case $1 in
        nginx) echo PORT ;;
        redis) echo ROOST_REDIS_PORT ;;
        postgres) echo ROOST_POSTGRES_PORT ;;
        turn) echo ROOST_TURN_PORT ;;
        api-*) echo ROOST_API_BASE_PORT ;;
        gateway-*) echo ROOST_GATEWAY_BASE_PORT ;;
        media-*) echo ROOST_MEDIA_HEALTH_BASE_PORT ;;
    esac
}

choose_ports() {
    local name port range
    declare -gA recorded=() recorded_ranges=()
    if [[ -f $ROOST_STATE/run/ports ]]; then
        while read -r name port range; do
            recorded[$name]=$port
            recorded_ranges[$name]=$range
        done <"$ROOST_STATE/run/ports"
    fi
    if [[ ${ROOST_PORTS:-} == free ]]; then choose_free_ports; else choose_fixed_ports; fi
}

# The last run's where they are still free, and those of living processes.
choose_free_ports() {
    local name wishes=() wishers=() chosen i first
    for name in "${names[@]}"; do
        if is_alive "$name" && [[ -n ${recorded[$name]:-} ]]; then
            ports[$name]=${recorded[$name]}
            ranges[$name]=${recorded_ranges[$name]}
            continue
        fi
        wishes+=("${recorded[$name]:-0}/$([[ $name == turn ]] && echo tcp+udp || echo tcp)")
        wishers+=("$name")
        first=${recorded_ranges[$name]:-0}
        case $name in
            media-*) wishes+=("${first%-*}/tcp+udp/$media_ports") ;;
            turn) wishes+=("${first%-*}/udp/$relay_ports") ;;
            *) continue ;;
        esac
        wishers+=("$name range")
    done
    ((${#wishes[@]} > 0)) || return 0
    read -ra chosen <<<"$("$ROOT/deploy/scripts/ports.py" free $$ "${wishes[@]}")"
    for i in "${!wishes[@]}"; do
        name=${wishers[i]% range}
        if [[ $name == "${wishers[i]}" ]]; then
            ports[$name]=${chosen[i]}
        else
            ranges[$name]=${chosen[i]}-$((chosen[i] + ${wishes[i]##*/} - 1))
        fi
    done
}

choose_fixed_ports() {
    local name variable first
    # Health ports of media nodes lie above those of 99 APIs and gateways.
    local -A defaults=([nginx]=8080 [redis]=6390 [postgres]=5442 [turn]=3478 [api]=3000 [gateway]=3001 [media]=3200)
    for name in "${names[@]}"; do
        variable=$(port_variable "$name")
        ports[$name]=$(port_number "$variable" "${!variable:-${defaults[${name%-*}]}}" "$name" 2)
        case $name in
            media-*)
                first=$(port_number ROOST_MEDIA_BASE_PORT "${ROOST_MEDIA_BASE_PORT:-40000}" "$name" "$media_ports")
                ranges[$name]=$first-$((first + media_ports - 1))
                ;;
            turn)
                ranges[turn]=${ROOST_TURN_RELAY_PORTS:-49152-65535}
                [[ ${ranges[turn]} =~ ^[0-9]+-[0-9]+$ ]] ||
                    die "ROOST_TURN_RELAY_PORTS must be first-last, not '${ranges[turn]}'"
                ;;
        esac
    done
}

# port_number VARIABLE BASE NAME STEP: instance i of a kind is STEP × i above the base.
port_number() {
    local port=$2
    [[ $port =~ ^[0-9]+$ ]] || die "$1 must be a port number, not '$port'"
    if [[ $3 == *-* ]]; then port=$((port + $4 * ${3#*-})); fi
    ((port >= 1 && port <= 65535)) || die "$1 leads to port $port, which does not exist"
    echo "$port"
}

host_of() { case $1 in nginx | turn) echo "${ROOST_HOST:-127.0.0.1}" ;; *) echo 127.0.0.1 ;; esac; }

# claims NAME: what the process will bind, as ports.py takes it, behind the variable that moves it; one a line.
# Not the ports coturn relays from: it takes those that are free.
claims() {
    local variable address
    variable=$(port_variable "$1")
    address=$(host_of "$1"):${ports[$1]}
    case $1 in
        turn) echo "$variable $address/tcp+udp" ;;
        media-*) printf '%s\n' "$variable $address" "ROOST_MEDIA_BASE_PORT 0.0.0.0:${ranges[$1]%-*}/tcp+udp/$media_ports" ;;
        *) echo "$variable $address" ;;
    esac
}

# Before anything starts. Ports that our own living processes hold are ours: they are kept, or freed before their reuse.
refuse_taken_ports() {
    local name variable address ours=' ' answer port problem
    local -A owners=() movers=()
    for name in "${!recorded[@]}"; do
        if is_alive "$name"; then ours+="${recorded[$name]} ${recorded_ranges[$name]%-*} "; fi
    done
    local addresses=()
    for name in "${names[@]}"; do
        while read -r variable address; do
            port=${address##*:}
            if [[ $ours != *" ${port%%/*} "* ]]; then addresses+=("$address"); fi
            owners[$address]=$name
            movers[$address]=$variable
        done < <(claims "$name")
    done
    ((${#addresses[@]} > 0)) || return 0
    answer=$("$ROOT/deploy/scripts/ports.py" check "${addresses[@]}") && return 0
    [[ -n $answer ]] || die "cannot check the ports (ROOST_HOST=${ROOST_HOST:-127.0.0.1}); see above"
    read -r address port problem <<<"$answer"
    name=${owners[$address]} variable=${movers[$address]}
    case $problem in
        taken) die "port $port for $name is taken$(holder_of "$port"); set $variable to another" ;;
        forbidden) die "port $port for $name needs root; set $variable to 1024 or above" ;;
        *) die "port $port for $name is meant for two processes; set $variable to another" ;;
    esac
}

# ` by nginx (process 123)`, or nothing where `ss` is absent or may not tell.
holder_of() {
    local line
    line=$(ss -Hlntup "sport = :$1" 2>/dev/null | head -n 1) || return 0
    if [[ $line =~ users:\(\(\"([^\"]+)\",pid=([0-9]+) ]]; then
        echo " by ${BASH_REMATCH[1]} (process ${BASH_REMATCH[2]})"
    fi
}

# A process that still runs but is not wanted, or wanted elsewhere.
stop_what_changed() {
    local name changed=()
    for name in "${!recorded[@]}"; do
        if is_alive "$name" &&
            [[ "${ports[$name]:-} ${ranges[$name]:-}" != "${recorded[$name]} ${recorded_ranges[$name]:-}" ]]; then
            changed+=("$name")
        fi
    done
    if ((${#changed[@]} > 0)); then stop_processes "${changed[@]}"; fi
}

save_ports() {
    local name
    for name in "${names[@]}"; do echo "$name ${ports[$name]} ${ranges[$name]:-}"; done >"$ROOST_STATE/run/ports"
}

load_ports() {
    local name port range
    while read -r name port range; do
        names+=("$name")
        ports[$name]=$port
        ranges[$name]=$range
    done <"$ROOST_STATE/run/ports"
}
