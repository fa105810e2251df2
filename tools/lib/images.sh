# The images that demo, tests and bench need on the Engine at $DOCKER_HOST. One that is missing is
# pulled if a registry answers within five seconds; otherwise a stand-in is made from Debian
# packages under the same name. Stand-ins carry the label io.slipway.stand-in=<recipe>.

images=(busybox:latest docker:24.0.5-cli docker:24.0.5-dind)
# Needed by the tests besides.
test_images=(quay.io/buildah/stable:latest)
images_dir=$build_dir/images
image_recipes=$repo_root/tools/images
debian_release=bookworm
registry_limit=5 # seconds until the first answer
# Names of the stand-ins in use: for these a pull policy of `always` cannot work.
stand_ins=()

image_path='PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

# Makes sure that all images are there; fills `stand_ins`.
prepare_images() {
  local image
  for image in "${images[@]}"; do
    prepare_image "$image"
  done
  [[ ${#stand_ins[@]} -eq 0 ]] ||
    say "stand-ins made from Debian packages: ${stand_ins[*]} (no registry was in reach)"
}

prepare_image() {
  local image=$1 label
  if label=$(image_label "$image"); then
    case $label in
      '') return 0 ;;
      "$(image_recipe "$image")")
        stand_ins+=("$image")
        return 0
        ;;
    esac
    # An outdated stand-in is replaced by a stand-in: the registry was out of reach then, too.
  elif pull_image "$image"; then
    return 0
  fi
  say "making a stand-in for $image from Debian packages"
  mkdir -p "$images_dir"
  engine_api "/images/$image" --request DELETE >/dev/null 2>&1 || true
  make_stand_in "$image"
  stand_ins+=("$image")
}

# Prints the label of a stand-in, nothing for a real image; fails if there is no such image.
image_label() {
  local description
  description=$(engine_api "/images/$1/json" 2>/dev/null) || return 1
  sed -n 's/.*"io\.slipway\.stand-in":"\([^"]*\)".*/\1/p' <<<"$description" | head -n 1
}

# Pulls through the Engine, which knows mirrors and proxies. Its first line of progress comes when
# the registry has answered; until then the wait is short. Not tried again after a failure.
pull_image() {
  [[ ${registry_in_reach:-yes} == yes ]] || return 1
  local progress puller tenth
  progress=$(mktemp)
  engine_api "/images/create?fromImage=${1%%:*}&tag=${1#*:}" --no-buffer --request POST \
    >"$progress" 2>&1 &
  puller=$!
  for ((tenth = 0; tenth < registry_limit * 10; ++tenth)); do
    if grep -q '"status"' "$progress" || [[ ! -d /proc/$puller ]]; then break; fi
    sleep 0.1
  done
  if grep -q '"status"' "$progress"; then
    say "pulling $1"
  else
    kill "$puller" 2>/dev/null || true
  fi
  wait "$puller" 2>/dev/null || true
  rm -f "$progress"
  image_label "$1" >/dev/null && return 0
  registry_in_reach=no
  return 1
}

# Names a recipe's content: another digest makes the stand-in anew.
image_recipe() {
  case $1 in
    busybox:*) recipe_digest "$repo_root/tools/lib/images.sh" ;;
    docker:*) recipe_digest "$repo_root/tools/lib/images.sh" "$image_recipes/finish-root" \
      "$image_recipes/hostcaps-runc" "$image_recipes"/docker/* ;;
    quay.io/buildah/*) recipe_digest "$repo_root/tools/lib/images.sh" \
      "$image_recipes/finish-root" "$image_recipes"/buildah/* ;;
  esac
}

# The root goes through a file: a reader that stops at the end of an archive, before its padding,
# would break a pipe.
make_stand_in() {
  local root=$images_dir/root.$$.tar
  case $1 in
    busybox:*)
      busybox_root >"$root"
      import_image "$1" "ENV $image_path" 'CMD ["sh"]' <"$root"
      ;;
    docker:*-cli)
      docker_cli_root >"$root"
      import_image "$1" "ENV $image_path" 'ENV DOCKER_TLS_CERTDIR=/certs' \
        'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["sh"]' <"$root"
      ;;
    docker:*-dind)
      cache_docker_root
      import_image "$1" "ENV $image_path" 'ENV DOCKER_TLS_CERTDIR=/certs' 'VOLUME /var/lib/docker' \
        'EXPOSE 2375 2376' 'ENTRYPOINT ["dockerd-entrypoint.sh"]' 'CMD []' <"$cached_root"
      ;;
    quay.io/buildah/*)
      cache_root buildah "$1" busybox-static buildah ca-certificates
      import_image "$1" "ENV $image_path" 'ENV BUILDAH_ISOLATION=chroot' 'CMD ["sh"]' \
        <"$cached_root"
      ;;
  esac
  rm -f "$root"
}

# import_image NAME CHANGE…: a root filesystem on stdin becomes an image.
import_image() {
  local image=$1 reply query
  shift
  query=$(url_query "$@" "LABEL io.slipway.stand-in=$(image_recipe "$image")")
  reply=$(engine_api "/images/create?fromSrc=-&repo=${image%%:*}&tag=${image#*:}$query" \
    --request POST --header 'Content-Type: application/x-tar' --header 'Expect:' --upload-file -) ||
    die "the Engine did not take the image $image: $reply"
  [[ $reply != *'"error"'* ]] || die "the Engine did not take the image $image: $reply"
}

# `&changes=…` for each argument, percent-encoded byte by byte.
url_query() {
  local text
  for text in "$@"; do
    printf '&changes='
    printf '%s' "$text" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g'
  done
}

# A root with nothing but BusyBox, as a tar stream.
busybox_root() {
  local root applet
  have busybox || die "busybox is missing (package busybox-static)"
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,etc,root,tmp,var}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $(busybox --list); do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  tar --create --directory "$root" --owner 0 --group 0 --numeric-owner .
  rm -rf "$root"
}

# debian_root HOOK,… PACKAGE…: unpacks packages with what they depend on, as a tar stream.
debian_root() {
  local hook hooks=() packages
  have mmdebstrap || die "mmdebstrap is missing: images can be made on Debian and Ubuntu only"
  for hook in ${1//,/ }; do
    hooks+=(--extract-hook="'$image_recipes/$hook' \"\$1\"")
  done
  shift
  packages=$(IFS=,; echo "$*")
  as_root mmdebstrap --quiet --variant=extract --keyring=/usr/share/keyrings \
    --include="$packages" --skip=check/empty "${hooks[@]}" "$debian_release" -
}

# cache_root NAME IMAGE PACKAGE…: sets `cached_root` to an archive of the packages, finished by the
# hooks of NAME and kept under build/images as long as IMAGE's recipe stays.
cache_root() {
  local name=$1 recipe
  recipe=$(image_recipe "$2")
  shift 2
  cached_root=$images_dir/$name-$recipe.tar
  [[ ! -s $cached_root ]] || return 0
  rm -f "$images_dir/$name"-*.tar
  debian_root "finish-root,$name/finish-root" "$@" >"$cached_root.part"
  mv "$cached_root.part" "$cached_root"
}

# CLI and Engine.
cache_docker_root() {
  cache_root docker docker: busybox-static docker.io iptables openssl ca-certificates openssh-client
}

# The same without the Engine, as a tar stream.
docker_cli_root() {
  cache_docker_root
  tar --delete --file - ./usr/sbin/dockerd ./usr/bin/containerd ./usr/bin/containerd-shim-runc-v2 \
    ./usr/sbin/runc ./usr/sbin/docker-proxy ./usr/local/bin/dockerd-entrypoint.sh \
    ./usr/local/bin/hostcaps-runc <"$cached_root"
}
