#!/usr/bin/env bash
# Writes the configuration of coturn, the TURN server of Roost: `make run`, the tests and Compose all use this one.
# Usage: VARIABLE=… render.sh, then turnserver -c "$TURN_CONFIG"
#
#   TURN_CONFIG          the file to write; it holds the secret, so only its owner may read it      (required)
#   TURN_SECRET_FILE     the secret that the API signs credentials with                              (required)
#   TURN_LISTEN          addresses to listen on, comma separated                                     (required)
#   TURN_PEERS           addresses or ranges of the media nodes, comma separated: nothing else is relayed to  (required)
#   TURN_DIRECTORY       writable directory for coturn's own files                                   (required)
#   TURN_PORT            UDP and TCP                                                      (default: 3478)
#   TURN_RELAY_PORTS     UDP, first-last                                                  (default: 49152-65535)
#   TURN_CERT, TURN_KEY  PEM files of a certificate and its key: then TLS is spoken too, for turns: addresses
#   TURN_TLS_PORT        TCP                                                              (default: 5349)
#   TURN_EXTERNAL        PUBLIC/PRIVATE address, behind a NAT that maps the one to the other
#   TURN_USER            user and group the server becomes when started as root           (default: stays root)
#
# Clients talk to media nodes only, never to each other. So the server relays to the nodes' addresses and refuses the rest:
# whoever has credentials cannot use it to look around in the network behind it. No TCP relays for the same reason.
#
# Peers on the loopback interface are allowed only when the server itself listens nowhere else. A server that the network
# can reach must not be a door to what listens on 127.0.0.1 because it trusts its own machine.
set -euo pipefail

fail() {
    printf 'render.sh: %s\n' "$*" >&2
    exit 1
}

main() {
    local name config=${TURN_CONFIG:?render.sh: TURN_CONFIG is not set} secret
    for name in TURN_SECRET_FILE TURN_LISTEN TURN_PEERS TURN_DIRECTORY; do [[ -n ${!name:-} ]] || fail "$name is not set"; done
    for name in TURN_LISTEN TURN_PEERS TURN_DIRECTORY TURN_PORT TURN_RELAY_PORTS TURN_EXTERNAL TURN_USER TURN_CERT TURN_KEY \
        TURN_TLS_PORT; do
        [[ ${!name:-} != *[[:space:]]* ]] || fail "$name has a space: ${!name}"
    done
    relay_ports=${TURN_RELAY_PORTS:-49152-65535}
    [[ $relay_ports =~ ^[0-9]+-[0-9]+$ ]] || fail "TURN_RELAY_PORTS must be first-last, not '$relay_ports'"
    [[ -n ${TURN_CERT:-} && -n ${TURN_KEY:-} || -z ${TURN_CERT:-}${TURN_KEY:-} ]] ||
        fail "TURN_CERT and TURN_KEY go together"
    secret=$(<"$TURN_SECRET_FILE")
    [[ $secret =~ ^[A-Za-z0-9]{16,}$ ]] || fail "$TURN_SECRET_FILE holds no secret of 16 or more letters and digits"
    (
        umask 077
        directives "$secret" >"$config.new"
        mv "$config.new" "$config"
    )
}

directives() {
    local address reachable=()
    for address in ${TURN_LISTEN//,/ }; do
        echo "listening-ip=$address"
        if ! is_loopback "$address"; then reachable+=("$address"); fi
    done
    # A relay address on loopback would reach no other machine.
    for address in "${reachable[@]}"; do echo "relay-ip=$address"; done
    if ((${#reachable[@]} == 0)); then echo allow-loopback-peers; fi
    for address in ${TURN_PEERS//,/ }; do echo "allowed-peer-ip=$address"; done
    if [[ -n ${TURN_EXTERNAL:-} ]]; then echo "external-ip=$TURN_EXTERNAL"; fi
    if [[ -n ${TURN_USER:-} ]]; then printf '%s\n' "proc-user=$TURN_USER" "proc-group=$TURN_USER"; fi
    if [[ -n ${TURN_CERT:-} ]]; then
        printf '%s\n' "cert=$TURN_CERT" "pkey=$TURN_KEY" "tls-listening-port=${TURN_TLS_PORT:-5349}" no-tlsv1 no-tlsv1_1
    else
        echo no-tls
    fi
    cat <<END
listening-port=${TURN_PORT:-3478}
min-port=${relay_ports%-*}
max-port=${relay_ports#*-}
realm=roost
use-auth-secret
static-auth-secret=$1
fingerprint
stale-nonce=600
# Allocations: one browser makes one for each address, transport and ICE restart. Bytes a second: 40 Mbit/s of one call.
user-quota=32
total-quota=4096
max-bps=5000000
# What allowed-peer-ip does not name. It wins over these.
denied-peer-ip=0.0.0.0-255.255.255.255
denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
no-multicast-peers
no-tcp-relay
no-dtls
no-cli
no-software-attribute
userdb=$TURN_DIRECTORY/turndb
pidfile=$TURN_DIRECTORY/turnserver.pid
log-file=stdout
simple-log
END
}

is_loopback() { [[ $1 == 127.* || $1 == ::1 ]]; }

main
