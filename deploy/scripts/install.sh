#!/usr/bin/env bash
# Installs what Roost needs on Debian 12 or Ubuntu. Usage: install.sh [run|test|build|runtime-NAME]
#
#   run          to build it and run it here (default)
#   test         and to test and measure it
#   build        to build it only: the first stage of deploy/docker/Dockerfile
#   runtime-NAME what an image of the Dockerfile needs: api, gateway, media, web, turn, secrets (Debian 12)
#
# Looks first and calls apt-get and pip only for what is missing, so a second run is instant.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly purpose=${1:-run}
readonly swift_needed=6.2
readonly venv=$ROOST_TOOLS/venv
readonly policy=/usr/sbin/policy-rc.d

# Modules of the tests' Python, and the names under which PyPI has them.
readonly test_modules=(playwright pytest aiortc websockets yaml socketio websocket)
readonly test_wheels=(playwright pytest aiortc websockets PyYAML 'python-socketio[client]')

# packages PURPOSE: their names in Debian, separated by spaces and lines.
packages() {
    case $1 in
        build) echo 'libpq-dev libhiredis-dev libssl-dev libcrypt-dev libsrtp2-dev libopus-dev zlib1g-dev pkg-config node-react node-react-dom
            node-typescript esbuild node-markdown-it node-dompurify curl ca-certificates make unzip python3-pip' ;;
        run) echo "$(packages build) nginx redis-server postgresql coturn openssl util-linux" ;;
        test) echo "$(packages run) libnginx-mod-nchan chromium firefox-esr janus node-ws wrk libnss3 iproute2 ffmpeg" ;;
        runtime-api) echo 'libpq5 libhiredis0.14 libssl3 libcrypt1 libstdc++6 ca-certificates curl' ;;
        runtime-gateway) echo 'libhiredis0.14 libssl3 zlib1g libstdc++6 ca-certificates curl' ;;
        runtime-media) echo 'libhiredis0.14 libssl3 libsrtp2-1 libopus0 libstdc++6 ca-certificates curl' ;;
        runtime-web) echo 'nginx curl util-linux' ;;
        runtime-turn) echo 'coturn' ;;
        runtime-secrets) echo 'openssl' ;;
        *) die "unknown purpose '$1'; there are: run, test, build, runtime-api|gateway|media|web|turn|secrets" ;;
    esac
}

main() {
    install_packages
    case $purpose in
        run | build) install_swagger_ui ;;
        test)
            install_swagger_ui
            install_test_tools
            ;;
    esac
    say "everything for '$purpose' is here"
}

# Swift comes from swift.org, not from apt, and choosing a toolchain is the person's business: say what to do.
check_swift() {
    local how="get Swift $swift_needed or newer from https://www.swift.org/install/linux and run this again"
    have swift || die "swift is not in PATH: $how"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [[ -n $version ]] || die "'swift --version' did not answer: $how"
    [[ $(printf '%s\n' "$swift_needed" "$version" | sort -V | head -n 1) == "$swift_needed" ]] ||
        die "Swift $version is too old: $how"
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Prints the packages that are not installed, one on a line.
missing_packages() {
    local wanted package
    # shellcheck disable=SC2207 # Names of packages have no spaces.
    wanted=($(packages "$purpose"))
    # Debian splits ensurepip out of python3; a python from elsewhere (pyenv) brings its own.
    if [[ $purpose == test ]] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then wanted+=(python3-venv); fi
    for package in "${wanted[@]}"; do
        case $package in
            # Ubuntu has Chromium only as a snap, which does not work in containers: Playwright brings one there instead.
            chromium) if have chromium || is_ubuntu; then continue; fi ;;
            # Firefox too, and Playwright's is patched: the tests that need a real one skip themselves without it.
            firefox-esr) if is_ubuntu; then continue; fi ;;
        esac
        is_installed "$package" || echo "$package"
    done
}

is_ubuntu() { grep -qs '^ID=ubuntu' /etc/os-release; }

