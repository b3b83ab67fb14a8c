# shellcheck shell=bash
# The gateway beside nginx with nchan and a broadcast server on node-ws, and alone with crowds. Sourced by bench.sh.
# shellcheck disable=SC2154 # Its variables: work, seconds, only, stack, bin, ROOT, lines.

# Subscribers, frames a second and channels of each run: below what the slowest peer delivers on two idle cores, because
# frames that wait are written together and then cost less. FANOUTS='1000 50 1;5000 8 1' measures others.
IFS=';' read -ra fanouts <<<"${FANOUTS:-1000 100 1;5000 16 1;10000 8 1;1000 60 20}"
readonly people=18000
readonly nchan_module=/usr/lib/nginx/modules/ngx_nchan_module.so
readonly ws_module=/usr/share/nodejs/ws

is_wanted() { [[ ,$only, == *,$1,* ]]; }

wants_gateway() {
    local part
    for part in fanout deflate latency stalled connections storm resume; do
        if is_wanted "$part"; then return 0; fi
    done
    return 1
}

require_gateway() {
    [[ -f $nchan_module ]] || die "libnginx-mod-nchan is missing; run deploy/scripts/install.sh test"
    [[ -d $ws_module ]] || die "node-ws is missing; run deploy/scripts/install.sh test"
}

# With the gateway's own bounds out of the way: all of a crowd comes from this machine.
export ROOST_GATEWAY_CONNECTIONS_PER_USER=100000 ROOST_GATEWAY_CONNECTIONS_PER_ADDRESS=100000

