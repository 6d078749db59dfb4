# One broker of Kring for the runs beside this file, which source it. It asks nothing of the broker.

broker=

# start_broker PORT DATA LOG NAME=VALUE...: one for clients on PORT, with these settings more; BROKER=path uses that binary instead of
# building one.
start_broker() {
  local port=$1 data=$2 log=$3
  shift 3
  if [ -z "${BROKER:-}" ]; then
    cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p kring-broker
    BROKER=${CARGO_TARGET_DIR:-$root/target}/debug/kring-broker
  fi
  env KRING_LISTENERS=PLAINTEXT://127.0.0.1:"$port" KRING_LOG_DIRS="$data" KRING_KRING_LOG_FORMAT=text "$@" "$BROKER" >"$log" 2>&1 &
  broker=$!
  for _ in $(seq 1 100); do
    grep -q 'is ready' "$log" && return
    kill -0 "$broker" 2>/dev/null || { cat "$log" >&2; echo "run: the broker did not start" >&2; exit 1; }
    sleep 0.1
  done
}

stop_broker() {
  if [ -n "$broker" ] && kill -0 "$broker" 2>/dev/null; then
    kill "$broker"
    wait "$broker" 2>/dev/null || true
  fi
}
