# Formatting and checks of the sources. Needs common.sh.

# All C++ sources of the checkout, committed or not, one per line.
cpp_sources() {
  git -C "$repo_root" ls-files --cached --others --exclude-standard -- '*.cpp' '*.hpp'
}

format_sources() {
  cd "$repo_root" || exit
  cpp_sources | xargs --no-run-if-empty -d '\n' clang-format -i
}

check_sources() {
  cd "$repo_root" || exit
  tools/lib/check-sources
  cpp_sources | xargs --no-run-if-empty -d '\n' clang-format --dry-run -Werror
  if have shellcheck; then
    shellcheck --shell bash --severity warning --exclude=SC1090,SC1091,SC2034,SC2154 tools/dev tools/lib/*.sh \
      tools/lib/check-sources tools/lib/with-engine
    find tools/images -type f -exec shellcheck --severity warning --exclude=SC1091,SC2154 {} +
  fi
  say "no complaints"
}
