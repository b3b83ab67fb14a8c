#!/usr/bin/env bash
# Measures a stack of its own and, beside it in the same run, what each figure is judged by: PostgreSQL doing the bare
# insert (pgbench), nginx with nchan and a broadcast server on node-ws delivering the same frames, and Janus forwarding the
# same media. Each figure is the median of RUNS runs; the table goes to bench.md too, the single runs to bench.jsonl.
#
#   RUNS          runs of each measurement              (default: 3)
#   SECONDS_EACH  seconds of each measurement, ≤ 30     (default: 10, of which media and the gateway use at most 6)
#   BENCH_ONLY    only these, separated by commas       (default: all)
#                 post, fanout, deflate, latency, stalled, connections, storm, resume, media
#   FANOUTS       subscribers, frames a second and channels of the runs of fanout (see bench-gateway.sh)
#   MEDIA_SHAPES  subscribers and rooms of the runs of media, MEDIA_KILOBITS what a camera sends (see bench-media.sh)
#   BENCH_OUT     directory of bench.md and bench.jsonl (default: .build)
#   ROOST_BIN_DIR directory of what is measured         (default: .build/release)
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly runs=${RUNS:-3} seconds=${SECONDS_EACH:-10}
readonly only=${BENCH_ONLY:-post,fanout,deflate,latency,stalled,connections,storm,resume,media}
readonly bin=${ROOST_BIN_DIR:-$ROOT/.build/release} out=${BENCH_OUT:-$ROOT/.build}
readonly lines=$out/bench.jsonl table=$out/bench.md
readonly stack=$ROOT/deploy/scripts/stack.sh
readonly gateway_seconds=$((seconds < 6 ? seconds : 6))
# shellcheck source=bench-gateway.sh
source "$(dirname "${BASH_SOURCE[0]}")/bench-gateway.sh"
# shellcheck source=bench-media.sh
source "$(dirname "${BASH_SOURCE[0]}")/bench-media.sh"

main() {
    local run
    require
    # Eighteen thousand subscribers are as many open files, here, in the gateway and in its peers.
    ulimit -n "$(ulimit -Hn)"
    start_stack
    mkdir -p "$out"
    : >"$lines"
    say "idle memory"
    # The services have settled by then: pools are open, start-up garbage is freed.
    sleep 3
    load memory
    use_database
    if [[ ,$only, == *,post,* ]]; then prepare_pgbench; fi
    if wants_gateway; then prepare_gateway; fi
    for ((run = 1; run <= runs; run++)); do
        say "run $run of $runs"
        if [[ ,$only, == *,post,* ]]; then
            load post --seconds "$seconds"
            run_pgbench "$run"
        fi
        run_gateway
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
    if wants_gateway; then require_gateway; fi
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
    stop_peers
    stop_janus
    "$stack" down || true
    if ((status == 0)); then rm -rf "$work"; else warn "logs stay in $work"; fi
}

# Tells psql and pgbench where the database is: by the environment, not as arguments, which every user of the machine can
# read.
use_database() {
    [[ $ROOST_DATABASE_URL =~ ^postgres://([^:]+):([^@]+)@([^:]+):([0-9]+)/(.+)$ ]] || die "cannot read ROOST_DATABASE_URL"
    export PGUSER=${BASH_REMATCH[1]} PGPASSWORD=${BASH_REMATCH[2]} PGHOST=${BASH_REMATCH[3]} PGPORT=${BASH_REMATCH[4]}
    export PGDATABASE=${BASH_REMATCH[5]}
}

# load COMMAND...: one measurement; its line is kept, and shown so that a long run can be watched.
load() { "$bin/roost-load" "$@" | tee -a "$lines"; }

# ---- pgbench

# Channels with ids that pgbench can compute, because its variables are numbers: the variable n is the last group of a
# channel's id, author that of its only member. All of a message's rows are as the API writes them.
prepare_pgbench() {
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

main "$@"
