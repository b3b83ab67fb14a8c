#!/usr/bin/env bash
# Starts and stops a whole private Roost: PostgreSQL, Redis, the API and gateway instances, the media nodes, coturn and
# nginx. `make run`, the tests and the benchmarks share it. Nothing outside $ROOST_STATE is touched and no system service
# is used.
#
#   stack.sh up                               starts what does not run yet and waits until all of it is ready
#   stack.sh down                             stops it all; the data stay
#   stack.sh start|stop|kill|restart NAME     one process: api-0, gateway-0, media-0, turn, redis, nginx … (kill: kill -9)
#   stack.sh launch NAME                      starts it if it does not live, and does not wait until it is ready
#   stack.sh env                              KEY=VALUE lines for clients, also in $ROOST_STATE/run/stack.env
#
#   ROOST_STATE                directory of data, logs and secrets (root: /var/lib/roost, else ~/.local/share/roost)
#   APIS, GATEWAYS, MEDIA      how many of each                                                     (default: 1 each)
#   TURN                       0: without coturn; ROOST_TURN_URLS and ROOST_TURN_SECRET may name one elsewhere
#   PORT, ROOST_HOST           where the site listens, and coturn with it                    (default: 8080, 127.0.0.1)
#   ROOST_API_BASE_PORT        API i listens on this + 2i                                               (default: 3000)
#   ROOST_GATEWAY_BASE_PORT    gateway i listens on this + 2i                                           (default: 3001)
#   ROOST_MEDIA_BASE_PORT      media node i has the 16 UDP and TCP ports from this + 16i, one a worker (default: 40000)
#   ROOST_MEDIA_HEALTH_BASE_PORT  and answers /health/ready by TCP on this + 2i                         (default: 3200)
#   ROOST_TURN_PORT            coturn, UDP and TCP                                                      (default: 3478)
#   ROOST_TURN_RELAY_PORTS     UDP ports that coturn relays from                                 (default: 49152-65535)
#   ROOST_REDIS_PORT           (default: 6390)
#   ROOST_POSTGRES_PORT        (default: 5442)
#   ROOST_PORTS=free           free ports for everything instead, the last run's where they are still free
#   ROOST_BIN_DIR              directory of roost-api, roost-gateway and roost-media          (default: .build/release)
#
# Every other ROOST_* variable of the caller reaches the services (ROOST_MEDIA_ADDRESSES and ROOST_MEDIA_WORKERS the media
# nodes, see deploy/README.md); those of `up` are remembered for later starts. Lines of VARIABLE=VALUE in
# $ROOST_STATE/run/NAME.env reach that one process, over all others: its next start reads them.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"
# shellcheck source=stack-ports.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack-ports.sh"
# shellcheck source=stack-postgres.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack-postgres.sh"
# shellcheck source=stack-media.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack-media.sh"

readonly ready_seconds=30

# This script's own variables; they are no business of the services.
readonly own_variables=' ROOST_STATE ROOST_BIN_DIR ROOST_PORTS ROOST_TOOLS ROOST_API_BASE_PORT ROOST_GATEWAY_BASE_PORT
    ROOST_MEDIA_BASE_PORT ROOST_MEDIA_HEALTH_BASE_PORT ROOST_TURN_PORT ROOST_TURN_RELAY_PORTS ROOST_REDIS_PORT
    ROOST_POSTGRES_PORT ROOST_HOST ROOST_URL ROOST_API_URLS ROOST_GATEWAY_URLS ROOST_MEDIA_URLS ROOST_MEDIA_PORTS '

# By name: the port of each process, the UDP ports beside it. And the names in the order of their start.
declare -A ports=() ranges=()
names=()

usage="usage: stack.sh up | down | env | start|launch|stop|kill|restart NAME"

main() {
    local command=${1:-}
    ROOST_STATE=$(realpath -m "${ROOST_STATE:-$(default_state)}")
    bin=$(realpath -m "${ROOST_BIN_DIR:-$ROOT/.build/release}")
    web_root=$(realpath -m "${ROOST_WEB_ROOT:-$ROOT/Services/Web/build}")
    case $command in
        up) ;;
        down) [[ -d $ROOST_STATE/run ]] || exit 0 ;;
        env) ;;
        start | launch | stop | kill | restart) [[ -n ${2:-} ]] || die "$usage" ;;
        *) die "$usage" ;;
    esac
    # PostgreSQL's tools complain about a working directory that their user cannot enter.
    cd /
    if [[ $command == up ]]; then make_directories; fi
    [[ -f $ROOST_STATE/run/stack.env || $command == up || $command == down ]] ||
        die "nothing was started in $ROOST_STATE; run stack.sh up first"
    if [[ $command != env ]]; then lock; fi
    case $command in
        up) up ;;
        down) down ;;
        env) cat "$ROOST_STATE/run/stack.env" ;;
        *)
            load_ports
            [[ -n ${ports[$2]:-} ]] || die "there is no process '$2'; there are: ${names[*]}"
            "${command}_one" "$2"
            ;;
    esac
}

