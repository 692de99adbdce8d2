#!/bin/sh
# Builds git-ml and installs it. Safe to run again; `--uninstall` takes everything back.
set -eu

usage() {
    cat <<'END'
usage: ./install.sh [--prefix DIR] [--demo] [--no-config] [--uninstall]

  --prefix DIR   where to install (default: ~/.local)
  --demo         show git-ml at work on real film reviews afterwards (under five minutes)
  --no-config    do not set up the filters in ~/.gitconfig
  --uninstall    remove what was installed, and the filters from ~/.gitconfig

DESTDIR is honoured for packagers (and implies --no-config).
END
}

prefix=${HOME:?HOME is not set}/.local
demo=no config=yes uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) [ $# -ge 2 ] || { usage >&2; exit 129; }; prefix=$2; shift ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        --demo) demo=yes ;;
        --no-config) config=no ;;
        --uninstall) uninstall=yes ;;
        -h | --help) usage; exit 0 ;;
        *) printf 'fatal: unknown option %s\n' "$1" >&2; usage >&2; exit 129 ;;
    esac
    shift
done
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
[ -z "${DESTDIR:-}" ] || config=no
root=${DESTDIR:-}$prefix
manifest=$root/share/git-ml/manifest
programs='git-mldata git-mldata-filter git-mlrun git-mlexplain'

say() { printf '%s\n' "$*"; }
fail() { printf 'fatal: %s\n' "$1" >&2; shift; for hint; do printf 'hint: %s\n' "$hint" >&2; done; exit 128; }

# --- uninstall -------------------------------------------------------------------------------------------------------
if [ $uninstall = yes ]; then
    [ -f "$manifest" ] || fail "git-ml is not installed under '$root'" "name the prefix you gave: ./install.sh --uninstall --prefix DIR"
    if [ $config = yes ] && [ -x "$root/bin/git-mldata" ]; then
        "$root/bin/git-mldata" uninstall --global -q && say "removed   the filters from the user's Git configuration"
    fi
    while IFS= read -r file; do rm -f "$root/$file"; done <"$manifest"
    rm -f "$manifest"
    # Folders that are empty now were most likely ours; rmdir leaves all others alone.
    # (share/bin is an empty one that the Swift package manager makes.)
    for folder in share/bin share/git-ml/hooks share/git-ml/reviews share/git-ml share/man/man1 share/man \
        share/bash-completion/completions share/bash-completion share/zsh/site-functions share/zsh \
        share/fish/vendor_completions.d share/fish share bin; do
        rmdir "$root/$folder" 2>/dev/null || :
    done
    rmdir "$root" 2>/dev/null || :
    say "removed   git-ml from $root"
    exit 0
fi

# --- what must be there ----------------------------------------------------------------------------------------------
cd "$(dirname "$0")"
command -v swift >/dev/null 2>&1 ||
    fail "Swift is not installed, or not on PATH" "install Swift 6.2 or newer from swift.org, then run ./install.sh again"
swift_version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
case $swift_version in
    6.[01] | [0-5].*) fail "Swift $swift_version is too old" "git-ml needs Swift 6.2 or newer, from swift.org" ;;
    '') fail "cannot tell the version of '$(command -v swift)'" "does 'swift --version' work?" ;;
esac

needed=''
for package in git pkg-config libgit2-dev libarchive-dev libcurl4-openssl-dev libopenblas-dev libzstd-dev; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || :) in
        *' installed') ;;
        *)  # git may come from elsewhere than Debian
            [ "$package" = git ] && command -v git >/dev/null 2>&1 || needed="$needed $package" ;;
    esac
done
if [ -n "$needed" ]; then
    command -v apt-get >/dev/null 2>&1 || fail "these packages are missing:$needed" "install them with your system's package manager"
    root_command=''
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || fail "these packages are missing:$needed" "as root: apt-get install$needed"
        root_command=sudo
        say "Root is needed to install these Debian packages:$needed"
    else
        say "Installing Debian packages:$needed"
    fi
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words is what is wanted
    { $root_command apt-get update -q && $root_command env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $needed; } >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; fail "apt-get could not install:$needed" "the whole log is in $log"; }
    rm -f "$log"
fi

git_version=$(git --version | sed -n 's/git version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
set -- $git_version
[ $# -eq 2 ] || fail "cannot tell the version of git"
[ "$1" -gt 2 ] || { [ "$1" -eq 2 ] && [ "$2" -ge 30 ]; } || fail "git $1.$2 is too old" "git-ml needs git 2.30 or newer"

# --- build -----------------------------------------------------------------------------------------------------------
say "Building in release mode (the first time takes a few minutes) …"
log=$(mktemp)
swift build -c release --static-swift-stdlib --scratch-path .build-release >"$log" 2>&1 &
build=$!
trap 'kill $build 2>/dev/null || :; exit 130' INT TERM
while kill -0 $build 2>/dev/null; do
    [ -t 2 ] && printf '\r\033[K%s' "$(tail -n 1 "$log" | cut -c1-100)" >&2
    sleep 1
done
[ -t 2 ] && printf '\r\033[K' >&2
wait $build || { grep -E 'error' "$log" | head -n 10 >&2; fail "the build failed" "the whole log is in $log"; }
trap - INT TERM
rm -f "$log"
built=.build-release/release

# --- install ---------------------------------------------------------------------------------------------------------
new_manifest=$(mktemp)
put() { # put SOURCE TARGET MODE
    mkdir -p "$root/$(dirname "$2")"
    # Beside, then rename: a running program is never cut.
    cp "$1" "$root/$2.new"
    chmod "$3" "$root/$2.new"
    mv -f "$root/$2.new" "$root/$2"
    printf '%s\n' "$2" >>"$new_manifest"
}
generated=$(mktemp -d)
for program in $programs; do
    cp "$built/$program" "$generated/$program"
    strip "$generated/$program" 2>/dev/null || :
    put "$generated/$program" "bin/$program" 755
done
for program in git-mldata git-mlrun git-mlexplain; do
    "$built/$program" --generate-man-pages "$generated/man"
    "$built/$program" --generate-completion bash >"$generated/$program.bash"
    "$built/$program" --generate-completion zsh >"$generated/$program.zsh"
    "$built/$program" --generate-completion fish >"$generated/$program.fish"
    put "$generated/$program.bash" "share/bash-completion/completions/$program" 644
    put "$generated/$program.zsh" "share/zsh/site-functions/_$program" 644
    put "$generated/$program.fish" "share/fish/vendor_completions.d/$program.fish" 644
done
for page in "$generated"/man/*.1; do put "$page" "share/man/man1/$(basename "$page")" 644; done
for hook in hooks/*; do put "$hook" "share/git-ml/$hook" 755; done
for file in Examples/reviews/*; do put "$file" "share/git-ml/reviews/$(basename "$file")" 755; done
rm -rf "$generated"
mv -f "$new_manifest" "$manifest"
chmod 644 "$manifest"
say "installed git-mldata, git-mlrun, git-mlexplain  in $root/bin"
say "installed man pages, completions, hooks         in $root/share"
if [ $config = yes ]; then
    "$root/bin/git-mldata" install --global -q
    say "set up    the filters                           in the user's Git configuration"
fi
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) say "note: $prefix/bin is not on your PATH; add it:  export PATH=\"$prefix/bin:\$PATH\"" ;;
esac

if [ $demo = yes ]; then
    PATH=$root/bin:$PATH
    export PATH
    exec "$root/share/git-ml/reviews/demo.sh"
fi
say "Done. See the idea at work:  ./install.sh --demo"