# The people of roost-load's Population: the last group of each id is a number.
prepare_gateway() {
    say "$people people in 22 channels"
    psql -Xq -v ON_ERROR_STOP=1 -v people=$people <<'SQL'
CREATE FUNCTION pg_temp.bench_id(kind text, n bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT ('00000000-0000-7000-' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid
$$;
INSERT INTO users (id, email, username, display_name, password_hash)
    SELECT pg_temp.bench_id('9000', n), 'crowd' || n || '@example.org', 'crowd' || n, 'crowd', 'none'
    FROM generate_series(0, :people - 1) n;
INSERT INTO sessions (id, user_id, expires_at)
    SELECT pg_temp.bench_id('a000', n), pg_temp.bench_id('9000', n), now() + interval '1 day'
    FROM generate_series(0, :people - 1) n;
INSERT INTO workspaces (id, name, created_by) VALUES (pg_temp.bench_id('c000', 0), 'crowd', pg_temp.bench_id('9000', 0));
INSERT INTO workspace_members (workspace_id, user_id, role)
    SELECT pg_temp.bench_id('c000', 0), pg_temp.bench_id('9000', n), CASE n WHEN 0 THEN 'owner' ELSE 'member' END
    FROM generate_series(0, :people - 1) n;
INSERT INTO channels (id, workspace_id, kind, visibility, name, created_by)
    SELECT pg_temp.bench_id('b000', c), pg_temp.bench_id('c000', 0), 'text', 'public', 'crowd ' || c,
           pg_temp.bench_id('9000', 0)
    FROM generate_series(0, 21) c;
INSERT INTO channel_members (channel_id, user_id)
    SELECT pg_temp.bench_id('b000', c), pg_temp.bench_id('9000', n)
    FROM generate_series(0, :people - 1) n, generate_series(0, 21) c;
INSERT INTO streams (kind, id) SELECT 'user', pg_temp.bench_id('9000', n) FROM generate_series(0, :people - 1) n;
INSERT INTO streams (kind, id) SELECT 'channel', pg_temp.bench_id('b000', c) FROM generate_series(0, 21) c;
INSERT INTO streams (kind, id) VALUES ('workspace', pg_temp.bench_id('c000', 0));
ANALYZE users, sessions, workspace_members, channel_members, streams;
SQL
    if is_wanted resume; then prepare_statement_counts; fi
    if is_wanted fanout; then
        start_nchan
        start_ws
    fi
}

# Loaded, but switched on only while clients resume: it must not slow the other measurements.
prepare_statement_counts() {
    as_superuser "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"
    "$stack" restart postgres
    as_superuser "ALTER SYSTEM SET pg_stat_statements.track = 'none'" "SELECT pg_reload_conf()" \
        "CREATE EXTENSION pg_stat_statements" "GRANT pg_read_all_stats TO roost"
}

# as_superuser STATEMENT...: the superuser is the operating-system user of the server, over its socket.
as_superuser() {
    local drop=() statement
    if ((EUID == 0)); then drop=(setpriv --reuid=postgres --regid=postgres --init-groups); fi
    for statement in "$@"; do
        # psql complains about a working directory that its user cannot enter.
        (cd / && env -u PGUSER -u PGPASSWORD PGHOST="$ROOST_STATE/run/postgres-socket" "${drop[@]}" \
            psql -Xq -v ON_ERROR_STOP=1 -c "$statement" >/dev/null)
    done
}

run_gateway() {
    if is_wanted fanout; then run_fanout; fi
    if is_wanted deflate; then run_deflate; fi
    if is_wanted latency; then run_latency; fi
    # 200 of 1,000 stop reading; frames large enough that what the kernel holds for them is soon full.
    if is_wanted stalled; then load fanout --rate 20 --frame-bytes 10000 --seconds "$seconds" --stalled 200; fi
    if is_wanted connections; then
        # With a fresh process, or the memory of the run before would be used again and not be seen.
        "$stack" restart gateway-0
        load connections --connections $people --frames 10
    fi
    if is_wanted storm; then
        load storm --connections 10000
        load storm --connections 10000 --fresh-tokens
    fi
    if is_wanted resume; then run_resume; fi
}

run_fanout() {
    local one subscribers rate channels
    for one in "${fanouts[@]}"; do
        read -r subscribers rate channels <<<"$one"
        local options=(--subscribers "$subscribers" --rate "$rate" --channels "$channels" --seconds "$gateway_seconds")
        load fanout "${options[@]}"
        load peer --name nchan --url "$nchan_url" --pid "$nchan_pid" "${options[@]}"
        load peer --name ws --url "$ws_url" --pid "$ws_pid" "${options[@]}"
    done
}

run_deflate() {
    if ! is_wanted fanout; then load fanout --seconds "$gateway_seconds"; fi
    load fanout --seconds "$gateway_seconds" --deflate
}

# The saturating rate is looked for once: the runs must be of the same two rates.
run_latency() {
    local known=()
    if [[ -n ${saturating:-} ]]; then known=(--saturating-rate "$saturating"); fi
    load latency --seconds "$gateway_seconds" "${known[@]}"
    saturating=$(sed -n 's/.*"measure":"latency .*"saturatingMessagesPerSecond":\([0-9.]*\).*/\1/p' "$lines" | head -n 1)
}

run_resume() {
    as_superuser "ALTER SYSTEM SET pg_stat_statements.track = 'top'" "SELECT pg_reload_conf()"
    load resume
    as_superuser "ALTER SYSTEM SET pg_stat_statements.track = 'none'" "SELECT pg_reload_conf()"
}

# ---- The peers

# One worker, memory only, no message kept for later: the fairest case for it.
start_nchan() {
    local port
    port=$("$ROOT/deploy/scripts/ports.py" free $$ 0)
    nchan_url=http://127.0.0.1:$port
    mkdir -p "$work/nchan/logs"
    cat >"$work/nchan/nginx.conf" <<END
load_module $nchan_module;
daemon off;
worker_processes 1;
worker_rlimit_nofile $(ulimit -n);
error_log stderr warn;
pid nginx.pid;
events { worker_connections 19000; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location ~ ^/publish/(\\d+)\$ { nchan_publisher http; nchan_channel_id bench\$1; nchan_message_buffer_length 0; }
        location = /subscribe/1 { nchan_subscriber websocket; nchan_channel_id bench0; nchan_subscriber_first_message newest; }
        location = /subscribe/20 {
            nchan_subscriber websocket;
            nchan_channel_id "$(seq -f bench%g -s , 0 19)";
            nchan_channel_id_split_delimiter ",";
            nchan_subscriber_first_message newest;
        }
    }
}
END
    nginx -e stderr -p "$work/nchan" -c "$work/nchan/nginx.conf" >"$work/nchan/log" 2>&1 &
    nchan_pid=$!
    wait_for_peer "nginx with nchan" "$nchan_pid" "$nchan_url" "$work/nchan/log"
}

# As one writes it on Debian's package: without compression, one send a socket.
start_ws() {
    local port
    port=$("$ROOT/deploy/scripts/ports.py" free $$ 1)
    ws_url=http://127.0.0.1:$port
    NODE_PATH=/usr/share/nodejs node "$ROOT/Tests/Peers/broadcast.js" "$port" >"$work/ws.log" 2>&1 &
    ws_pid=$!
    wait_for_peer "the broadcast server on node-ws" "$ws_pid" "$ws_url" "$work/ws.log"
}

# wait_for_peer WHAT PID URL LOG
wait_for_peer() {
    local deadline=$((SECONDS + 10))
    until curl -s --noproxy '*' -m 2 -o /dev/null "$3/"; do
        kill -0 "$2" 2>/dev/null || die "$1 ended: $(cat "$4")"
        ((SECONDS < deadline)) || die "$1 does not answer: $(cat "$4")"
        sleep 0.1
    done
}

stop_peers() {
    local pid
    for pid in ${nchan_pid:-} ${ws_pid:-}; do
        kill -s QUIT "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    nchan_pid='' ws_pid=''
}