install_packages() {
    local missing list
    # Here, where a purpose that does not exist ends the script.
    list=$(packages "$purpose")
    # shellcheck disable=SC2086 # One line, whatever the table looks like.
    have dpkg-query || die "this is not Debian or Ubuntu (no dpkg); install these by hand:" $list
    if [[ $purpose != runtime-* ]]; then check_swift; fi
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0

    as_root=()
    if ((EUID != 0)); then
        have sudo || die "${#missing[@]} packages are missing and you are neither root nor have sudo;" \
            "as root: apt-get install --no-install-recommends ${missing[*]}"
        as_root=(sudo)
        # Asked for here, where it can be seen; the steps below hide their output.
        sudo -v || die "sudo refused; as root: apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "missing: ${missing[*]}"
    forbid_service_starts
    step "package lists" apt_get update || step "package lists, once more" apt_get update ||
        die "apt-get update does not work; see above"
    step "${#missing[@]} packages" apt_get install --yes --no-install-recommends "${missing[@]}" ||
        die "apt-get install did not work; see above"
    allow_service_starts
    disable_services
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}

# Debian starts a service when its package is installed. Roost runs its own private ones, and a PostgreSQL or nginx that
# appears on 5432 or 80 because of us would be a surprise. An existing policy is somebody's decision and stays.
forbid_service_starts() {
    if [[ -e $policy ]]; then return; fi
    trap allow_service_starts EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
}

# The next boot would start them too. The others' system services listen elsewhere than ours; coturn and Janus, which come
# for the private stack and the benchmarks only, would take the very ports.
disable_services() {
    local service
    have systemctl || return 0
    for service in coturn janus; do
        if [[ " ${missing[*]} " == *" $service "* ]]; then "${as_root[@]}" systemctl disable --quiet "$service" || true; fi
    done
}

allow_service_starts() {
    if [[ ${policy_is_ours:-no} == yes ]]; then
        "${as_root[@]}" rm -f "$policy"
        policy_is_ours=no
    fi
}

# The API's pages under /docs show Swagger UI from our own origin; PyPI's wheel carries its built files.
install_swagger_ui() {
    local target=$ROOST_TOOLS/swagger-ui
    if [[ -f $target/swagger-ui-bundle.js && -f $target/swagger-ui.css ]]; then return; fi
    step "Swagger UI" fetch_swagger_ui "$target" || die "cannot fetch the wheel drf-spectacular-sidecar from PyPI; see above"
}

# Called by `step` on the left of `||`, where bash ignores `set -e`: hence the explicit chain.
fetch_swagger_ui() {
    local target=$1 scratch distribution
    mkdir -p "$ROOST_TOOLS" && scratch=$(mktemp -d "$ROOST_TOOLS/swagger-ui.XXXXXX") || return 1
    # This wheel carries Swagger UI 5, the first that renders OpenAPI 3.1.
    distribution=$scratch/wheel/drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist
    python3 -m pip download --quiet --no-deps --dest "$scratch" drf-spectacular-sidecar &&
        unzip -q "$scratch"/drf_spectacular_sidecar-*.whl -d "$scratch/wheel" &&
        [[ -f $distribution/swagger-ui-bundle.js && -f $distribution/swagger-ui.css ]] &&
        rm -rf "$target" && mv "$distribution" "$target"
    local status=$?
    rm -rf "$scratch"
    return "$status"
}

install_test_tools() {
    if ! has_test_modules; then
        step "test tools from PyPI" fill_venv || die "cannot install ${test_wheels[*]} from PyPI; see above"
    fi
    if is_ubuntu && ! have chromium && ! compgen -G "$HOME/.cache/ms-playwright/chromium-*" >/dev/null; then
        step "Chromium from Playwright" "$venv/bin/playwright" install --with-deps chromium ||
            die "Playwright cannot install its Chromium; see above"
    fi
}

# Looked for, not imported: that takes a second.
has_test_modules() {
    "$venv/bin/python" - "${test_modules[@]}" 2>/dev/null <<'END'
import importlib.util, sys
sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))
END
}

# An environment of an earlier version of this script is completed; one whose Python is gone is made anew.
fill_venv() {
    mkdir -p "$ROOST_TOOLS" || return 1
    if ! "$venv/bin/python" -m pip --version; then python3 -m venv --clear "$venv" || return 1; fi
    "$venv/bin/python" -m pip install --quiet "${test_wheels[@]}"
}

main
