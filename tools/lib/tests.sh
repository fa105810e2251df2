# Everything CI runs, as one ctest run over two builds. Needs build.sh, engine.sh and images.sh.

tests_dir=$build_dir/tests

# ctest's input: the checks of the sources, unit tests and short fuzz runs of the sanitizer build,
# and all tests of the release build.
write_test_list() {
  mkdir -p "$tests_dir"
  {
    add_test sources lint 120 "$repo_root/tools/lib/check-sources"
    echo "subdirs([=[$sanitize_dir]=])"
    echo "subdirs([=[$release_dir]=])"
  } >"$tests_dir/CTestTestfile.cmake"
}

# add_test NAME LABEL SECONDS PROGRAM
add_test() {
  echo "add_test([=[$1]=] [=[$4]=])"
  echo "set_tests_properties([=[$1]=] PROPERTIES LABELS $2 TIMEOUT $3)"
}

run_tests() {
  use_engine
  images+=("${test_images[@]}")
  prepare_images
  write_test_list
  export SLIPWAY_BIN_DIR=$release_dir/bin
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  say "running the tests"
  # ctest keeps 300 kB of a failed test's output, from its beginning: less than a long suite writes before it fails.
  if ! ctest --test-dir "$tests_dir" --parallel "$(nproc)" --test-output-size-failed 100000000 "$@"; then
    awk -v lines=150 -f "$tools/lib/failures.awk" "$tests_dir/Testing/Temporary/LastTest.log"
    say "failed: $(cut -d: -f2 "$tests_dir/Testing/Temporary/LastTestsFailed.log" 2>/dev/null | xargs)"
    return 1
  fi
}
