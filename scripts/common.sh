# shellcheck shell=bash
# Read by the scripts beside it, which run with `set -euo pipefail` in the root of the repository.
#
# No pipe here ends in a command that leaves before its input does, such as `grep -q` or `head`: whoever writes into
# it may then die of SIGPIPE, and the whole pipe counts as failed. tests/scripts.rs refuses one.

run() {
    echo "+ $*" >&2
    "$@"
}

has() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || return 1
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        run "$@"
    else
        run sudo "$@"
    fi
}

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# Whether apt-get can install a package, by the lists it has.
has_candidate() {
    local policy
    policy=$(LC_ALL=C apt-cache policy "$1")
    [[ $policy == *'Candidate: '[0-9]* ]]
}

# Sets `cross` to the command that runs cargo for a target, and `standard_library` to where that of the target is from:
# rustup, or the sources in Debian's packages rustc-web and rust-web-src. False if neither has it; `standard_library`
# then says why.
for_target() { # TARGET CARGO_ARGUMENTS...
    local target=$1 rustc=/usr/bin/rustc needed version
    shift
    cross=(cargo "$@" --release --target "$target")
    if has rustup && rustup target add "$target" >/dev/null 2>&1; then
        standard_library='std from rustup'
        return
    fi
    standard_library='rustup cannot fetch its standard library'
    if ! has $rustc || ! compgen -G '/usr/src/rustc-*/' >/dev/null; then
        standard_library+=', and rustc-web and rust-web-src are not installed'
        return 1
    fi
    needed="rustc $(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)"
    version=$($rustc --version)
    if ! sort -VC <<<"$needed"$'\n'"$version"; then
        standard_library+=", and $rustc is $version, older than $needed"
        return 1
    fi
    cross=(env "RUSTC=$rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=target/cross CARGO_PROFILE_RELEASE_PANIC=abort
        "${cross[@]}" -Z 'build-std=std,panic_abort')
    standard_library="std from source, $version"
}
