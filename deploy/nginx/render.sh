#!/usr/bin/env bash
# Renders roost.conf.template into $NGINX_PREFIX/nginx.conf, with its header files beside it, and prints the path.
# Usage: VARIABLE=… render.sh, then nginx -p "$NGINX_PREFIX" -c "$NGINX_PREFIX/nginx.conf"
#
#   NGINX_PREFIX               writable directory for the result, the pid file and temporary files   (required)
#   API_UPSTREAMS              host:port,host:port; with NGINX_RESOLVER one name:port                (required)
#   GATEWAY_UPSTREAMS          the same for gateways                                                 (required)
#   GATEWAY_NAMES              the gateways' ROOST_GATEWAY_NAME, in the order of GATEWAY_UPSTREAMS     (default: g0,g1,…)
#   NGINX_RESOLVER             address of a name server that knows all instances behind the two names and is asked
#                              again every second, so that instances may come and go (Compose: 127.0.0.11)
#   WEB_ROOT                   the built web client                                                  (required)
#   NGINX_LISTEN               port or address:port        (default: 8080; 443 with TLS)
#   NGINX_SERVER_NAME          names of the site           (default: _)
#   NGINX_TLS_CERTIFICATE      PEM chain; with _KEY it turns TLS 1.2+, HTTP/2 and HSTS on
#   NGINX_TLS_KEY              PEM key
#   NGINX_LISTEN_REDIRECT      where plain http is redirected from when TLS is on (default: 80)
#   NGINX_TRUSTED_PROXIES      addresses or networks whose X-Forwarded-For is believed, comma separated
#   NGINX_ACCESS_LOG           (default: $NGINX_PREFIX/access.log)
#   NGINX_ERROR_LOG            (default: stderr)
#   NGINX_MIME_TYPES           (default: /etc/nginx/mime.types)
#   NGINX_USER                 the workers' user when started as root (default: www-data or nginx)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
    printf 'render.sh: %s\n' "$*" >&2
    exit 1
}

main() {
    prefix=${NGINX_PREFIX:?render.sh: NGINX_PREFIX is not set}
    web_root=${WEB_ROOT:?render.sh: WEB_ROOT is not set}
    tls=${NGINX_TLS_CERTIFICATE:-}
    [[ ${tls:+set} == "${NGINX_TLS_KEY:+set}" ]] || fail "NGINX_TLS_CERTIFICATE and NGINX_TLS_KEY go together"
    listen=${NGINX_LISTEN:-$([[ -n $tls ]] && echo 443 || echo 8080)}
    server_name=${NGINX_SERVER_NAME:-_}
    refuse_syntax

    mkdir -p "$prefix/temp"
    text=$(<"$here/roost.conf.template")
    fill USER "$(user_directive)"
    fill_limits
    fill PREFIX "$prefix"
    fill ERROR_LOG "${NGINX_ERROR_LOG:-stderr}"
    fill ACCESS_LOG "${NGINX_ACCESS_LOG:-$prefix/access.log}"
    fill MIME_TYPES "${NGINX_MIME_TYPES:-/etc/nginx/mime.types}"
    fill REAL_IP "$(real_ip_directives)"
    fill_upstreams
    fill REDIRECT_SERVER "$(redirect_server)"
    fill LISTEN "$(listen_directives)"
    fill SERVER_NAME "$server_name"
    fill WEB_ROOT "$web_root"
    [[ $text != *'{{'* ]] || fail "the template has a name that render.sh does not know: {{${text#*'{{'}"

    write_headers
    printf '%s\n' "$text" >"$prefix/nginx.conf"
    echo "$prefix/nginx.conf"
}

