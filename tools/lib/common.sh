# Shared by tools/dev and the scripts under tools/: where things are, messages, root rights.
# Sourced, never run.

repo_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build_dir=$repo_root/build
invocation="$0 $*"

say() { printf '==> %s\n' "$*" >&2; }

die() {
  explained=yes
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [[ $(id -u) -eq 0 ]]; }

can_be_root() { is_root || { have sudo && sudo -n true 2>/dev/null; }; }

# Runs a command as root. Without root rights prints the one command to run and exits.
as_root() {
  if is_root; then
    "$@"
  elif can_be_root; then
    sudo -n "$@"
  else
    printf 'error: this needs root rights. Run this command, then try again:\n  sudo %s\n' "$*" >&2
    exit 1
  fi
}

# require_root PURPOSE: ends the script, naming the one command to run, if it cannot become root.
require_root() {
  can_be_root && return 0
  explained=yes
  printf 'error: %s needs root rights. Run:\n  sudo %s\n' "$1" "$invocation" >&2
  exit 1
}

# Commands that undo things when the script ends, quoted for eval, last registered first. Each runs
# even if another fails.
cleanup_actions=()

# at_exit COMMAND [ARGUMENT…]
at_exit() { cleanup_actions=("$(printf '%q ' "$@")" "${cleanup_actions[@]}"); }

run_cleanup() {
  local status=$? action
  # Nothing ends silently: `set -e` alone would not say what failed.
  if [[ -z ${explained:-} && ! $status =~ ^(0|129|130|143)$ ]]; then
    printf 'error: stopped, since this failed with status %s: %s\n' "$status" "$BASH_COMMAND" >&2
  fi
  trap '' INT TERM HUP
  trap - EXIT
  for action in "${cleanup_actions[@]}"; do
    eval "$action" || printf 'warning: cleanup step failed: %s\n' "$action" >&2
  done
  exit "$status"
}

install_traps() {
  trap run_cleanup EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# Go's name of this machine's architecture, as the Engine reports it.
go_arch() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    armv6l | armv7l) echo arm ;;
    *) uname -m ;;
  esac
}

# A short digest over the contents of files and the words given after `--`.
recipe_digest() {
  local files=()
  while [[ $# -gt 0 && $1 != -- ]]; do
    files+=("$1")
    shift
  done
  { cat "${files[@]}" && printf '%s\n' "$@"; } | sha256sum | cut -c1-16
}
