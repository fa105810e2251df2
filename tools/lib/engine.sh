# The Docker Engine for demo, tests and bench. In order: the Engine that DOCKER_HOST or else
# /var/run/docker.sock names, if it answers; else one of our own under build/engine, with its own
# data root, so that a system Engine is never touched. Sets and exports DOCKER_HOST.
#
# Several scripts may use our Engine at once: each holds a shared lock on build/engine/users.lock,
# and the last one to end stops the Engine. Its data root stays, so the next start is fast.

engine_dir=$build_dir/engine
engine_data=$engine_dir/data
engine_log=$engine_dir/dockerd.log
engine_is_ours=no
engine_start_limit=60 # seconds
engine_stop_limit=40  # seconds; dockerd gives running containers 15 of them

# Sets `engine_transport` (curl's options) and `engine_base` for an address in DOCKER_HOST's form.
engine_address() {
  engine_transport=(--silent --show-error --noproxy '*')
  case $1 in
    unix://*)
      engine_transport+=(--unix-socket "${1#unix://}")
      engine_base=http://engine
      ;;
    tcp://*)
      engine_base=http://${1#tcp://}
      if [[ -n ${DOCKER_TLS_VERIFY:-} ]]; then
        local certs=${DOCKER_CERT_PATH:-$HOME/.docker}
        engine_base=https://${1#tcp://}
        engine_transport+=(--cacert "$certs/ca.pem" --cert "$certs/cert.pem" --key "$certs/key.pem")
      fi
      ;;
    *) die "DOCKER_HOST=$1 is not supported here; use a unix:// or tcp:// address" ;;
  esac
}

engine_answers() {
  engine_address "$1"
  [[ $(curl "${engine_transport[@]}" --max-time 5 "$engine_base/_ping" 2>/dev/null) == OK ]]
}

# engine_api PATH [curl options]: a request to the chosen Engine; fails on an error status.
engine_api() {
  engine_address "$DOCKER_HOST"
  curl "${engine_transport[@]}" --fail-with-body "${@:2}" "$engine_base$1"
}