# Values land in a configuration file: what has a meaning there is a mistake or an attack, never a path or a name.
refuse_syntax() {
    local name
    for name in NGINX_PREFIX API_UPSTREAMS GATEWAY_UPSTREAMS GATEWAY_NAMES NGINX_RESOLVER WEB_ROOT NGINX_LISTEN NGINX_SERVER_NAME NGINX_USER \
        NGINX_TLS_CERTIFICATE NGINX_TLS_KEY NGINX_LISTEN_REDIRECT NGINX_TRUSTED_PROXIES NGINX_ACCESS_LOG \
        NGINX_ERROR_LOG NGINX_MIME_TYPES; do
        [[ ${!name:-} != *[\;\{\}\"\'\\\$\#$'\n']* ]] || fail "$name has a character that nginx gives a meaning: ${!name}"
        [[ $name == NGINX_SERVER_NAME || ${!name:-} != *[[:space:]]* ]] || fail "$name has a space: ${!name}"
    done
}

fill() { text=${text//"{{$1}}"/"$2"}; }

# Workers give up root. They become www-data (Debian) or nginx (nginx.org) when that user can read the web client, as it
# can not when the repository lies in a closed home directory: there they stay root, with a warning.
user_directive() {
    local user
    if ((EUID != 0)); then
        echo "# Started as an ordinary user: workers are that user."
        return
    fi
    for user in ${NGINX_USER:-www-data nginx}; do
        id "$user" >/dev/null 2>&1 || continue
        if setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups test -x "$web_root"; then
            echo "user $user $(id -gn "$user");"
            return
        fi
        echo "render.sh: $user cannot read $web_root, so nginx's workers stay root" >&2
    done
    echo "user root;"
}

# 16384 connections a worker where the hard limit on open files allows it.
fill_limits() {
    local hard files connections
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > 65536)); then hard=65536; fi
    files=$hard
    connections=$((files - 64 < 16384 ? files - 64 : 16384))
    fill OPEN_FILES "$files"
    fill CONNECTIONS "$connections"
}

# Fixed instances are upstreams, with kept connections and a memory of who is down. Free nginx looks names of upstreams up
# only once, when it starts; a name in a variable is looked up when it is used. Then each request goes to one of the name's
# addresses in turn, and to the next when that one does not accept it.
fill_upstreams() {
    if [[ -z ${NGINX_RESOLVER:-} ]]; then
        fill UPSTREAMS "$(fixed_upstreams)"
        fill API roost_api
        fill GATEWAY roost_gateway
        fill SOCKETIO '$roost_socketio'
        return
    fi
    fill UPSTREAMS "$(resolved_upstreams)"
    fill API '$roost_api'
    fill GATEWAY '$roost_gateway'
    # One name for all gateways: a session that polls needs a WebSocket, or one gateway only.
    fill SOCKETIO '$roost_gateway'
}

fixed_upstreams() {
    cat <<END
    # \`zone\` lets all workers share one view of who is down and who has how many connections. A killed API is left out for
    # a second at a time.
    upstream roost_api {
        zone roost_api 64k;
        least_conn;
$(upstream_servers API_UPSTREAMS max_fails=1 fail_timeout=1s)
        keepalive 64;
        keepalive_timeout 30s;
    }
    # A gateway is never left out. Who failed once is given one request a \`fail_timeout\` until a request there has ended
    # well, and a WebSocket ends after hours: a gateway that was restarted would take one client a second, and when the next
    # one goes its clients would find nobody. A stopped one refuses at once, and the next is asked; a host that is gone costs
    # each new client \`proxy_connect_timeout\` until it is taken from the list.
    upstream roost_gateway {
        zone roost_gateway 64k;
        least_conn;
$(upstream_servers GATEWAY_UPSTREAMS max_fails=0)
    }
$(named_gateways)
END
}

# Polling of Socket.IO makes many requests of one session, which lives on one gateway: its name begins the session's id. Only
# what such an id can be is looked at, and it leads to no other place than the gateways of the list.
named_gateways() {
    local server servers name names=() index
    IFS=, read -ra servers <<<"$GATEWAY_UPSTREAMS"
    if [[ -n ${GATEWAY_NAMES:-} ]]; then IFS=, read -ra names <<<"$GATEWAY_NAMES"; fi
    ((${#names[@]} == 0 || ${#names[@]} == ${#servers[@]})) ||
        fail "GATEWAY_NAMES must have one name for each of GATEWAY_UPSTREAMS: $GATEWAY_NAMES"
    for index in "${!servers[@]}"; do
        name=${names[index]:-g$index}
        [[ $name =~ ^[a-z0-9-]{1,32}$ ]] || fail "GATEWAY_NAMES has what is no gateway's name: $name"
        names[index]=$name
        server=${servers[index]}
        printf '    upstream roost_gateway_%s {\n        server %s max_fails=0;\n    }\n' "$name" "$server"
    done
    echo '    map $arg_sid $roost_socketio {'
    echo '        default roost_gateway;'
    for name in "${names[@]}"; do
        echo "        \"~^$name\.[A-Za-z0-9_-]{20}\$\" roost_gateway_$name;"
    done
    echo '    }'
}

resolved_upstreams() {
    local name
    for name in API_UPSTREAMS GATEWAY_UPSTREAMS; do
        [[ ${!name:?render.sh: $name is not set} != *,* ]] || fail "$name must be one name with NGINX_RESOLVER: ${!name}"
    done
    cat <<END
    resolver $NGINX_RESOLVER valid=1s ipv6=off;
    resolver_timeout 2s;
    map \$host \$roost_api {
        default $API_UPSTREAMS;
    }
    map \$host \$roost_gateway {
        default $GATEWAY_UPSTREAMS;
    }
END
}

# upstream_servers VARIABLE PARAMETER...: each of the servers that the variable lists, with these parameters.
upstream_servers() {
    local server servers
    IFS=, read -ra servers <<<"${!1:?render.sh: $1 is not set}"
    shift
    for server in "${servers[@]}"; do
        echo "        server $server $*;"
    done
}

real_ip_directives() {
    local network networks
    [[ -n ${NGINX_TRUSTED_PROXIES:-} ]] || return 0
    IFS=, read -ra networks <<<"$NGINX_TRUSTED_PROXIES"
    printf '\n'
    for network in "${networks[@]}"; do echo "    set_real_ip_from $network;"; done
    echo "    real_ip_header X-Forwarded-For;"
    echo "    real_ip_recursive on;"
}

listen_directives() {
    if [[ -z $tls ]]; then
        echo "        listen $listen;"
        return
    fi
    cat <<END
        listen $listen ssl http2;
        ssl_certificate $tls;
        ssl_certificate_key $NGINX_TLS_KEY;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_prefer_server_ciphers off;
        ssl_session_cache shared:roost_tls:10m;
        ssl_session_timeout 1d;
        ssl_session_tickets off;
END
}

redirect_server() {
    local port=${listen##*:} suffix=''
    [[ -n $tls ]] || return 0
    if [[ $port != 443 ]]; then suffix=:$port; fi
    cat <<END

    server {
        listen ${NGINX_LISTEN_REDIRECT:-80};
        server_name $server_name;
        return 308 https://\$host$suffix\$request_uri;
    }
END
}

# headers-site.conf for the client, headers-docs.conf for Swagger UI, headers-error.conf for nginx's own JSON.
write_headers() {
    local common policy
    common='add_header X-Content-Type-Options nosniff always;
add_header X-Frame-Options DENY always;
add_header Referrer-Policy no-referrer always;
add_header Cross-Origin-Opener-Policy same-origin always;
add_header Permissions-Policy "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()" always;'
    if [[ -n $tls ]]; then
        common+=$'\nadd_header Strict-Transport-Security "max-age=31536000" always;'
    fi
    # In connect-src 'self' covers same-origin WebSockets too (CSP level 3).
    policy="default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    policy+=" font-src 'self'; manifest-src 'self'; media-src 'self' blob:; worker-src 'self'; frame-ancestors 'none';"
    policy+=" base-uri 'none'; form-action 'self'"
    printf '%s\nadd_header Content-Security-Policy "%s" always;\n' "$common" "$policy" >"$prefix/headers-site.conf"
    # Swagger UI writes style attributes; its scripts stay files of ours.
    printf '%s\nadd_header Content-Security-Policy "%s" always;\n' "$common" \
        "${policy/"style-src 'self'"/"style-src 'self' 'unsafe-inline'"}" >"$prefix/headers-docs.conf"
    printf '%s\n' "$common" 'add_header Cache-Control no-store always;' \
        "add_header X-Request-ID \$roost_request_id always;" >"$prefix/headers-error.conf"
}

main
