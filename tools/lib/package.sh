# Debian packages: slipway, and slipway-gitlab-runner with the other name. Needs common.sh, build.sh.

package_dir=$build_dir/package
packaging=$repo_root/packaging

# put MODE SOURCE TARGET: one file of a package.
put() { install -D -m "$1" "$2" "$3"; }

# put_text MODE TARGET: standard input as a file of a package.
put_text() {
  install -d "$(dirname "$2")"
  cat >"$2"
  chmod "$1" "$2"
}

# zipped MODE TARGET: the same, compressed as policy wants it.
zipped() { gzip -n -9 | put_text "$1" "$2"; }

# said ARGUMENT…: what the built program says, for the pages and scripts made of its flags.
said() { env -i PATH="$PATH" HOME=/root "$release_dir/bin/slipway" "$@"; }

slipway_version() { said --version | sed -n 's/^Version: *//p'; }

manual_pages() {
  local root=$1 command
  said man | zipped 644 "$root/usr/share/man/man1/slipway.1.gz"
  for command in $(said man | sed -n '/^\.SH COMMANDS/,/^\.SH GLOBAL/s/^\.B //p' | tr -d '\\'); do
    said man "$command" | zipped 644 "$root/usr/share/man/man1/slipway-$command.1.gz"
  done
  printf '.so man1/slipway.1\n' | zipped 644 "$root/usr/share/man/man1/slipway-helper.1.gz"
}

completions() {
  local root=$1
  said completion bash | put_text 644 "$root/usr/share/bash-completion/completions/slipway"
  said completion zsh | put_text 644 "$root/usr/share/zsh/vendor-completions/_slipway"
  said completion fish | put_text 644 "$root/usr/share/fish/vendor_completions.d/slipway.fish"
}

# documents ROOT PACKAGE VERSION
documents() {
  local doc=$1/usr/share/doc/$2
  put 644 "$packaging/deb/copyright" "$doc/copyright"
  printf '%s (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the sources.\n\n -- %s  %s\n' \
    "$2" "$3" "$package_maintainer" "$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")" |
    zipped 644 "$doc/changelog.gz"
}
package_maintainer=${SLIPWAY_MAINTAINER:-The slipway authors <slipway@slipway.invalid>}

# What the dynamic program needs, by the libraries that it names.
library_packages() {
  local library package
  ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r library; do
    package=$(dpkg-query -S "$(readlink -f "$library")" "$library" "/usr$library" 2>/dev/null |
      head -n 1 | cut -d : -f 1)
    [[ -z $package ]] || echo "$package"
  done | sort -u | paste -s -d , | sed 's/,/, /g'
}

# finish ROOT PACKAGE VERSION: from the tree to the file.
finish() {
  local root=$1 file=$package_dir/$2_$3_$(dpkg --print-architecture).deb
  (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z |
    xargs -0 md5sum >DEBIAN/md5sums)
  dpkg-deb --root-owner-group -Zxz --build "$root" "$file" >/dev/null
  say "made $(relative "$file")"
}

make_slipway_package() {
  local version=$1 root=$package_dir/slipway program
  rm -rf "$root"
  mkdir -p "$root/DEBIAN"
  for program in slipway slipway-helper; do
    put 755 "$release_dir/bin/$program" "$root/usr/bin/$program"
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/$program"
  done
  put 644 "$release_dir/lib/slipway/helper-image-$(go_arch).tar.gz" \
    "$root/usr/lib/slipway/helper-image-$(go_arch).tar.gz"
  put 644 "$packaging/slipway.service" "$root/lib/systemd/system/slipway.service"
  put 644 "$packaging/deb/slipway.default" "$root/etc/default/slipway"
  put 644 "$packaging/deb/examples/shell-executor.conf" \
    "$root/usr/share/doc/slipway/examples/shell-executor.conf"
  put 644 "$packaging/deb/lintian-overrides" "$root/usr/share/lintian/overrides/slipway"
  manual_pages "$root"
  completions "$root"
  documents "$root" slipway "$version"
  echo /etc/default/slipway >"$root/DEBIAN/conffiles"
  for program in postinst prerm postrm; do
    put 755 "$packaging/deb/$program" "$root/DEBIAN/$program"
  done
  cat >"$root/DEBIAN/control" <<END
Package: slipway
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $package_maintainer
Installed-Size: $(du -sk --apparent-size "$root" | cut -f 1)
Depends: $(library_packages "$root/usr/bin/slipway"), ca-certificates, passwd, init-system-helpers
Suggests: docker.io, slipway-gitlab-runner
Section: admin
Priority: optional
Description: runner for GitLab CI
 slipway fetches jobs from a GitLab server, runs them in containers of a Docker
 Engine, and streams their logs back. It reads GitLab Runner's configuration and
 takes its command line. Jobs that build images with Docker-in-Docker are what
 it is made for.
END
  finish "$root" slipway "$version"
}

make_companion_package() {
  local version=$1 root=$package_dir/slipway-gitlab-runner
  rm -rf "$root"
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/share/man/man1" "$root/lib/systemd/system"
  ln -s slipway "$root/usr/bin/gitlab-runner"
  ln -s slipway.1.gz "$root/usr/share/man/man1/gitlab-runner.1.gz"
  sed -e 's|/usr/bin/slipway|/usr/bin/gitlab-runner|; s|/etc/slipway|/etc/gitlab-runner|g' \
    -e 's|"--service" "slipway"|"--service" "gitlab-runner"|' \
    -e 's|^Description=.*|Description=slipway under the name of GitLab Runner|' \
    -e 's|=-/etc/\(default\|sysconfig\)/slipway|=-/etc/\1/gitlab-runner|' \
    "$packaging/slipway.service" | put_text 644 "$root/lib/systemd/system/gitlab-runner.service"
  documents "$root" slipway-gitlab-runner "$version"
  cat >"$root/DEBIAN/control" <<END
Package: slipway-gitlab-runner
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: $package_maintainer
Installed-Size: $(du -sk --apparent-size "$root" | cut -f 1)
Depends: slipway (= $version)
Provides: gitlab-runner
Conflicts: gitlab-runner, gitlab-runner-beta, gitlab-ci-multi-runner
Replaces: gitlab-runner
Section: admin
Priority: optional
Description: slipway under the name of GitLab Runner
 The command gitlab-runner as a symbolic link to slipway, which then uses GitLab
 Runner's paths and names, so that existing automation works unchanged; and a
 service of that name, which is not started by itself.
END
  finish "$root" slipway-gitlab-runner "$version"
}

make_packages() {
  local version
  have dpkg-deb || die "packages are made with dpkg-deb, of Debian and Ubuntu"
  [[ -s $release_dir/lib/slipway/helper-image-$(go_arch).tar.gz ]] ||
    die "the helper image's archive is missing: mmdebstrap makes it, see tools/dev build"
  version=$(slipway_version)
  mkdir -p "$package_dir"
  make_slipway_package "$version"
  make_companion_package "$version"
  if have lintian; then
    lintian --fail-on error "$package_dir"/*.deb || die "lintian finds errors in the packages"
  fi
}
