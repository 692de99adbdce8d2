#!/usr/bin/env bash
# Times git-ml's data side against git-lfs in the same run, and prints ratios. Needs git-lfs and both programs on PATH.
# usage: data.sh [FILES [MEGABYTES]]     (default: 2000 files of 4 KiB, one file of 256 MiB)
set -euo pipefail
files=${1:-2000} megabytes=${2:-256}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work GIT_CONFIG_NOSYSTEM=1
git config --global user.name bench && git config --global user.email bench@localhost && git config --global init.defaultBranch main

prepare() { # prepare TOOL: a repository that tracks data/** with it
    rm -rf "$work/$1" && git init -q "$work/$1" && cd "$work/$1" && mkdir data
    case $1 in
        lfs) git lfs install --local >/dev/null && git lfs track 'data/**' >/dev/null ;;
        mldata) git mldata install -q && git mldata track 'data/**' >/dev/null ;;
    esac
    git add .gitattributes && git commit -q -m start
}
seconds() { # seconds COMMAND: user + system time of it and its children
    local TIMEFORMAT='%U %S %R'
    { time eval "$1" >/dev/null 2>&1; } 2>&1 | awk '{printf "%.2f %.2f\n", $1 + $2, $3}'
}
declare -A cpu wall
measure() { read -r "cpu[$1]" "wall[$1]" < <(seconds "$2"); }
report() {
    awk -v n="$1" -v a="${cpu[mldata]}" -v b="${cpu[lfs]}" -v c="${wall[mldata]}" -v d="${wall[lfs]}" 'BEGIN {
        printf "%-34s %7.2f %7.2f %6.2f   %7.2f %7.2f %6.2f\n", n, a, b, a / (b + 1e-9), c, d, c / (d + 1e-9) }'
}
printf '%-34s %7s %7s %6s   %7s %7s %6s\n' '' 'CPU s' 'lfs' 'ratio' 'wall s' 'lfs' 'ratio'
for tool in mldata lfs; do
    prepare $tool
    for i in $(seq "$files"); do head -c 4096 /dev/urandom >"data/f$i"; done
    measure $tool 'git add data'
done
report "git add, $files x 4 KiB"
for tool in mldata lfs; do
    cd "$work/$tool" && git commit -q -m files && rm -rf data
    measure $tool 'git checkout -- data'
done
report "git checkout, $files x 4 KiB"
for tool in mldata lfs; do
    prepare $tool && head -c "${megabytes}M" /dev/urandom >data/big
    measure $tool 'git add data'
done
report "git add, $megabytes MiB"
for tool in mldata lfs; do
    cd "$work/$tool" && git commit -q -m big && rm data/big
    measure $tool 'git checkout -- data'
done
report "git checkout, $megabytes MiB"
for tool in mldata lfs; do
    cd "$work/$tool" && head -c 1M /dev/urandom >>data/big
    measure $tool 'git add data'
    printf '  store of %s after an append of 1 MiB: %s MiB\n' $tool "$(du -sm .git/$tool | cut -f1)"
done
report "git add after an append of 1 MiB"
