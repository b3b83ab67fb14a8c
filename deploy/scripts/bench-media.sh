# shellcheck shell=bash
# Forwarding of media beside Janus's videoroom. Sourced by bench.sh.
# shellcheck disable=SC2154 # Its variables: work, seconds, stack.

# Long enough for figures of two digits.
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

# MEDIA_SHAPES: subscribers x rooms of the measurements, such as "50x1 100x2 200x1-sound", the last with a microphone instead
# of a camera, or "25of100": 25 cameras in a call of 100. MEDIA_KILOBITS is what each camera of the former sends: less than
# 2500 where the load takes a whole core of its own.
#
# Packets are protected with AEAD_AES_128_GCM, and where Janus is measured with AES128_CM_SHA1_80 too. Each with a fresh process, or the
# memory of the run before would be used again and not be seen.
run_media() {
    local profile shape size options
    for shape in ${MEDIA_SHAPES:-50x1 100x1 200x1 400x1 200x1-sound 25of100}; do
        if [[ $shape == *of* ]]; then
            "$stack" restart media-0
            load crowd --seconds "$media_seconds" --cameras "${shape%of*}" --people "${shape#*of}"
            continue
        fi
        size=${shape%-sound}
        options=(--subscribers "${size%x*}" --rooms "${size#*x}" --kilobits "${MEDIA_KILOBITS:-2500}")
        if [[ $shape != "$size" ]]; then options+=(--sound); fi
        for profile in gcm sha1; do
            if [[ $profile == gcm ]] || ((${size%x*} <= janus_subscribers)); then compare_media "${options[@]}" --profile "$profile"; fi
        done
    done
}

# The most subscribers that Janus is measured with: of 400 it did not bring in all.
readonly janus_subscribers=200

# compare_media --subscribers COUNT OPTIONS: one measurement of each server.
compare_media() {
    "$stack" restart media-0
    load media --seconds "$media_seconds" "$@"
    if (($2 > janus_subscribers)); then return 0; fi
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
