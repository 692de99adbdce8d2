#!/usr/bin/env bash
# Installs into an empty home, uses what was installed, and takes it all back.
set -euo pipefail
package=$(cd "$(dirname "$0")/.." && pwd)
cd "$package"
# Built with the user's own home first: the package manager's cache must outlive the empty one below.
swift build -c release --static-swift-stdlib --scratch-path .build-release >/dev/null
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
unset XDG_CONFIG_HOME
export HOME=$home GIT_CONFIG_NOSYSTEM=1
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

./install.sh >"$home/log" || { cat "$home/log"; fail "install.sh"; }
cat "$home/log"
./install.sh >"$home/log" || fail "a second install.sh"
export PATH=$home/.local/bin:$PATH
git mldata --version >/dev/null && git mlrun --version >/dev/null && git mlexplain --version >/dev/null || fail "programs"
man -w git-mldata >/dev/null && man -w git-mldata-add >/dev/null || fail "man pages"
git mldata --help >/dev/null || fail "git mldata --help"
bash -n "$home/.local/share/bash-completion/completions/git-mldata" || fail "bash completion"
[ "$(git config --global filter.mldata.required)" = true ] || fail "global filter"
# What git starts for every add and checkout must stay small: no network, no libgit2.
! ldd "$home/.local/bin/git-mldata-filter" | grep -E 'libgit2|libcurl|libarchive|Foundation' || fail "filter links too much"

cd "$home"
git config --global user.name T && git config --global user.email t@example.com
git init -q --bare -b main r.git && git init -q -b main a && cd a
git remote add origin "$home/r.git" && git mldata track '*.bin' >/dev/null
head -c 3000000 /dev/urandom >x.bin
git add -A && git commit -q -m x && git push -q -u origin main
git clone -q "$home/r.git" ../b && cmp x.bin ../b/x.bin || fail "round trip"

# A missing Swift is one clear line.
mkdir "$home/bare" && for tool in sh dirname cat sed head; do ln -s "$(command -v $tool)" "$home/bare/$tool"; done
if PATH=$home/bare "$package/install.sh" 2>"$home/log"; then fail "install.sh without Swift"; fi
grep -q '^fatal: Swift is not installed' "$home/log" || fail "the message without Swift: $(cat "$home/log")"

cd "$package"
./install.sh --uninstall >/dev/null || fail "uninstall"
[ -z "$(find "$home/.local" -type f 2>/dev/null)" ] || fail "uninstall left files: $(find "$home/.local" -type f)"
[ -z "$(git config --global --get-regexp '^filter\.mldata' || :)" ] || fail "uninstall left the filters"
[ ! -e "$home/.local" ] || fail "uninstall left folders: $(find "$home/.local")"
echo "1 installation test passed, 0 failed"
