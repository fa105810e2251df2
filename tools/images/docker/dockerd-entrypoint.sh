#!/bin/sh
# Entrypoint of the stand-in for docker:*-dind: starts a Docker Engine inside a privileged container.
#   DOCKER_TLS_CERTDIR set      certificates are made there where missing; TLS on tcp 2376
#   DOCKER_TLS_CERTDIR empty    plain tcp 2375
#   DOCKER_HOST=unix://PATH     the Unix socket is PATH instead of /var/run/docker.sock
# No arguments, or arguments that begin with `-`: they are dockerd's. Anything else is a command.
set -eu

# How long a certificate is good for: the longest that common clients accept for a server.
days=825

private_key() { [ -s "$1" ] || openssl genrsa -out "$1" 4096; }

whole_server() { [ -s server/ca.pem ] && [ -s server/cert.pem ] && [ -s server/key.pem ]; }

# The names and addresses under which clients may reach this container.
subject_names() {
  {
    echo DNS:docker
    echo DNS:localhost
    echo "DNS:$(hostname)"
    echo IP:127.0.0.1
    echo IP:::1
    for address in $(hostname -i 2>/dev/null); do echo "IP:${address%%%*}"; done
    [ -z "${DOCKER_TLS_SAN:-}" ] || echo "$DOCKER_TLS_SAN" | tr ', ' '\n\n'
  } | sed '/^$/d' | sort -u | paste -s -d, -
}

# certificate FOLDER COMMON-NAME EXTENSIONS: one signed by the CA for a key of its own.
certificate() {
  mkdir -p "$1"
  private_key "$1/key.pem"
  openssl req -new -key "$1/key.pem" -subj "/CN=$2" -out "$1/csr.pem"
  printf '%b' "$3" >"$1/openssl.cnf"
  openssl x509 -req -in "$1/csr.pem" -CA ca/cert.pem -CAkey ca/key.pem -CAcreateserial \
    -days "$days" -extfile "$1/openssl.cnf" -out "$1/cert.pem"
  cp ca/cert.pem "$1/ca.pem"
  openssl verify -CAfile "$1/ca.pem" "$1/cert.pem"
}

# Without ca/key.pem nothing can be signed: then a whole server/ is somebody's own, used as it is.
make_certificates() (
  mkdir -p "$1"
  cd "$1"
  if [ ! -s ca/key.pem ] && whole_server; then
    openssl verify -CAfile server/ca.pem server/cert.pem
    return 0
  fi
  mkdir -p ca
  if [ -s ca/key.pem ] || [ ! -s ca/cert.pem ]; then
    private_key ca/key.pem
    [ -s ca/cert.pem ] ||
      openssl req -new -x509 -key ca/key.pem -subj '/CN=docker:dind CA' -days "$days" -out ca/cert.pem
  fi
  if [ -s ca/key.pem ]; then
    certificate server 'docker:dind server' \
      "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=$(subject_names)\n"
    certificate client 'docker:dind client' \
      'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n'
    # Jobs of any user read these.
    chmod 0644 client/key.pem
  fi
)

# cgroup v2: a group that holds processes cannot hand controllers down, so they move to a child.
delegate_cgroups() {
  [ -e /sys/fs/cgroup/cgroup.controllers ] || return 0
  mkdir -p /sys/fs/cgroup/init
  while read -r pid; do
    echo "$pid" >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || :
  done </sys/fs/cgroup/cgroup.procs
  sed -e 's/ / +/g' -e 's/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
}

# Nested containers share mounts with this one's (bind propagation); kernels without nftables
# support need the older iptables.
prepare_host() {
  mount --make-rshared / 2>/dev/null || :
  delegate_cgroups
  if ! iptables -nL >/dev/null 2>&1; then
    PATH=/usr/local/lib/iptables-legacy:$PATH
    export PATH
  fi
  rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
}

# 16777216 is CAP_SYS_RESOURCE; see hostcaps-runc.
lacks_sys_resource() {
  [ $((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) & 16777216)) -eq 0 ]
}

case ${1-} in
  '' | -*)
    socket=unix:///var/run/docker.sock
    case ${DOCKER_HOST:-} in unix://*) socket=$DOCKER_HOST ;; esac
    if [ -n "${DOCKER_TLS_CERTDIR:-}" ]; then
      make_certificates "$DOCKER_TLS_CERTDIR"
      set -- --host="$socket" --host=tcp://0.0.0.0:2376 --tlsverify \
        --tlscacert "$DOCKER_TLS_CERTDIR/server/ca.pem" \
        --tlscert "$DOCKER_TLS_CERTDIR/server/cert.pem" \
        --tlskey "$DOCKER_TLS_CERTDIR/server/key.pem" "$@"
    else
      set -- --host="$socket" --host=tcp://0.0.0.0:2375 "$@"
    fi
    set -- dockerd "$@"
    ;;
esac

if [ "$1" = dockerd ]; then
  prepare_host
  if lacks_sys_resource; then
    set -- "$@" --add-runtime hostcaps=/usr/local/bin/hostcaps-runc --default-runtime hostcaps
  fi
  # Adopts and reaps what containers leave behind: dockerd does not.
  exec docker-init -- "$@"
fi
exec docker-entrypoint.sh "$@"
