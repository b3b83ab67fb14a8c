#!/usr/bin/env bash
# Measures a stack of its own and, beside it in the same run, what each figure is judged by: PostgreSQL doing the bare
# insert (pgbench), nginx with nchan delivering the same frames, and Janus forwarding the same media. Each figure is the
# median of RUNS runs; the table goes to .build/bench.md too, the single runs to .build/bench.jsonl.
#
#   RUNS          runs of each measurement              (default: 3)
#   SECONDS_EACH  seconds of each measurement, ≤ 30     (default: 10, of which media uses at most 6)
#   BENCH_ONLY    only these: post, fanout, media       (default: all)
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly runs=${RUNS:-3} seconds=${SECONDS_EACH:-10} only=${BENCH_ONLY:-post,fanout,media}
readonly bin=$ROOT/.build/release
readonly lines=$ROOT/.build/bench.jsonl table=$ROOT/.build/bench.md
readonly stack=$ROOT/deploy/scripts/stack.sh
readonly nchan_module=/usr/lib/nginx/modules/ngx_nchan_module.so
# shellcheck source=bench-media.sh
source "$(dirname "${BASH_SOURCE[0]}")/bench-media.sh"

main() {
    local run
    require
    # A thousand subscribers are a thousand open files, here, in the gateway and in nginx.
    ulimit -n "$(ulimit -Hn)"
    start_stack
    : >"$lines"
    say "idle memory"
    # The services have settled by then: pools are open, start-up garbage is freed.
    sleep 3
    load memory
    if [[ ,$only, == *,post,* ]]; then prepare_pgbench; fi
    if [[ ,$only, == *,fanout,* ]]; then start_nchan; fi
    for ((run = 1; run <= runs; run++)); do
        say "run $run of $runs"
        if [[ ,$only, == *,post,* ]]; then
            load post --seconds "$seconds"
            run_pgbench "$run"
        fi
        if [[ ,$only, == *,fanout,* ]]; then
            load fanout --seconds "$seconds"
            load nchan --seconds "$seconds" --url "$nchan_url" --pid "$nchan_pid"
        fi
        if [[ ,$only, == *,media,* ]]; then run_media; fi
    done
    {
        echo "## Roost on $(nproc) cores of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $(date -u +%F)"
        echo
        "$bin/roost-load" report <"$lines"
    } | tee "$table"
}

require() {
    local service
    for service in api gateway load; do
        [[ -x $bin/roost-$service ]] || die "$bin/roost-$service is not built; run make build"
    done
    have pgbench || die "pgbench is missing; run make install"
    if [[ ,$only, == *,media,* ]]; then require_media; fi
    [[ $only != *fanout* || -f $nchan_module ]] || die "libnginx-mod-nchan is missing; run deploy/scripts/install.sh test"
}

# ---- The stack

start_stack() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/roost-bench.XXXXXX")
    chmod 711 "$work"
    trap stop_all EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    export ROOST_STATE=$work/state ROOST_PORTS=free ROOST_MESSAGE_RATE=1000000
    say "starting a stack in $ROOST_STATE"
    APIS=2 GATEWAYS=1 MEDIA=1 "$stack" up
    set -a
    # shellcheck source=/dev/null
    source "$ROOST_STATE/run/stack.env"
    set +a
}

stop_all() {
    local status=$?
    trap '' INT TERM
    if [[ -n ${nchan_pid:-} ]]; then
        kill -s QUIT "$nchan_pid" 2>/dev/null || true
        wait "$nchan_pid" 2>/dev/null || true
    fi
    stop_janus
    "$stack" down || true
    if ((status == 0)); then rm -rf "$work"; else warn "logs stay in $work"; fi
}

# load COMMAND...: one measurement; its line is kept, and shown so that a long run can be watched.
load() { "$bin/roost-load" "$@" | tee -a "$lines"; }

# ---- pgbench

# Channels with ids that pgbench can compute, because its variables are numbers: the variable n is the last group of a
# channel's id, author that of its only member. All of a message's rows are as the API writes them.
prepare_pgbench() {
    [[ $ROOST_DATABASE_URL =~ ^postgres://([^:]+):([^@]+)@([^:]+):([0-9]+)/(.+)$ ]] || die "cannot read ROOST_DATABASE_URL"
    # By the environment, not as arguments, which every user of the machine can read.
    export PGUSER=${BASH_REMATCH[1]} PGPASSWORD=${BASH_REMATCH[2]} PGHOST=${BASH_REMATCH[3]} PGPORT=${BASH_REMATCH[4]}
    export PGDATABASE=${BASH_REMATCH[5]}
    psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
CREATE FUNCTION pg_temp.bench_id(n bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT ('00000000-0000-7000-8000-' || n)::uuid
$$;
INSERT INTO users (id, email, username, display_name, password_hash)
    SELECT pg_temp.bench_id(200000000000 + n), 'bench' || n || '@example.org', 'bench' || n, 'bench', 'none'
    FROM generate_series(0, 7) n;
INSERT INTO workspaces (id, name, created_by)
    VALUES (pg_temp.bench_id(300000000000), 'bench', pg_temp.bench_id(200000000000));
INSERT INTO channels (id, workspace_id, kind, visibility, name, created_by)
    SELECT pg_temp.bench_id(100000000000 + n), pg_temp.bench_id(300000000000), 'text', 'public', 'bench ' || n,
           pg_temp.bench_id(200000000000 + n % 8)
    FROM generate_series(0, 999) n;
INSERT INTO channel_members (channel_id, user_id)
    SELECT pg_temp.bench_id(100000000000 + n), pg_temp.bench_id(200000000000 + n % 8) FROM generate_series(0, 999) n;
INSERT INTO streams (kind, id) SELECT 'channel', pg_temp.bench_id(100000000000 + n) FROM generate_series(0, 999) n;
SQL
    write_pgbench_script
}

# The statements of MessageStore.send, in one round trip and one transaction as there. Keep them the same. Message ids
# grow with time as the API's do: k counts the transactions of a client.
write_pgbench_script() {
    local channel="('00000000-0000-7000-8000-' || :n::text)::uuid"
    local author="('00000000-0000-7000-8000-' || :author::text)::uuid"
    local message="(:k::text || '-0000-7000-8000-' || :client::text)::uuid"
    local key="'bench-0000-0000-0000-' || :k::text || :client::text"
    cat >"$work/insert.pgbench" <<SQL
\set n random(100000000000, 100000000999)
\set author 200000000000 + :n % 8
\set client 400000000000 + :client_id
\set k :k + 1
\startpipeline
SELECT 1 FROM streams WHERE kind = 'channel' AND id = $channel FOR UPDATE;
WITH existing AS (
    SELECT id, seq, content, idempotency_key, created_at, edited_at, deleted_at, version FROM messages
    WHERE channel_id = $channel AND author_id = $author AND idempotency_key = $key
), allowed AS (
    SELECT FROM channel_members WHERE channel_id = $channel AND user_id = $author
), next AS (
    UPDATE streams SET last_seq = last_seq + 1
    WHERE kind = 'channel' AND id = $channel AND EXISTS (SELECT FROM allowed)
      AND NOT EXISTS (SELECT FROM existing)
    RETURNING last_seq
), stored AS (
    INSERT INTO messages
        (id, channel_id, seq, author_id, content, idempotency_key, version, created_at)
    SELECT $message, $channel, last_seq, $author, 'The quick brown fox jumps over the lazy dog.', $key, last_seq, now()
    FROM next
    RETURNING id, seq, content, idempotency_key, created_at, edited_at, deleted_at, version
), logged AS (
    INSERT INTO events (kind, stream_id, seq, name, object_id)
    SELECT 'channel', $channel, last_seq, 'message.created', $message FROM next
), pending AS (
    INSERT INTO outbox (kind, stream_id, seq) SELECT 'channel', $channel, last_seq FROM next
)
SELECT true AS is_new, * FROM stored
UNION ALL SELECT false, * FROM existing WHERE EXISTS (SELECT FROM allowed);
\endpipeline
SQL
}

# run_pgbench RUN: while the API processes rest, because their sweep would publish what is left in the outbox here.
run_pgbench() {
    local name before after output rate
    for name in api-0 api-1; do "$stack" stop "$name"; done
    before=$(stored_count)
    # Eight hexadecimal digits that no other run has.
    output=$(pgbench -n -M prepared -c 32 -j 2 -T "$seconds" -D k=$((10000000 * $1)) -f "$work/insert.pgbench" 2>&1) ||
        die "pgbench failed: $output"
    after=$(stored_count)
    rate=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$output")
    # A statement that stores nothing is fast.
    [[ $output == *"actually processed: $((after - before))"[!0-9]* ]] ||
        die "pgbench stored $((after - before)) messages: $output"
    psql -Xq -c 'TRUNCATE outbox'
    for name in api-0 api-1; do "$stack" start "$name"; done
    echo "{\"measure\":\"pgbench\",\"values\":{\"messagesPerSecond\":$rate}}" | tee -a "$lines"
}

stored_count() { psql -XqAt -c 'SELECT count(*) FROM messages'; }

# ---- nginx with nchan

# One worker, memory only, no message kept for later: the fairest case for it.
start_nchan() {
    local port deadline=$((SECONDS + 10))
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
events { worker_connections 4096; }
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
        location = /publish { nchan_publisher http; nchan_channel_id bench; nchan_message_buffer_length 0; }
        location = /subscribe { nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }
    }
}
END
    nginx -e stderr -p "$work/nchan" -c "$work/nchan/nginx.conf" >"$work/nchan/log" 2>&1 &
    nchan_pid=$!
    until curl -s --noproxy '*' -m 2 -o /dev/null "$nchan_url/"; do
        kill -0 "$nchan_pid" 2>/dev/null || die "nginx with nchan ended: $(cat "$work/nchan/log")"
        ((SECONDS < deadline)) || die "nginx with nchan does not answer: $(cat "$work/nchan/log")"
        sleep 0.1
    done
}

main "$@"