default_state() {
    if ((EUID == 0)); then echo /var/lib/roost; else echo "${XDG_DATA_HOME:-${HOME:?}/.local/share}/roost"; fi
}

# One command at a time in a state directory: a supervisor's start must not cross a test's restart.
lock() {
    exec 9>"$ROOST_STATE/run/lock"
    flock -w 120 9 || die "another stack.sh works in $ROOST_STATE for two minutes already"
}

make_directories() {
    local directory
    mkdir -p "$ROOST_STATE" 2>/dev/null && [[ -w $ROOST_STATE && -O $ROOST_STATE ]] ||
        die "$ROOST_STATE cannot be written or belongs to someone else; set ROOST_STATE to a directory of yours"
    # As root, PostgreSQL and nginx's workers are other users: they pass through here and read nothing.
    chmod 711 "$ROOST_STATE"
    for directory in run log redis nginx secrets recordings; do mkdir -p "$ROOST_STATE/$directory"; done
    chmod 700 "$ROOST_STATE"/{log,secrets,redis,recordings}
    chmod 755 "$ROOST_STATE/run"
}

# ---- Commands

up() {
    local service
    for service in api gateway; do
        [[ -x $bin/roost-$service ]] || die "$bin/roost-$service is not built; run make build"
    done
    [[ -f $web_root/index.html ]] || warn "the web client is not built, so only the API answers; run make web"
    refuse_too_many_workers
    choose_names
    choose_ports
    refuse_taken_ports
    remember_environment

    # From here on a failure or Ctrl-C takes down what was started.
    trap 'abandon' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    stop_what_changed
    save_ports
    make_signing_key
    prepare_postgres
    if [[ -n ${ports[turn]:-} ]]; then configure_turn; fi
    write_environment
    # nginx only after what it passes on to; the rest start together and wait for their databases themselves.
    start_missing postgres redis
    wait_ready postgres redis
    start_missing "${names[@]}"
    wait_for_calls
    for service in "${names[@]}"; do case $service in media-* | turn) ;; *) wait_ready "$service" ;; esac; done
    trap - EXIT INT TERM
}

abandon() {
    trap '' INT TERM
    warn "stopping what was started; data and logs stay in $ROOST_STATE"
    down
}

