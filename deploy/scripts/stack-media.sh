# shellcheck shell=bash
# Media nodes and coturn of a private stack. Sourced by stack.sh.
# shellcheck disable=SC2154 # Its variables: ports, ranges, names, bin.

# The IPv4 addresses of this machine without loopback, one a line.
machine_addresses() { hostname -I | tr ' ' '\n' | grep -E '^[0-9]+(\.[0-9]+){3}$' || true; }

# What media nodes tell clients: as given, or as they find it out themselves.
announced_addresses() {
    if [[ -n ${ROOST_MEDIA_ADDRESSES:-} ]]; then
        tr ',' '\n' <<<"${ROOST_MEDIA_ADDRESSES// /}" | grep .
    else
        machine_addresses
        echo 127.0.0.1
    fi
}

# The host in TURN addresses: what clients reach.
turn_host() {
    case ${ROOST_HOST:-} in
        '' | localhost) echo 127.0.0.1 ;;
        0.0.0.0) announced_addresses | head -n 1 ;;
        *) echo "$ROOST_HOST" ;;
    esac
}

turn_urls() {
    local place
    place=$(turn_host):${ports[turn]}
    echo "stun:$place,turn:$place?transport=udp,turn:$place?transport=tcp"
}

# Where coturn listens, one address a line: where the site does.
turn_listen() {
    local host=${ROOST_HOST:-127.0.0.1}
    case $host in
        0.0.0.0)
            echo 127.0.0.1
            machine_addresses
            ;;
        *)
            # coturn takes addresses only.
            getent ahostsv4 "$host" | awk 'NR == 1 { print $1 }' | grep . ||
                die "ROOST_HOST '$host' has no IPv4 address for coturn; set TURN=0"
            ;;
    esac
}

# turn_external: PUBLIC/PRIVATE where clients are told an address that this machine does not have, that of its NAT.
turn_external() {
    local public private
    [[ ${ROOST_HOST:-} == 0.0.0.0 ]] || return 0
    public=$(turn_host)
    private=$(machine_addresses | head -n 1)
    if [[ -n $private && $public != 127.* ]] && ! machine_addresses | grep -qxF "$public"; then echo "$public/$private"; fi
}

# turn_peers LISTEN: where media nodes may be; on loopback only when coturn is nowhere else (deploy/turn/render.sh says why).
turn_peers() {
    machine_addresses
    announced_addresses | grep -v '^127\.' || true
    if [[ $1 == 127.* ]] && (($(wc -l <<<"$1") == 1)); then echo 127.0.0.1; fi
}

# At `up`, from its variables; later starts of the process use the file.
configure_turn() {
    local listen
    listen=$(turn_listen)
    secret turn-secret >/dev/null
    mkdir -p "$ROOST_STATE/turn"
    env TURN_CONFIG="$ROOST_STATE/turn/turnserver.conf" TURN_DIRECTORY="$ROOST_STATE/turn" \
        TURN_SECRET_FILE="$ROOST_STATE/secrets/turn-secret" TURN_PORT="${ports[turn]}" TURN_RELAY_PORTS="${ranges[turn]}" \
        TURN_LISTEN="$(paste -sd , <<<"$listen")" TURN_EXTERNAL="$(turn_external)" TURN_USER="$(turn_user)" \
        TURN_PEERS="$(turn_peers "$listen" | sort -u | paste -sd ,)" \
        "$ROOT/deploy/turn/render.sh"
}

# As root it becomes the user of Debian's package.
turn_user() { if ((EUID == 0)) && id turnserver >/dev/null 2>&1; then echo turnserver; fi; }

start_turn() {
    spawn turn "PATH=$PATH" LANG=C.UTF-8 -- turnserver -c "$ROOST_STATE/turn/turnserver.conf"
}

# An address at which it listens, as `up` wrote it down.
turn_address() { sed -n '0,/^listening-ip=/s/^listening-ip=//p' "$ROOST_STATE/turn/turnserver.conf"; }

# A media node has no more to do with the database than a gateway, and verifies grants with public keys.
start_media() {
    local variables own
    variables_without_secrets
    variables_of "$1"
    spawn "$1" ROOST_LOG_LEVEL=info "ROOST_MEDIA_WORKERS=$(media_workers)" "${variables[@]}" \
        ROOST_MEDIA_HOST=127.0.0.1 "ROOST_MEDIA_HEALTH_PORT=${ports[$1]}" "ROOST_MEDIA_PORT=${ranges[$1]%-*}" \
        "ROOST_REDIS_URL=$(redis_url)" "ROOST_MEDIA_RECORDINGS=$ROOST_STATE/recordings/$1" \
        "ROOST_MEDIA_API_URL=$(site_url)" "${own[@]}" -- "$bin/roost-media"
}

# One a core, as far as the node's ports reach.
media_workers() {
    local cores
    cores=$(nproc)
    echo $((cores < media_ports ? cores : media_ports))
}

refuse_too_many_workers() {
    local workers=${ROOST_MEDIA_WORKERS:-1}
    [[ $workers =~ ^[0-9]+$ ]] && ((workers >= 1 && workers <= media_ports)) ||
        die "ROOST_MEDIA_WORKERS must be 1 to $media_ports, the ports of a node, not '$workers'; MEDIA sets the number of nodes"
}

# Everything but calls works without these, so their failure is told and ends nothing: the rest of the site comes up, as it
# would have stayed up had they died later.
wait_for_calls() {
    local name
    for name in "${names[@]}"; do
        case $name in
            media-* | turn)
                (wait_ready "$name") || warn "going on without $name, so calls may not work; its log: $(log_file "$name")"
                ;;
        esac
    done
}
