#!/usr/bin/env bash
# fingerprint.sh: how long the fingerprint of a schema of 139 tables and 756 indexes
# takes, against pg_dump -s of it and a clone of its structure, and tenant.drift.
#
#   bench/fingerprint.sh [ROUNDS [TENANTS]]     default 7 and 1000
#
# All alternate, each in a new session; the median of the rounds counts.  Then
# tenant.drift is asked once about TENANTS tenants of 20 tables that are like their
# template.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-7} TENANTS=${2:-1000}

by_fingerprint() { sql -c "SELECT tenant.fingerprint('app')"; }
by_diff() { sql -c "SELECT count(*) FROM tenant.diff('app', 'cloned_0')"; }
by_dump() { "$BIN/pg_dump" -s -n app; }
by_two_dumps()
{
	diff <("$BIN/pg_dump" -s -n app | sed 's/\bapp\b/x/g') \
		<("$BIN/pg_dump" -s -n cloned_0 | sed 's/\bcloned_0\b/x/g') || true
}
by_clone() { sql -c "SELECT tenant.clone('app', 'cloned_$1', data => false)"; }
by_nothing() { sql -c 'SELECT 1'; }

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'" 'fsync = on' 'shared_buffers = 512MB' 'max_locks_per_transaction = 512' \
	'max_wal_size = 4GB' 'autovacuum = off'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/fingerprint.sh $ROUNDS $TENANTS"
sql -c 'CREATE EXTENSION tenant_mgr'
sql -o /dev/null -f "$TOP/bench/schema_139.sql"
sql -c 'VACUUM ANALYZE'

step "A schema of 139 tables, median of $ROUNDS rounds, each in a new session"
for ((round = 0; round <= ROUNDS; round++)); do
	timed "$WORK/clone" by_clone "$round"
	for way in nothing fingerprint diff dump two_dumps; do
		timed "$WORK/$way" "by_$way"
	done
	# the first round warms the caches
	[ "$round" != 0 ] || rm -f "$WORK"/{clone,nothing,fingerprint,diff,dump,two_dumps}
done
for way in nothing fingerprint diff clone dump two_dumps; do
	awk -v n="$way" -v v="$(median "$WORK/$way")" -v f="$(median "$WORK/fingerprint")" 'BEGIN {
		printf "%-12s %8.1f ms   fingerprint / it %.3f\n", n, v, f / v }'
done

step "tenant.drift"
sql -o /dev/null -c 'CREATE SCHEMA small'
seq 20 | awk '{ printf "CREATE TABLE small.t%d (id serial PRIMARY KEY, a int, t text);\n", $1 }' | sql -f -
sql -o /dev/null -c "SELECT tenant.adopt('small', is_template => true)"
seq "$TENANTS" | awk '{ printf "SELECT tenant.clone('\''small'\'', '\''tenant_%d'\'', data => false);\n", $1 }' |
	sql -o /dev/null -f -
sql -c 'VACUUM ANALYZE'
timed "$WORK/drift" sql -c 'SELECT count(*) FROM tenant.drift'
awk -v n="$TENANTS" -v v="$(cat "$WORK/drift")" 'BEGIN {
	printf "%d tenants of 20 tables: %.0f ms, %.2f ms a tenant\n", n, v, v / n }'