# From the pid files, not from today's APIS and GATEWAYS. Gateways first, while nginx can still pass their goodbyes on;
# then media nodes, while they can still report to an API that their calls are over.
down() {
    local running=() path tier
    for path in "$ROOST_STATE"/run/*.pid; do
        path=${path##*/}
        if [[ -f $ROOST_STATE/run/$path ]]; then running+=("${path%.pid}"); fi
    done
    for tier in 'gateway-*' 'media-*' nginx 'api-*' turn redis postgres; do
        local members=() name
        for name in "${running[@]}"; do
            # shellcheck disable=SC2053 # The tier is a pattern.
            if [[ $name == $tier ]]; then members+=("$name"); fi
        done
        if ((${#members[@]} > 0)); then stop_processes "${members[@]}"; fi
    done
}

start_one() {
    start_missing "$1"
    wait_ready "$1"
}
launch_one() { start_missing "$1"; }
stop_one() { stop_processes "$1"; }
kill_one() { kill_process "$1"; }
restart_one() {
    stop_processes "$1"
    start_one "$1"
}

# ---- What the processes are told

# secret NAME: a generated password, made once.
secret() {
    local file=$ROOST_STATE/secrets/$1
    if [[ ! -s $file ]]; then
        (umask 077 && openssl rand -hex 24 >"$file.new" && mv "$file.new" "$file")
    fi
    cat "$file"
}

make_signing_key() {
    local file=$ROOST_STATE/secrets/signing-key.pem
    if [[ -s $file ]]; then return; fi
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$file.new" 2>/dev/null) ||
        die "openssl cannot make the signing key"
    mv "$file.new" "$file"
}

site_url() { echo "http://127.0.0.1:${ports[nginx]}"; }
database_url() { echo "postgres://roost:$(secret postgres-password)@127.0.0.1:${ports[postgres]}/roost"; }
redis_url() { echo "redis://127.0.0.1:${ports[redis]}"; }
allowed_origins() { echo "http://127.0.0.1:${ports[nginx]},http://localhost:${ports[nginx]}"; }

# What the API tells clients about coturn, as VARIABLE=VALUE lines; nothing without one.
turn_variables() {
    if [[ -n ${ports[turn]:-} ]]; then
        printf '%s\n' "ROOST_TURN_URLS=$(turn_urls)" "ROOST_TURN_SECRET=$(secret turn-secret)"
    fi
}

# UDP ports of all media nodes, first-last, comma-separated.
media_port_ranges() {
    local name list=''
    for name in "${names[@]}"; do
        if [[ $name == media-* ]]; then list+=,${ranges[$name]}; fi
    done
    echo "${list#,}"
}

# addresses KIND PREFIX: comma-separated PREFIX127.0.0.1:PORT of all instances of a kind.
addresses() {
    local name list=''
    for name in "${names[@]}"; do
        if [[ $name == "$1"-* ]]; then list+=,${2:-}127.0.0.1:${ports[$name]}; fi
    done
    echo "${list#,}"
}

write_environment() {
    local file=$ROOST_STATE/run/stack.env
    (
        umask 077
        cat >"$file.new" <<END
ROOST_URL=$(site_url)
ROOST_STATE=$ROOST_STATE
ROOST_DATABASE_URL=$(database_url)
ROOST_REDIS_URL=$(redis_url)
ROOST_SIGNING_KEY_FILE=$ROOST_STATE/secrets/signing-key.pem
ROOST_API_FILES=${ROOST_API_FILES:-$ROOST_STATE/files}
ROOST_API_URLS=$(addresses api http://)
ROOST_GATEWAY_URLS=$(addresses gateway http://)
ROOST_MEDIA_URLS=$(addresses media http://)
ROOST_MEDIA_PORTS=$(media_port_ranges)
$(turn_variables)
END
        mv "$file.new" "$file"
    )
}

# The caller's ROOST_* variables, each ended by a zero byte, so that `restart` in another shell tells a service the same.
remember_environment() {
    local name
    (
        umask 077
        for name in $(compgen -e ROOST_ || true); do
            if [[ $own_variables != *[[:space:]]"$name"[[:space:]]* ]]; then printf '%s=%s\0' "$name" "${!name}"; fi
        done >"$ROOST_STATE/run/caller.env"
    )
}

# Fills `variables` with what every service gets: a few of the system's, those remembered from `up`, today's over them.
common_variables() {
    local name
    variables=("PATH=$PATH" "HOME=${HOME:-/}" "LANG=${LANG:-C.UTF-8}" "TZ=${TZ:-UTC}")
    if [[ -f $ROOST_STATE/run/caller.env ]]; then
        while IFS= read -r -d '' name; do variables+=("$name"); done <"$ROOST_STATE/run/caller.env"
    fi
    for name in $(compgen -e ROOST_ || true); do
        if [[ $own_variables != *[[:space:]]"$name"[[:space:]]* ]]; then variables+=("$name=${!name}"); fi
    done
}

# Rule 1 of the design: who has no way to the database and signs nothing is told neither, nor the secret of coturn.
variables_without_secrets() {
    local variable all
    common_variables
    all=("${variables[@]}")
    variables=()
    for variable in "${all[@]}"; do
        case $variable in
            ROOST_DATABASE* | ROOST_POSTGRES* | ROOST_SIGNING* | ROOST_TURN*) ;;
            *) variables+=("$variable") ;;
        esac
    done
}

# Fills `own` with what one process alone is told. The fault tests lead its links through proxies that way, and its clock
# astray.
variables_of() {
    own=()
    if [[ -f $ROOST_STATE/run/$1.env ]]; then mapfile -t own <"$ROOST_STATE/run/$1.env"; fi
}

# ---- Starting

# start_missing NAME...: those that do not live.
start_missing() {
    local name kind
    for name in "$@"; do
        if ! is_alive "$name"; then
            kind=${name%-*}
            "start_$kind" "$name"
        elif [[ $name == nginx ]]; then
            # It may have other instances behind it by now.
            render_nginx
            kill -s HUP "$(pid_of nginx)"
        fi
    done
}

start_api() {
    local variables own turn=()
    common_variables
    variables_of "$1"
    # As `up` wrote them down: the host that clients reach is known there.
    mapfile -t turn < <(grep '^ROOST_TURN_' "$ROOST_STATE/run/stack.env")
    spawn "$1" ROOST_LOG_LEVEL=info "ROOST_ALLOWED_ORIGINS=$(allowed_origins)" "ROOST_API_FILES=$ROOST_STATE/files" \
        "${variables[@]}" "${turn[@]}" \
        ROOST_API_HOST=127.0.0.1 "ROOST_API_PORT=${ports[$1]}" "ROOST_DATABASE_URL=$(database_url)" \
        "ROOST_REDIS_URL=$(redis_url)" "ROOST_SIGNING_KEY_FILE=$ROOST_STATE/secrets/signing-key.pem" \
        "ROOST_WEB_ROOT=$web_root" "${own[@]}" -- "$bin/roost-api"
}

start_gateway() {
    local variables own
    variables_without_secrets
    variables_of "$1"
    spawn "$1" ROOST_LOG_LEVEL=info "ROOST_ALLOWED_ORIGINS=$(allowed_origins)" "${variables[@]}" \
        ROOST_GATEWAY_HOST=127.0.0.1 "ROOST_GATEWAY_NAME=g${1#gateway-}" "ROOST_GATEWAY_PORT=${ports[$1]}" "ROOST_REDIS_URL=$(redis_url)" "${own[@]}" -- \
        "$bin/roost-gateway"
}

# Everything in Redis can be lost, so it never writes to disk.
start_redis() {
    spawn redis "PATH=$PATH" LANG=C.UTF-8 -- redis-server --port "${ports[redis]}" --bind 127.0.0.1 \
        --dir "$ROOST_STATE/redis" --save '' --appendonly no --daemonize no --maxclients 10000
}

render_nginx() {
    env NGINX_PREFIX="$ROOST_STATE/nginx" NGINX_LISTEN="$(host_of nginx):${ports[nginx]}" WEB_ROOT="$web_root" \
        API_UPSTREAMS="$(addresses api)" GATEWAY_UPSTREAMS="$(addresses gateway)" \
        NGINX_ACCESS_LOG="$ROOST_STATE/log/nginx-access.log" NGINX_ERROR_LOG=stderr \
        "$ROOT/deploy/nginx/render.sh" >/dev/null
}

start_nginx() {
    local early_log=()
    render_nginx
    # Before it has read its file, nginx logs to a path of the system that only root may write.
    if nginx -h 2>&1 | grep -q -- '-e filename'; then early_log=(-e stderr); fi
    spawn nginx "PATH=$PATH" LANG=C.UTF-8 -- nginx "${early_log[@]}" -p "$ROOST_STATE/nginx" -c "$ROOST_STATE/nginx/nginx.conf"
}

# ---- Readiness

is_ready() {
    case $1 in
        # With the password, as the API does; pg_isready would say yes to anybody's server.
        postgres) PGPASSWORD=$(secret postgres-password) psql -XqAt -w -h 127.0.0.1 -p "${ports[postgres]}" -U roost \
            -c 'SELECT 1' roost >/dev/null 2>&1 ;;
        redis) [[ $(redis-cli -p "${ports[redis]}" ping 2>/dev/null) == PONG ]] ;;
        turn) timeout 1 turnutils_stunclient -p "${ports[turn]}" "$(turn_address)" >/dev/null 2>&1 ;;
        nginx) curl -fs --noproxy '*' -m 2 -o /dev/null "http://$(reachable_host):${ports[nginx]}/health/ready" ;;
        *) curl -fs --noproxy '*' -m 2 -o /dev/null "http://127.0.0.1:${ports[$1]}/health/ready" ;;
    esac
}

reachable_host() { case ${ROOST_HOST:-} in '' | 0.0.0.0) echo 127.0.0.1 ;; *) echo "$ROOST_HOST" ;; esac }

# wait_ready NAME...: until all are, within 30 s together; the first that died or stays away is shown with its log.
wait_ready() {
    local name deadline=$((SECONDS + ready_seconds))
    for name in "$@"; do
        until is_ready "$name"; do
            is_alive "$name" || fail_with_log "$name" "$name ended instead of becoming ready"
            ((SECONDS < deadline)) || fail_with_log "$name" "$name is not ready after $ready_seconds s"
            sleep 0.1
        done
    done
}

fail_with_log() {
    printf '%s\n' "${dim}--- last lines of $(log_file "$1")${plain}" >&2
    tail -n 20 "$(log_file "$1")" >&2 || true
    die "$2"
}

main "$@"
