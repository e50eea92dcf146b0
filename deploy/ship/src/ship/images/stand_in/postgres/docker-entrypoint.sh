#!/bin/sh
# What the official image's entrance does for compose.yaml: a variable may come as a file, the first start makes the
# cluster, the database and what /docker-entrypoint-initdb.d asks for, and then the server takes this process's place.
set -eu

file_env() { # VARIABLE, or the content of the file that VARIABLE_FILE names, or the default
  eval "value=\${$1:-}; file=\${$1_FILE:-}"
  if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
  export "$1=${value:-$2}"
}

if [ "${1#-}" != "$1" ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
  chown 999:999 "$PGDATA"
  exec setpriv --reuid=999 --regid=999 --clear-groups "$0" "$@"
fi

if ! getent passwd "$(id -u)" > /dev/null; then
  # initdb asks who it is: whoever the container runs as gets a name, as in the official image.
  names=$(mktemp -d)
  echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$names/passwd"
  echo "postgres:x:$(id -g):" > "$names/group"
  export LD_PRELOAD="$(echo /usr/lib/*/libnss_wrapper.so)" NSS_WRAPPER_PASSWD="$names/passwd" NSS_WRAPPER_GROUP="$names/group"
fi

file_env POSTGRES_USER postgres
file_env POSTGRES_DB "$POSTGRES_USER"
file_env POSTGRES_PASSWORD ''

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$POSTGRES_PASSWORD" ]; then echo "POSTGRES_PASSWORD is not set" >&2; exit 1; fi
  umask 077
  passwords=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" > "$passwords"
  # shellcheck disable=SC2086  # arguments, not one argument
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile="$passwords" --encoding=UTF8 --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  rm -f "$passwords"
  printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  printf "\nlisten_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
  pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql"
  export PGHOST=/var/run/postgresql PGUSER="$POSTGRES_USER"
  if [ "$POSTGRES_DB" != postgres ]; then
    printf 'create database :"name";\n' | psql -v ON_ERROR_STOP=1 --no-psqlrc -d postgres -v name="$POSTGRES_DB"
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc -d "$POSTGRES_DB" -f "$file" ;;
      *.sh) . "$file" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGHOST PGUSER
fi
unset POSTGRES_PASSWORD value file
if [ -n "${names:-}" ]; then
  rm -rf "$names"
  unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
fi
exec "$@" -c unix_socket_directories=/var/run/postgresql
