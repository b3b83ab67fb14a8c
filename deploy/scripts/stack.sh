#!/usr/bin/env bash
# Starts and stops a whole private Roost: PostgreSQL, Redis, the API and gateway instances and nginx. `make run`, the
# tests and the benchmarks share it. Nothing outside $ROOST_STATE is touched and no system service is used.
#
#   stack.sh up                               starts what does not run yet and waits until all of it is ready
#   stack.sh down                             stops it all; the data stay
#   stack.sh start|stop|kill|restart NAME     one process: api-0, api-1, gateway-0, redis, postgres, nginx (kill: kill -9)
#   stack.sh env                              KEY=VALUE lines for clients, also in $ROOST_STATE/run/stack.env
#
#   ROOST_STATE                directory of data, logs and secrets (root: /var/lib/roost, else ~/.local/share/roost)
#   APIS, GATEWAYS             how many of each                                                     (default: 1 and 1)
#   PORT, ROOST_HOST           where the site listens                                        (default: 8080, 127.0.0.1)
#   ROOST_API_BASE_PORT        API i listens on this + 2i                                               (default: 3000)
#   ROOST_GATEWAY_BASE_PORT    gateway i listens on this + 2i                                           (default: 3001)
#   ROOST_REDIS_PORT           (default: 6390)
#   ROOST_POSTGRES_PORT        (default: 5442)
#   ROOST_PORTS=free           free ports for everything instead, the last run's where they are still free
#   ROOST_BIN_DIR              directory of roost-api and roost-gateway (default: .build/release)
#
# Every other ROOST_* variable of the caller reaches the services; those of `up` are remembered for later starts.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

readonly ready_seconds=30

# This script's own variables; they are no business of the services.
readonly own_variables=' ROOST_STATE ROOST_BIN_DIR ROOST_PORTS ROOST_TOOLS ROOST_API_BASE_PORT ROOST_GATEWAY_BASE_PORT
    ROOST_REDIS_PORT ROOST_POSTGRES_PORT ROOST_HOST ROOST_URL ROOST_API_URLS ROOST_GATEWAY_URLS '

# Port of each process by name, and the names in the order of their start.
declare -A ports=()
names=()

usage="usage: stack.sh up | down | env | start|stop|kill|restart NAME"

main() {
    local command=${1:-}
    ROOST_STATE=$(realpath -m "${ROOST_STATE:-$(default_state)}")
    bin=$(realpath -m "${ROOST_BIN_DIR:-$ROOT/.build/release}")
    web_root=$(realpath -m "${ROOST_WEB_ROOT:-$ROOT/Services/Web/build}")
    case $command in
        up) ;;
        down) [[ -d $ROOST_STATE/run ]] || exit 0 ;;
        env) ;;
        start | stop | kill | restart) [[ -n ${2:-} ]] || die "$usage" ;;
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
    for directory in run log redis nginx secrets; do mkdir -p "$ROOST_STATE/$directory"; done
    chmod 700 "$ROOST_STATE"/{log,secrets,redis}
    chmod 755 "$ROOST_STATE/run"
}

# ---- Commands

up() {
    local service
    for service in api gateway; do
        [[ -x $bin/roost-$service ]] || die "$bin/roost-$service is not built; run make build"
    done
    [[ -f $web_root/index.html ]] || warn "the web client is not built, so only the API answers; run make web"
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
    write_environment
    # nginx only after what it passes on to; the rest start together and wait for their databases themselves.
    start_missing postgres redis
    wait_ready postgres redis
    start_missing "${names[@]}"
    wait_ready "${names[@]}"
    trap - EXIT INT TERM
}

abandon() {
    trap '' INT TERM
    warn "stopping what was started; data and logs stay in $ROOST_STATE"
    down
}

# From the pid files, not from today's APIS and GATEWAYS. Gateways first, while nginx can still pass their goodbyes on.
down() {
    local running=() path tier
    for path in "$ROOST_STATE"/run/*.pid; do
        path=${path##*/}
        if [[ -f $ROOST_STATE/run/$path ]]; then running+=("${path%.pid}"); fi
    done
    for tier in 'gateway-*' nginx 'api-*' redis postgres; do
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
stop_one() { stop_processes "$1"; }
kill_one() { kill_process "$1"; }
restart_one() {
    stop_processes "$1"
    start_one "$1"
}

