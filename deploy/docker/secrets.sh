#!/usr/bin/env bash
# Makes the secrets of a Compose installation once, each into the volume that only its readers mount:
#
#   /secrets/postgres   superuser (root only), password (of the role roost)    PostgreSQL, API
#   /secrets/signing    signing-key.pem                                        API
#   /secrets/turn       secret                                                 API, coturn
set -euo pipefail

# The user of the service images (deploy/docker/Dockerfile).
readonly service_user=10001

main() {
    make_once /secrets/postgres/superuser 400 0 password
    make_once /secrets/postgres/password 444 0 password
    make_once /secrets/signing/signing-key.pem 400 "$service_user" signing_key
    make_once /secrets/turn/secret 444 0 password
}

# make_once FILE MODE OWNER COMMAND: what an earlier run made stays, and is never half there.
make_once() {
    if [[ ! -s $1 ]]; then
        (umask 077 && "$4" >"$1.new")
        chown "$3" "$1.new"
        chmod "$2" "$1.new"
        mv "$1.new" "$1"
        echo "secrets.sh: made $1"
    fi
}

password() { openssl rand -hex 24; }
signing_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null; }

main
