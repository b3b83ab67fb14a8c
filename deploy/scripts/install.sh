#!/usr/bin/env bash
# Installs what Roost needs on Debian 12 or Ubuntu. Usage: install.sh [run|test]
# Looks first and calls apt-get and pip only for what is missing, so a second run is instant.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly purpose=${1:-run}
readonly swift_needed=6.2
readonly venv=$ROOST_TOOLS/venv
readonly policy=/usr/sbin/policy-rc.d

run_packages=(
    libpq-dev libhiredis-dev libssl-dev libcrypt-dev pkg-config nginx redis-server postgresql node-react node-react-dom
    node-typescript esbuild node-markdown-it node-dompurify curl openssl ca-certificates make util-linux unzip python3-pip
)
test_packages=(libnginx-mod-nchan chromium wrk libnss3)

main() {
    case $purpose in
        run | test) ;;
        *) die "unknown purpose '$purpose'; usage: install.sh [run|test]" ;;
    esac
    check_swift
    install_packages
    install_swagger_ui
    if [[ $purpose == test ]]; then install_test_tools; fi
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
    local wanted=("${run_packages[@]}") package
    if [[ $purpose == test ]]; then
        wanted+=("${test_packages[@]}")
        # Debian splits ensurepip out of python3; a python from elsewhere (pyenv) brings its own.
        python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
    fi
    for package in "${wanted[@]}"; do
        # Ubuntu has Chromium only as a snap, which does not work in containers: Playwright brings one there instead.
        if [[ $package == chromium ]] && { have chromium || is_ubuntu; }; then continue; fi
        is_installed "$package" || echo "$package"
    done
}

is_ubuntu() { grep -qs '^ID=ubuntu' /etc/os-release; }

install_packages() {
    have dpkg-query || die "this is not Debian or Ubuntu (no dpkg); install these by hand: ${run_packages[*]}"
    local missing
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
    if [[ ! -x $venv/bin/pytest || ! -x $venv/bin/playwright ]]; then
        step "test tools from PyPI" create_venv || die "cannot install playwright and pytest from PyPI; see above"
    fi
    if is_ubuntu && ! have chromium && ! compgen -G "$HOME/.cache/ms-playwright/chromium-*" >/dev/null; then
        step "Chromium from Playwright" "$venv/bin/playwright" install --with-deps chromium ||
            die "Playwright cannot install its Chromium; see above"
    fi
}

create_venv() {
    mkdir -p "$ROOST_TOOLS" && python3 -m venv --clear "$venv" &&
        "$venv/bin/python" -m pip install --quiet playwright pytest
}

main
