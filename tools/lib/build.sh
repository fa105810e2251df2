# Configuring and building with CMake. Needs common.sh and helper_image.sh.

release_dir=$build_dir/release
sanitize_dir=$build_dir/sanitize

# Object files in the compiler cache are good for every checkout.
export CCACHE_BASEDIR=$repo_root CCACHE_NOHASHDIR=true

# configure FOLDER [CMAKE-OPTION…]
configure() {
  local folder=$1 options=(-G Ninja -Wno-dev)
  shift
  ! have ccache || options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  say "configuring $(relative "$folder")"
  cmake -S "$repo_root" -B "$folder" "${options[@]}" "$@" >/dev/null
}

# compile FOLDER [TARGET…]: without targets everything.
compile() {
  local folder=$1 targets=()
  shift
  [[ $# -eq 0 ]] || targets=(--target "$@")
  say "building ${*:-everything} in $(relative "$folder")"
  cmake --build "$folder" "${targets[@]}"
}

relative() { echo "${1#"$repo_root"/}"; }

# The programs and the helper image's archive, where slipway looks for it: ../lib/slipway.
build_release() {
  # The unit tests run with sanitizers, in a build of their own.
  configure "$release_dir" -DCMAKE_BUILD_TYPE=Release -DSLIPWAY_UNIT_TESTS=OFF
  compile "$release_dir" "$@"
  helper_archive "$release_dir/lib/slipway"
}
