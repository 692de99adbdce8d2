#!/usr/bin/env bash
# Chunking, hashing and compression beside the machine's own rates. Needs openssl and zstd.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build -c release --product store-rates 2>&1 | grep -E 'error' && exit 1
.build/release/store-rates
printf '%-34s ' "openssl speed sha256, 64 KiB"
openssl speed -bytes 65536 -seconds 3 -evp sha256 2>/dev/null | awk '/^sha256|^SHA256/ {sub("k", "", $2); printf "%d MB/s\n", $2 / 1000}'
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
head -c 256M /dev/urandom >"$work/random"
tr -dc 'a-m' </dev/urandom 2>/dev/null | head -c 256M >"$work/text" || :
for kind in random text; do
    printf '%-34s ' "zstd -b3 -B64K, $kind"
    zstd -q -b3 -i3 -B65536 "$work/$kind" 2>&1 | tr '\r' '\n' | grep -o '[0-9.]* MB/s' | head -n 1
done
