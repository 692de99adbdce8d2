#!/usr/bin/env bash
# CPU time of one start of git-mldata-filter, beside /bin/true and git-lfs: the mean of 200 starts, the best of three rounds.
set -euo pipefail
rounds() {
    local best=999 TIMEFORMAT='%U %S'
    for _ in 1 2 3; do
        # shellcheck disable=SC2034
        total=$({ time for _ in $(seq 200); do "$@" </dev/null >/dev/null 2>&1 || :; done; } 2>&1 | awk '{print ($1 + $2) * 1000 / 200}')
        best=$(awk -v a="$best" -v b="$total" 'BEGIN {print (b < a) ? b : a}')
    done
    printf '%-40s %s ms\n' "$*" "$best"
}
rounds /bin/true
rounds git-mldata-filter filter-process
command -v git-lfs >/dev/null && rounds git-lfs filter-process
