#!/usr/bin/env bash
# What an image runs first: start.sh api|media|web|turn. Tells the program what only the container knows: secrets, which
# come from files in volumes and are in no image and no `docker inspect`, and addresses.
set -euo pipefail

readonly lib=/usr/local/lib/roost run=/run/roost

main() {
    case ${1:-} in
        api) start_api ;;
        media) start_media ;;
        web) start_web ;;
        turn) start_turn ;;
        *)
            echo "usage: start.sh api|media|web|turn" >&2
            exit 2
            ;;
    esac
}

start_api() {
    ROOST_DATABASE_URL="postgres://roost:$(</secrets/postgres/password)@postgres/roost"
    ROOST_TURN_SECRET=$(</secrets/turn/secret)
    export ROOST_DATABASE_URL ROOST_TURN_SECRET
    exec roost-api
}

# The container's own addresses are no use to clients, but coturn reaches the node by them.
start_media() {
    local cores own
    cores=$(nproc)
    read -ra own <<<"$(hostname -I)"
    ROOST_MEDIA_ADDRESSES=$(IFS=, && echo "${ROOST_MEDIA_ADDRESSES:-127.0.0.1},${own[*]}")
    # 16 ports are published, and each worker has one.
    ROOST_MEDIA_WORKERS=${ROOST_MEDIA_WORKERS:-$((cores < 16 ? cores : 16))}
    export ROOST_MEDIA_ADDRESSES ROOST_MEDIA_WORKERS
    exec roost-media
}

start_web() {
    export NGINX_PREFIX=$run WEB_ROOT=/srv/roost NGINX_ACCESS_LOG=/dev/stdout
    # Ports that an ordinary user may bind everywhere.
    export NGINX_LISTEN=8080 NGINX_LISTEN_REDIRECT=8081
    "$lib/nginx/render.sh" >/dev/null
    exec nginx -e stderr -p "$run" -c "$run/nginx.conf"
}

start_turn() {
    local own
    own=$(hostname -I)
    env TURN_CONFIG="$run/turnserver.conf" TURN_DIRECTORY="$run" TURN_SECRET_FILE=/secrets/turn/secret \
        TURN_LISTEN="${own%% *}" TURN_PEERS="${TURN_PEERS:-$(network_of_this_container)}" "$lib/turn/render.sh"
    exec turnserver -c "$run/turnserver.conf"
}

# First-last of the network that coturn shares with the media nodes alone, without its first address: that is the gateway,
# the host, whose services are nobody's business.
network_of_this_container() {
    local interface destination gateway mask first=0 last=0 _
    while read -r interface destination gateway _ _ _ _ mask _; do
        if [[ $interface == Iface ]]; then continue; fi
        if [[ $destination == 00000000 ]]; then
            first=$(($(number "$gateway") + 1))
        elif [[ $gateway == 00000000 ]]; then
            last=$((($(number "$destination") | ~$(number "$mask") & 0xffffffff) - 1))
        fi
    done </proc/net/route
    ((first > 0 && last >= first)) || {
        echo "start.sh: /proc/net/route names no network; set TURN_PEERS" >&2
        exit 1
    }
    echo "$(address "$first")-$(address "$last")"
}

# /proc/net/route writes addresses as hexadecimal numbers, the last byte first.
number() { echo $((16#${1:6:2}${1:4:2}${1:2:2}${1:0:2})); }
address() { echo $(($1 >> 24)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255)); }

main "$@"
