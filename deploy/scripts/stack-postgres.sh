# shellcheck shell=bash
# PostgreSQL of a private stack: made once, started as an ordinary user, able to start again after any crash. Sourced by
# stack.sh.

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
