#!/usr/bin/env bash
# Builds the browser client into Services/Web/build (default), or checks its types and runs its unit tests (web.sh check).
# Takes TypeScript, React and esbuild from Debian's packages; takes seconds and may run again at any time.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly web=$ROOT/Services/Web
readonly source=$web/source
export NODE_PATH=/usr/share/nodejs

# Made beside the build and swapped in whole: a reload during a build never finds half a client.
build() {
    local next=$web/build.next start=$SECONDS
    rm -rf "$next"
    mkdir -p "$next/docs"
    bundle "$source/views/main.tsx" "$next/assets" --entry-names='[name]-[hash]'
    bundle "$source/styles/main.css" "$next/assets" --entry-names='[name]-[hash]'
    bundle "$source/worklets/voiceGate.ts" "$next" --entry-names=voice-gate
    cp "$source"/assets/* "$next/"
    write_page "$next"
    bundle_docs "$next/docs"
    rm -rf "$web/build"
    mv "$next" "$web/build"
    say "built $(du -sh --exclude=docs "$web/build" | cut -f1) into Services/Web/build, $(elapsed "$start")"
}

# Debian's security patch of DOMPurify (2.4.1+deb12u1) reads the depth of a shadowNode that does not exist there, and
# throws. The loop after it checks the depth of every node, so the stray check may see a thing without depth.
bundle() {
    local entry=$1 directory=$2
    shift 2
    esbuild "$entry" --bundle --minify --target=es2021 --jsx=automatic --sourcemap --log-level=warning \
        --alias:punycode="$source/views/punycode.ts" --define:shadowNode=0 --define:process.env.NODE_ENV='"production"' --outdir="$directory" "$@"
}

# The page names its script and style by their hashes, so they may be cached for good.
write_page() {
    local directory=$1 script style page
    script=$(basename "$directory"/assets/main-*.js)
    style=$(basename "$directory"/assets/main-*.css)
    page=$(<"$source/index.html")
    page=${page//"{{script}}"/"/assets/$script"}
    printf '%s\n' "${page//"{{style}}"/"/assets/$style"}" >"$directory/index.html"
}

bundle_docs() {
    local directory=$1 file
    bundle "$source/docs/docs.ts" "$directory"
    bundle "$source/docs/docs.css" "$directory"
    cp "$source/docs/index.html" "$directory/"
    for file in "$ROOST_TOOLS"/swagger-ui/swagger-ui{.css,-bundle.js}; do
        if [[ -f $file ]]; then cp "$file" "$directory/"; else warn "no ${file##*/}: run make install for /docs"; fi
    done
    for file in "$web"/docs/{openapi,asyncapi}.json; do
        if [[ -f $file ]]; then cp "$file" "$directory/"; else warn "no ${file##*/}: run make contracts for /docs"; fi
    done
}

check() {
    local tests
    tsc --project "$web/tsconfig.json"
    tests=$(mktemp -d)
    # shellcheck disable=SC2064 # The directory is known now.
    trap "rm -rf '$tests'" EXIT
    esbuild "$ROOT"/Tests/Web/*.test.ts --bundle --platform=node --log-level=warning --outdir="$tests"
    ROOST_FIXTURES=$ROOT/Tests/Fixtures node --test "$tests"
}

for command in esbuild tsc node; do have "$command" || die "there is no $command; run make install"; done
case ${1:-build} in
build) build ;;
check) check ;;
*) die "there is no command '$1'; there are: build, check" ;;
esac
