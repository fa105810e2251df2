# The demo: a documented job from end to end. Needs common.sh, build.sh, engine.sh and images.sh.

demo_pid=

# run_demo [ARGUMENT…]: on the Engine and with the images that are there now.
run_demo() {
  local work commit image arguments=()
  work=$(mktemp -d)
  at_exit rm -rf "$work"
  commit=$("$repo_root/tools/lib/demo_repo.sh" "$work/dind-tls.git")
  for image in "${stand_ins[@]}"; do
    # Only what the job uses: it would not be pulled either.
    [[ $image != docker:* ]] || arguments+=(--stand-in "$image")
  done
  # In the background, so that TERM to this script reaches it at once. ^C reaches both; whoever is
  # first, the script waits until the demo has cleaned up.
  at_exit end_demo
  "$release_dir/bin/slipway-demo" --repository "$work/dind-tls.git" --commit "$commit" \
    --job "$repo_root/examples/dind-tls/job.json.in" "${arguments[@]}" "$@" &
  demo_pid=$!
  explained=yes # it says itself what went wrong
  wait "$demo_pid"
}

end_demo() {
  [[ -n $demo_pid ]] || return 0
  kill "$demo_pid" 2>/dev/null || return 0
  wait "$demo_pid" || true
}
