#!/bin/sh
# Gives the classes names and takes the line-break tags out.
set -eu
mkdir -p "$2"
tab=$(printf '\t')
for file in "$1"/*.tsv; do
    sed -e "s/^0$tab/neg$tab/" -e "s/^1$tab/pos$tab/" -e 's/<br \/>/ /g' "$file" >"$2/$(basename "$file")"
done
