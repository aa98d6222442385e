#!/usr/bin/env bash
# Do the published packages build with the oldest compiler they promise, 1.85.0?
#
# The compiler is Debian's rustc-web and cargo-web of exactly that version. They are
# downloaded and unpacked into the target folder, with the libraries the system
# lacks; nothing is installed, so the machine's own Rust stays as it is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

wanted=1.85.0
home=$target/msrv
unpacked=$home/root

# The package version that carries the wanted compiler, newest first.
version_of() {
    apt-cache madison "$1" | awk -v wanted="$wanted" '$3 ~ "^" wanted "[+-]" { print $3; exit }'
}

fetch() {
    command -v apt-get >/dev/null || die "needs Debian's apt-get to fetch rustc-web $wanted"
    local version
    version=$(version_of rustc-web)
    if [ -z "$version" ]; then
        # Lists that are missing or stale; only root can renew them.
        apt-get -q update
        version=$(version_of rustc-web)
    fi
    [ -n "$version" ] || die "no rustc-web $wanted here; apt offers: $(apt-cache madison rustc-web | awk '{ printf "%s ", $3 }')"

    # What an installation would add is what has to be unpacked: the toolchain, its
    # standard library and those of its libraries that this system does not have.
    local plan
    plan=$(
        apt-get --simulate --no-install-recommends install \
            "rustc-web=$version" "cargo-web=$version" \
            "libstd-rust-web-dev=$version" "libstd-rust-web-1.85=$version" |
            awk '$1 == "Inst" {
                for (i = 3; i <= NF; i++) if ($i ~ /^\(/) { print $2 "=" substr($i, 2); break }
            }'
    )
    grep -q '^rustc-web=' <<<"$plan" || die "apt would not install rustc-web=$version; remove the installed one or run elsewhere"

    # Unpacked beside its place and moved there when it is whole.
    rm -rf "$home/debs" "$home/part" "$unpacked"
    mkdir -p "$home/debs" "$home/part"
    (
        cd "$home/debs"
        # shellcheck disable=SC2086 # one word for each package
        apt-get -q download $plan
        for deb in *.deb; do
            dpkg -x "$deb" "$home/part"
        done
    )
    mv "$home/part" "$unpacked"
    rm -rf "$home/debs"
}

rustc=$unpacked/usr/bin/rustc
cargo=$unpacked/usr/bin/cargo
[ -x "$rustc" ] && [ -x "$cargo" ] || fetch

libraries=$(find "$unpacked/usr/lib" "$unpacked/lib" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
old() {
    # Not exported: the machine's own cargo and compiler must not see these libraries.
    env -u RUSTUP_TOOLCHAIN LD_LIBRARY_PATH="$libraries" RUSTC="$rustc" CARGO_TARGET_DIR="$home/build" "$@"
}

found=$(old "$rustc" --version)
echo "$found"
case $found in
    "rustc $wanted "*) ;;
    *) die "wanted rustc $wanted" ;;
esac
old "$cargo" --version

checked=0
for package in $(published); do
    old "$cargo" check --locked -p "$package"
    checked=$((checked + 1))
done
report "$checked" 0 0
