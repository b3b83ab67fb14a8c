# shellcheck shell=bash
# Forwarding of media beside Janus's videoroom. Sourced by bench.sh.
# shellcheck disable=SC2154 # Its variables: work, seconds, stack.

# Long enough for figures of two digits; both servers, both ways to protect packets and three runs then take under three
# minutes.
media_seconds=$((seconds < 6 ? seconds : 6))

require_media() {
    [[ -x $bin/roost-media ]] || die "$bin/roost-media is not built; run make build"
    have janus || die "janus is missing; run deploy/scripts/install.sh test"
    janus_library=$(dpkg -L janus | grep '/libjanus_videoroom\.so$') || die "Debian's janus has no videoroom plugin"
    janus_library=${janus_library%/plugins/*}
    # Janus never gathers loopback addresses. Packets to this one stay on the machine all the same.
    janus_address=$(hostname -I | tr ' ' '\n' | grep -m 1 -E '^[0-9]+(\.[0-9]+){3}$') ||
        die "this machine has no IPv4 address but loopback, and Janus takes no other"
}

# MEDIA_SHAPES: subscribers x rooms of the measurements, such as "50x1 99x1 99x2 99x2-sound", the last with microphones
# instead of cameras; a room has at most 100 seats.
#
# Both with a fresh process, or the memory of the run before would be used again and not be seen.
run_media() {
    local profile shape size options
    for shape in ${MEDIA_SHAPES:-50x1}; do
        size=${shape%-sound}
        options=(--subscribers "${size%x*}" --rooms "${size#*x}")
        if [[ $shape != "$size" ]]; then options+=(--sound); fi
        for profile in gcm sha1; do compare_media "${options[@]}" --profile "$profile"; done
    done
}

# compare_media OPTIONS: one measurement of each server.
compare_media() {
    "$stack" restart media-0
    load media --seconds "$media_seconds" "$@"
    start_janus
    load janus --seconds "$media_seconds" "$@" --url "$janus_url" --pid "$janus_pid"
    stop_janus
}

# With one event loop a core, in which it is best, and nothing loaded but what is measured.
start_janus() {
    local port folder=$work/janus deadline=$((SECONDS + 10))
    port=$("$ROOT/deploy/scripts/ports.py" free $$ 0)
    janus_url=http://127.0.0.1:$port/janus
    mkdir -p "$folder/plugins" "$folder/transports"
    ln -sf "$janus_library/plugins/libjanus_videoroom.so" "$folder/plugins"
    ln -sf "$janus_library/transports/libjanus_http.so" "$folder/transports"
    cat >"$folder/janus.jcfg" <<END
general: {
    configs_folder = "$folder"
    plugins_folder = "$folder/plugins"
    transports_folder = "$folder/transports"
    interface = "$janus_address"
    debug_level = 2
    session_timeout = 600
    event_loops = $(nproc)
}
nat: {
    ice_lite = true
    full_trickle = false
    ice_enforce_list = "$janus_address"
}
END
    cat >"$folder/janus.transport.http.jcfg" <<END
general: {
    http = true
    ip = "127.0.0.1"
    port = $port
    https = false
}
END
    janus -C "$folder/janus.jcfg" -F "$folder" >"$folder/log" 2>&1 &
    janus_pid=$!
    until curl -fs --noproxy '*' -m 2 -o /dev/null "$janus_url/info"; do
        kill -0 "$janus_pid" 2>/dev/null || die "Janus ended: $(cat "$folder/log")"
        ((SECONDS < deadline)) || die "Janus does not answer: $(cat "$folder/log")"
        sleep 0.1
    done
}

# It was seen to hang in its own shutdown, and has nothing worth saving.
stop_janus() {
    # With its status: a bare return in the EXIT trap repeats the failure that led there, and nothing would be stopped.
    if [[ -z ${janus_pid:-} ]]; then return 0; fi
    kill -s KILL "$janus_pid" 2>/dev/null || true
    wait "$janus_pid" 2>/dev/null || true
    janus_pid=''
}
