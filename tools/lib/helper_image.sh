# The helper image's archive: a root filesystem with sh, git, git-lfs, ssh and a CA bundle, that
# slipway imports into an Engine which lacks its helper image. Needs images.sh.

# helper_archive FOLDER: makes sure FOLDER/helper-image-<arch>.tar.gz is there and up to date.
helper_archive() {
  local recipe cached
  recipe=$(recipe_digest "$repo_root/tools/lib/helper_image.sh" "$image_recipes/finish-root" \
    "$image_recipes/helper/finish-root" -- "$debian_release")
  cached=$images_dir/helper-image-$(go_arch)-$recipe.tar.gz
  if [[ ! -s $cached ]]; then
    if ! have mmdebstrap; then
      say "no helper image archive is made: mmdebstrap is missing; slipway will pull its helper image"
      return 0
    fi
    say "making the helper image's archive from Debian packages"
    mkdir -p "$images_dir"
    rm -f "$images_dir"/helper-image-*
    debian_root finish-root,helper/finish-root busybox-static git git-lfs ca-certificates \
      openssh-client | gzip -n -6 >"$cached.part"
    mv "$cached.part" "$cached"
  fi
  mkdir -p "$1"
  ln -f "$cached" "$1/helper-image-$(go_arch).tar.gz"
}