# ---- Names and ports

choose_names() {
    local i apis=${APIS:-1} gateways=${GATEWAYS:-1}
    [[ $apis =~ ^[1-9][0-9]?$ ]] || die "APIS must be 1 to 99, not '$apis'"
    [[ $gateways =~ ^[1-9][0-9]?$ ]] || die "GATEWAYS must be 1 to 99, not '$gateways'"
    names=(postgres redis)
    for ((i = 0; i < apis; i++)); do names+=("api-$i"); done
    for ((i = 0; i < gateways; i++)); do names+=("gateway-$i"); done
    names+=(nginx)
}

# The variable that moves a process's port.
port_variable() {
    case $1 in
        nginx) echo PORT ;;
        redis) echo ROOST_REDIS_PORT ;;
        postgres) echo ROOST_POSTGRES_PORT ;;
        api-*) echo ROOST_API_BASE_PORT ;;
        gateway-*) echo ROOST_GATEWAY_BASE_PORT ;;
    esac
}

choose_ports() {
    local name variable port chosen i wishes=()
    local -A defaults=([nginx]=8080 [redis]=6390 [postgres]=5442 [api]=3000 [gateway]=3001)
    declare -gA recorded=()
    if [[ -f $ROOST_STATE/run/ports ]]; then
        while read -r name port; do recorded[$name]=$port; done <"$ROOST_STATE/run/ports"
    fi
    if [[ ${ROOST_PORTS:-} == free ]]; then
        for name in "${names[@]}"; do
            if is_alive "$name" && [[ -n ${recorded[$name]:-} ]]; then
                ports[$name]=${recorded[$name]}
            else
                wishes+=("$name:${recorded[$name]:-0}")
            fi
        done
        ((${#wishes[@]} > 0)) || return 0
        read -ra chosen <<<"$("$ROOT/deploy/scripts/ports.py" free $$ "${wishes[@]#*:}")"
        for i in "${!wishes[@]}"; do ports[${wishes[i]%:*}]=${chosen[i]}; done
        return
    fi
    for name in "${names[@]}"; do
        variable=$(port_variable "$name")
        port=${!variable:-${defaults[${name%-*}]}}
        [[ $port =~ ^[0-9]+$ ]] || die "$variable must be a port number, not '$port'"
        if [[ $name == *-* ]]; then port=$((port + 2 * ${name#*-})); fi
        ((port >= 1 && port <= 65535)) || die "$variable leads to port $port, which does not exist"
        ports[$name]=$port
    done
}

host_of() { if [[ $1 == nginx ]]; then echo "${ROOST_HOST:-127.0.0.1}"; else echo 127.0.0.1; fi; }

# Before anything starts. Ports that our own living processes hold are ours: they are kept, or freed before their reuse.
refuse_taken_ports() {
    local name addresses=() ours=' ' answer port problem
    for name in "${!recorded[@]}"; do if is_alive "$name"; then ours+="${recorded[$name]} "; fi; done
    for name in "${names[@]}"; do
        if [[ $ours != *" ${ports[$name]} "* ]]; then addresses+=("$(host_of "$name"):${ports[$name]}"); fi
    done
    ((${#addresses[@]} > 0)) || return 0
    answer=$("$ROOT/deploy/scripts/ports.py" check "${addresses[@]}") && return 0
    [[ -n $answer ]] || die "cannot check the ports (ROOST_HOST=${ROOST_HOST:-127.0.0.1}); see above"
    read -r port problem <<<"$answer"
    for name in "${names[@]}"; do if [[ ${ports[$name]} == "$port" ]]; then break; fi; done
    case $problem in
        taken) die "port $port for $name is taken$(holder_of "$port"); set $(port_variable "$name") to another" ;;
        forbidden) die "port $port for $name needs root; set $(port_variable "$name") to 1024 or above" ;;
        *) die "port $port for $name is meant for two processes; set $(port_variable "$name") to another" ;;
    esac
}

# ` by nginx (process 123)`, or nothing where `ss` is absent or may not tell.
holder_of() {
    local line
    line=$(ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1) || return 0
    if [[ $line =~ users:\(\(\"([^\"]+)\",pid=([0-9]+) ]]; then
        echo " by ${BASH_REMATCH[1]} (process ${BASH_REMATCH[2]})"
    fi
}

# A process that still runs but is not wanted, or wanted elsewhere.
stop_what_changed() {
    local name changed=()
    for name in "${!recorded[@]}"; do
        if is_alive "$name" && [[ ${ports[$name]:-} != "${recorded[$name]}" ]]; then changed+=("$name"); fi
    done
    if ((${#changed[@]} > 0)); then stop_processes "${changed[@]}"; fi
}

save_ports() {
    local name
    for name in "${names[@]}"; do echo "$name ${ports[$name]}"; done >"$ROOST_STATE/run/ports"
}

load_ports() {
    local name port
    while read -r name port; do
        names+=("$name")
        ports[$name]=$port
    done <"$ROOST_STATE/run/ports"
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
ROOST_API_URLS=$(addresses api http://)
ROOST_GATEWAY_URLS=$(addresses gateway http://)
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
    local variables
    common_variables
    spawn "$1" ROOST_LOG_LEVEL=info "ROOST_ALLOWED_ORIGINS=$(allowed_origins)" "${variables[@]}" \
        ROOST_API_HOST=127.0.0.1 "ROOST_API_PORT=${ports[$1]}" "ROOST_DATABASE_URL=$(database_url)" \
        "ROOST_REDIS_URL=$(redis_url)" "ROOST_SIGNING_KEY_FILE=$ROOST_STATE/secrets/signing-key.pem" \
        "ROOST_WEB_ROOT=$web_root" -- "$bin/roost-api"
}

# Rule 1 of the design: a gateway has no way to the database and no signing key, so none is told to it.
start_gateway() {
    local variables variable allowed=()
    common_variables
    for variable in "${variables[@]}"; do
        case $variable in
            ROOST_DATABASE* | ROOST_POSTGRES* | ROOST_SIGNING*) ;;
            *) allowed+=("$variable") ;;
        esac
    done
    spawn "$1" ROOST_LOG_LEVEL=info "ROOST_ALLOWED_ORIGINS=$(allowed_origins)" "${allowed[@]}" \
        ROOST_GATEWAY_HOST=127.0.0.1 "ROOST_GATEWAY_PORT=${ports[$1]}" "ROOST_REDIS_URL=$(redis_url)" -- \
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

# ---- PostgreSQL

# It refuses to run as root: then it is the user of Debian's package.
as_postgres=()
if ((EUID == 0)); then as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --); fi

# Prints the directory of the server's binaries: the version that made the data, else the newest.
postgres_binaries() {
    local version data=$ROOST_STATE/postgres
    version=$(cat "$data/PG_VERSION" 2>/dev/null || true)
    if [[ -n $version ]]; then
        [[ -x /usr/lib/postgresql/$version/bin/postgres ]] ||
            die "the data in $data are of PostgreSQL $version, which is not installed; install postgresql-$version"
        echo "/usr/lib/postgresql/$version/bin"
        return
    fi
    printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1 | xargs dirname
}

prepare_postgres() {
    local data=$ROOST_STATE/postgres binaries
    if is_alive postgres; then return; fi
    if ((EUID == 0)); then
        id postgres >/dev/null 2>&1 || die "there is no user postgres; run make install"
        "${as_postgres[@]}" test -x "$ROOST_STATE" ||
            die "user postgres cannot reach $ROOST_STATE, a directory above it is closed; set ROOST_STATE, such as /var/lib/roost"
    fi
    binaries=$(postgres_binaries)
    [[ -x $binaries/initdb ]] || die "PostgreSQL is not installed; run make install"
    mkdir -p "$ROOST_STATE/run/postgres-socket"
    chmod 700 "$ROOST_STATE/run/postgres-socket"
    if ((EUID == 0)); then chown postgres: "$ROOST_STATE/run/postgres-socket"; fi
    if [[ ! -d $data ]]; then create_database "$binaries" "$data"; fi
    if [[ ! -s $ROOST_STATE/secrets/postgres-password ]]; then
        # The secret was lost, the data were not.
        single_user "$binaries" "$data" postgres "ALTER ROLE roost PASSWORD '$(secret postgres-password)';"
    fi
}

# The superuser is the server's own operating-system user, over the private socket only; Roost's role is an ordinary one.
# Made beside its place and moved there when complete: an interrupted first start leaves nothing half done.
create_database() {
    local binaries=$1 data=$2 fresh=$2.new
    rm -rf "$fresh"
    mkdir -m 700 "$fresh"
    if ((EUID == 0)); then chown postgres: "$fresh"; fi
    "${as_postgres[@]}" "$binaries/initdb" --pgdata="$fresh" --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=peer --auth-host=scram-sha-256 >>"$(log_file postgres)" 2>&1 || fail_with_log postgres "initdb failed"
    # In single-user mode, without a socket: no moment in which the server is open and the role has no password.
    single_user "$binaries" "$fresh" postgres "CREATE ROLE roost LOGIN PASSWORD '$(secret postgres-password)';" \
        "CREATE DATABASE roost OWNER roost;"
    mv "$fresh" "$data"
}

# single_user BINARIES DATA DATABASE STATEMENT...: one statement a line, by standard input, which `ps` does not show.
single_user() {
    local binaries=$1 data=$2 database=$3
    shift 3
    printf '%s\n' "$@" | "${as_postgres[@]}" "$binaries/postgres" --single -D "$data" "$database" \
        >>"$(log_file postgres)" 2>&1 || fail_with_log postgres "PostgreSQL cannot prepare its database"
}

start_postgres() {
    local binaries sockets=$ROOST_STATE/run/postgres-socket
    binaries=$(postgres_binaries)
    forget_dead_postmaster
    # A socket's path has at most 107 bytes (unix(7)); in a deep directory there is only TCP, which all of Roost uses.
    if ((${#sockets} + 15 > 107)); then sockets=''; fi
    spawn postgres "PATH=$PATH" LANG=C.UTF-8 "TZ=${TZ:-UTC}" -- "${as_postgres[@]}" "$binaries/postgres" \
        -D "$ROOST_STATE/postgres" -h 127.0.0.1 -p "${ports[postgres]}" -k "$sockets" -c max_connections=200
}

# After a crash PostgreSQL refuses to start while the process id in its lock files exists. In containers that id is often a
# zombie nobody has reaped, or somebody else's after a restart: then the locks are void, once no backend of the dead server
# holds its shared memory any more (line 7 of the file: key and id; column 7 of shm: how many are attached).
forget_dead_postmaster() {
    local file=$ROOST_STATE/postgres/postmaster.pid pid segment deadline=$((SECONDS + 10))
    if [[ -f $file ]]; then
        pid=$(head -n 1 "$file")
        if [[ $(process_field "$pid" 3) != Z && $(cat "/proc/$pid/comm" 2>/dev/null || true) == postgres ]]; then return; fi
        segment=$(awk 'NR == 7 { print $2 }' "$file")
        while [[ -n $segment ]] && is_attached "$segment"; do
            ((SECONDS < deadline)) || die "processes of the PostgreSQL that crashed ($file) still run; end them first"
            sleep 0.1
        done
    fi
    rm -f "$file" "$ROOST_STATE"/run/postgres-socket/.s.PGSQL.*
}

is_attached() {
    awk -v id="$1" '$2 == id && $7 > 0 { found = 1 } END { exit !found }' /proc/sysvipc/shm 2>/dev/null
}

# ---- Readiness

is_ready() {
    case $1 in
        # With the password, as the API does; pg_isready would say yes to anybody's server.
        postgres) PGPASSWORD=$(secret postgres-password) psql -XqAt -w -h 127.0.0.1 -p "${ports[postgres]}" -U roost \
            -c 'SELECT 1' roost >/dev/null 2>&1 ;;
        redis) [[ $(redis-cli -p "${ports[redis]}" ping 2>/dev/null) == PONG ]] ;;
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
