#!/usr/bin/env bash
# demo_repo.sh DIRECTORY: makes the bare git repository DIRECTORY of examples/dind-tls with a static
# BusyBox in it, and prints the commit. Branch main and refs/pipelines/1 name that commit; any git
# HTTP server can serve it, a plain file server too.
set -euo pipefail
source "$(cd "$(dirname "$0")" && pwd -P)/common.sh"

[[ $# -eq 1 ]] || die "usage: demo_repo.sh DIRECTORY"
target=$1
example=$repo_root/examples/dind-tls
[[ ! -e $target ]] || die "$target exists already"

static_busybox() {
  local path
  path=$(command -v busybox) || die "busybox is missing (package busybox-static)"
  # A dynamic one could not run in an image that has nothing else.
  if LC_ALL=C ldd "$path" >/dev/null 2>&1; then
    die "$path is not statically linked (install the package busybox-static)"
  fi
  echo "$path"
}

work=$(mktemp -d)
at_exit rm -rf "$work"
install_traps

# The same commit every time, whatever the user's git configuration is.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME='slipway demo' GIT_AUTHOR_EMAIL=demo@example.com
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'

busybox_path=$(static_busybox)
cp -R "$example/." "$work/"
# Both are about the example, not part of the project.
rm -f "$work/job.json.in" "$work/README.md"
install -m 755 "$busybox_path" "$work/busybox"
git -C "$work" init --quiet --initial-branch main
git -C "$work" add --all
git -C "$work" commit --quiet --message 'Docker-in-Docker with TLS, as documented'
sha=$(git -C "$work" rev-parse HEAD)

git clone --quiet --bare "$work" "$target"
git -C "$target" update-ref refs/pipelines/1 "$sha"
git -C "$target" remote remove origin
git -C "$target" update-server-info
echo "$sha"
