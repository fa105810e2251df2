# Debian and Ubuntu packages: what is needed, what is missing, installing it.

build_packages=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates curl python3 clang-format
  libssl-dev nlohmann-json3-dev libtomlplusplus-dev libspdlog-dev libfmt-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev zlib1g-dev libzstd-dev libdeflate-dev libyaml-dev libre2-dev
)
# For root filesystems: the helper image, and stand-ins for images that cannot be pulled.
image_packages=(mmdebstrap debian-archive-keyring busybox-static)
engine_packages=(docker.io iptables iproute2)
# A real registry, with and without a password; a forward proxy; another engine with Docker's API;
# the archivers whose archives have to be understood; large files in git.
test_packages=(docker-registry apache2-utils tinyproxy-bin podman zip unzip git-lfs zstd)
# What a machine without dpkg must have by whatever name.
build_commands=(g++ cmake ninja git curl)

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The release of Boost that is known to work, where the distribution has it; else its own.
boost_package() {
  if is_installed libboost1.81-dev || apt-cache show libboost1.81-dev >/dev/null 2>&1; then
    echo libboost1.81-dev
  else
    echo libboost-dev
  fi
}

# Waits for other package managers instead of failing, up to ten minutes.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -q "$@" >&2
}

apt_update() {
  local attempt
  for attempt in {1..30}; do
    apt_get update && return 0
    say "package lists could not be updated (attempt $attempt of 30), trying again"
    sleep 10
  done
  die "apt-get update does not succeed; see its messages above"
}

install_packages() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  if ! can_be_root; then
    printf 'error: packages are missing and this user may not install them. Run:\n' >&2
    printf '  sudo apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 1
  fi
  say "installing packages: ${missing[*]}"
  apt_get install -y --no-install-recommends "${missing[@]}" && return 0
  apt_update
  apt_get install -y --no-install-recommends "${missing[@]}" ||
    die "these packages could not be installed: ${missing[*]}"
}

setup_tests() {
  if have dpkg-query; then
    install_packages "${test_packages[@]}"
  else
    require_commands docker-registry htpasswd tinyproxy podman zip unzip zstd git-lfs
  fi
}

require_commands() {
  local command missing=()
  for command in "$@"; do
    have "$command" || missing+=("$command")
  done
  [[ ${#missing[@]} -eq 0 ]] ||
    die "not a Debian or Ubuntu system, and these commands are missing: ${missing[*]}"
}

setup_build() {
  if have dpkg-query; then
    # Freshly made machines have no package lists at all: without them boost_package guesses.
    is_installed libboost1.81-dev || is_installed libboost-dev || have_package_lists || apt_update
    install_packages "${build_packages[@]}" "$(boost_package)" "${image_packages[@]}"
  else
    require_commands "${build_commands[@]}"
  fi
}

have_package_lists() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }
