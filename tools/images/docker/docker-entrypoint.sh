#!/bin/sh
# Entrypoint of the stand-in for docker:*-cli. Runs the given command, or `docker` with it if it is
# one of its subcommands or flags, with the environment set to find a Docker-in-Docker service.
set -eu

has_client_certificates() {
  [ -n "${DOCKER_TLS_CERTDIR:-}" ] || return 1
  for name in ca cert key; do
    [ -s "$DOCKER_TLS_CERTDIR/client/$name.pem" ] || return 1
  done
}

case ${1-} in
  -*) set -- docker "$@" ;;
  # `docker help x` succeeds for a subcommand x only.
  ?*) if docker help "$1" >/dev/null 2>&1; then set -- docker "$@"; fi ;;
esac

if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  if has_client_certificates || [ -n "${DOCKER_TLS_VERIFY:-}" ]; then
    DOCKER_HOST=tcp://docker:2376
  else
    DOCKER_HOST=tcp://docker:2375
  fi
  export DOCKER_HOST
fi

case ${DOCKER_HOST:-} in
  '' | unix:*) ;;
  *)
    if [ -z "${DOCKER_TLS_VERIFY:-}${DOCKER_CERT_PATH:-}" ] && has_client_certificates; then
      export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$DOCKER_TLS_CERTDIR/client"
    fi
    ;;
esac

exec "$@"
