# The demo's second part: `slipway exec` on the other examples. Needs common.sh and the Engine.

exec_pid=

# run_exec_examples: each example as a repository of its own, on the Engine that is there now.
run_exec_examples() {
  local work example
  work=$(mktemp -d)
  # Last in, first out.
  at_exit rm -rf "$work"
  at_exit remove_exec_volumes "$work"
  at_exit end_exec
  for example in ways-to-docker image-between-jobs services-and-artifacts child-pipelines; do
    make_example "$example" "$work/$example"
    exec_example "$work" "$example" --volume /runner/services/docker
  done
  if [[ ${DOCKER_HOST:-unix:///var/run/docker.sock} == unix://* ]]; then
    local socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
    exec_example "$work" ways-to-docker host --volume "${socket#unix://}:/var/run/docker.sock"
  fi
  say "slipway exec ran the examples; nothing of them is left on the Engine but images"
}

make_example() {
  cp -R "$repo_root/examples/$1" "$2"
  # Not committed: exec takes the work tree as it is.
  git -C "$2" init --quiet --initial-branch main
}

# exec_example WORK NAME [ARGUMENT…]
exec_example() {
  local work=$1 name=$2
  shift 2
  say "slipway exec in examples/$name${1:+: $*}"
  "$release_dir/bin/slipway" exec -C "$work/$name" --state-dir "$work/state" "$@" &
  exec_pid=$!
  explained=yes # it says itself what went wrong
  wait "$exec_pid"
  exec_pid=
}

end_exec() {
  [[ -n $exec_pid ]] || return 0
  kill "$exec_pid" 2>/dev/null || return 0
  wait "$exec_pid" || true
}

# Caches stay for the next run, of which there is none.
remove_exec_volumes() {
  local id name
  id=$(cat "$1/state/service-1/id" 2>/dev/null) || return 0
  engine_api "/volumes?filters=%7B%22label%22%3A%5B%22io.slipway.state%3D$id%22%5D%7D" |
    { grep -o '"Name":"[^"]*"' | grep -v slipway-helper- || true; } | cut -d '"' -f 4 |
    while read -r name; do
      engine_api "/volumes/$name" -X DELETE
    done
}