# True if an Engine that is not ours answers; exports its address.
find_engine() {
  local address=${DOCKER_HOST:-unix:///var/run/docker.sock}
  if engine_answers "$address"; then
    export DOCKER_HOST=$address
    return 0
  fi
  local socket=${address#unix://}
  if [[ -S $socket && ! -w $socket ]]; then
    die "no permission to use the Docker Engine at $socket; run: sudo usermod -aG docker $(id -un)" \
      "(and log in again)"
  fi
  [[ -z ${DOCKER_HOST:-} ]] || say "the Docker Engine at DOCKER_HOST=$DOCKER_HOST does not answer"
  return 1
}

# The packages for an Engine of our own, where no Engine answers.
setup_engine() {
  find_engine && return 0
  if have dpkg-query; then
    install_packages "${engine_packages[@]}"
  else
    have_dockerd || die "no Docker Engine answers and dockerd is not installed; install and start" \
      "Docker, or set DOCKER_HOST"
  fi
}

have_dockerd() { PATH=$PATH:/usr/sbin:/sbin have dockerd; }

# Makes sure an Engine answers at $DOCKER_HOST.
use_engine() {
  if find_engine; then
    say "using the Docker Engine at $DOCKER_HOST"
    return 0
  fi
  setup_engine
  require_root 'starting a Docker Engine'
  mkdir -p "$engine_dir"
  exec {engine_users}>"$engine_dir/users.lock" {engine_starting}>"$engine_dir/start.lock"
  flock --shared "$engine_users"
  flock --timeout $((engine_start_limit * 2)) "$engine_starting" ||
    die "another script has been starting an Engine under $engine_dir for too long"
  engine_is_ours=yes
  at_exit stop_engine
  start_engine
  flock --unlock "$engine_starting"
}

# A directory for sockets, short enough for their limit of 107 bytes: containerd's are the longest.
engine_choose_run_dir() {
  local longest=/containerd/containerd-debug.sock
  engine_run=$engine_dir/run
  if ((${#engine_run} + ${#longest} > 107)); then
    if [[ -L $engine_run && -d $engine_run ]]; then
      engine_run=$(readlink "$engine_run")
    else
      engine_run=$(mktemp -d)
      ln -sfn "$engine_run" "$engine_dir/run"
    fi
  fi
  mkdir -p "$engine_run"
}

engine_pid() {
  local pid
  pid=$(cat "$engine_run/dockerd.pid" 2>/dev/null) || return 1
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] && echo "$pid"
}

start_engine() {
  engine_choose_run_dir
  local address=unix://$engine_run/docker.sock
  if engine_pid >/dev/null; then
    wait_for_engine "$address"
    say "using the Docker Engine that another script started at $address"
  else
    refuse_second_engine
    clear_leftovers
    say "starting a Docker Engine of our own at $address"
    launch_dockerd "$address"
    wait_for_engine "$address"
  fi
  export DOCKER_HOST=$address
  unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT
}

# Two Engines in one network namespace would share the bridge docker0, its addresses and its rules,
# unless one of them was given a bridge of its own.
refuse_second_engine() {
  local process pid namespace
  namespace=$(readlink /proc/self/ns/net)
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    [[ $(cat "$process/comm" 2>/dev/null) == dockerd ]] || continue
    [[ $(as_root readlink "$process/ns/net" 2>/dev/null) == "$namespace" ]] || continue
    ! tr '\0' '\n' <"$process/cmdline" | grep --quiet -E -e '^(--bridge|-b)' || continue
    die "another dockerd (process $pid) runs here, but does not answer at" \
      "${DOCKER_HOST:-/var/run/docker.sock}; set DOCKER_HOST to its address, or stop it"
  done
}

# CAP_SYS_RESOURCE is bit 24; see tools/images/hostcaps-runc.
root_lacks_sys_resource() {
  local effective
  effective=$(as_root awk '/^CapEff:/ { print $2 }' /proc/self/status)
  ((!(16#$effective >> 24 & 1)))
}

launch_dockerd() {
  local options=(
    --host "$1" --group "$(id -gn)" --config-file "$engine_dir/daemon.json"
    --data-root "$engine_data" --exec-root "$engine_run" --pidfile "$engine_run/dockerd.pid"
    --containerd-namespace slipway --containerd-plugins-namespace slipway-plugins
  )
  if root_lacks_sys_resource; then
    # Copied, so that no character of the checkout's path can confuse dockerd.
    as_root install -m 755 "$repo_root/tools/images/hostcaps-runc" "$engine_run/hostcaps-runc"
    options+=(--add-runtime "hostcaps=$engine_run/hostcaps-runc" --default-runtime hostcaps)
  fi
  # A configuration of its own: the system's may name the same settings, and dockerd refuses that.
  echo '{}' >"$engine_dir/daemon.json"
  as_root rm -f "$engine_run/dockerd.pid"
  # Not as_root: started from a function, $! would be a shell that waits for dockerd.
  local sudo=()
  is_root || sudo=(sudo -n)
  "${sudo[@]}" env PATH="$PATH:/usr/sbin:/sbin" setsid dockerd "${options[@]}" \
    >"$engine_log" 2>&1 </dev/null {engine_users}>&- {engine_starting}>&- &
  engine_child=$!
}

wait_for_engine() {
  local tenth
  for ((tenth = 0; tenth < engine_start_limit * 10; ++tenth)); do
    engine_answers "$1" && return 0
    [[ -z ${engine_child:-} || -d /proc/$engine_child ]] || break
    sleep 0.1
  done
  printf 'The last lines of %s:\n' "$engine_log" >&2
  tail -n 25 "$engine_log" >&2
  die "the Docker Engine did not start"
}

# Ends our Engine unless another script still uses it. Says nothing when all goes well.
stop_engine() {
  [[ $engine_is_ours == yes ]] || return 0
  flock --exclusive --nonblock "$engine_users" || return 0
  local pid
  if pid=$(engine_pid); then end_process "$pid" "$engine_stop_limit"; fi
  clear_leftovers
  as_root rm -rf --one-file-system "$engine_run"
  [[ ! -L $engine_dir/run ]] || rm -f "$engine_dir/run"
}

# What a dockerd leaves that was killed: containerd, for each container a shim with the container's
# first process below it, and mounts.
clear_leftovers() {
  local process pid children
  pid=$(cat "$engine_run/containerd/containerd.pid" 2>/dev/null) || pid=
  if [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == containerd ]]; then
    end_process "$pid" 5
  fi
  for process in /proc/[0-9]*; do
    [[ $(cat "$process/comm" 2>/dev/null) == containerd-shim ]] || continue
    tr '\0' ' ' 2>/dev/null <"$process/cmdline" |
      grep --quiet --fixed-strings -e "-address $engine_run/containerd/containerd.sock" || continue
    children=$(cat "$process"/task/*/children 2>/dev/null) || children=
    # shellcheck disable=SC2086
    as_root kill -KILL $children "${process#/proc/}" 2>/dev/null || true
  done
  unmount_below "$engine_data"
  unmount_below "$engine_run"
}

# TERM, and KILL after `limit` seconds.
end_process() {
  local pid=$1 limit=$2 tenth
  as_root kill "$pid" 2>/dev/null || return 0
  for ((tenth = 0; tenth < limit * 10; ++tenth)); do
    [[ -d /proc/$pid ]] || return 0
    sleep 0.1
  done
  say "process $pid did not end within $limit s, killing it"
  as_root kill -KILL "$pid" 2>/dev/null || true
  sleep 0.5
}

# Unmounts everything at or below a directory, innermost first.
unmount_below() {
  local point
  while IFS= read -r point; do
    as_root umount --lazy "$(printf '%b' "$point")"
  done < <(awk -v top="$1" '$2 == top || index($2, top "/") == 1 { print $2 }' /proc/self/mounts | sort -r)
}
