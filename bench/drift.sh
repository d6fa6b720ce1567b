#!/usr/bin/env bash
# drift.sh: what tenant.drift costs where nothing has changed, beside a sequential
# scan of the registry.
#
#   bench/drift.sh [TENANTS [ROUNDS]]     default 3000 and 9
#
# TENANTS tenants of 20 tables have the same template.  The first query reads all of
# them.  Then a scan of the registry, tenant.drift and tenant.doctor() alternate in
# one session; the median of the rounds counts.  At last one tenant is changed.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly TENANTS=${1:-3000} ROUNDS=${2:-9}

readonly SCAN="SELECT count(*) FROM tenant.registry WHERE state <> 'trashed'"
readonly DRIFT="SELECT count(*) FROM tenant.drift"
readonly DOCTOR="SELECT count(*) FROM tenant.doctor()"

# in_one_session QUERY...: milliseconds of each, ROUNDS times after two to warm up.
in_one_session()
{
	local round query
	{
		printf '%s\n' '\timing on'
		for ((round = -2; round < ROUNDS; round++)); do
			for query in "$@"; do
				echo "$query;"
			done
		done
	} | sql -f - | awk -v n=$# '/^Time:/ { if (seen++ >= 2 * n) print (seen - 1) % n, $2 }'
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench 'fsync = off' 'shared_buffers = 512MB' 'max_locks_per_transaction = 512' \
	'max_wal_size = 4GB' 'autovacuum = off'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/drift.sh $TENANTS $ROUNDS"
sql -c 'CREATE EXTENSION tenant_mgr'

step "$TENANTS tenants of 20 tables"
sql -o /dev/null -c 'CREATE SCHEMA small'
seq 20 | awk '{ printf "CREATE TABLE small.t%d (id serial PRIMARY KEY, a int, t text);\n", $1 }' | sql -f -
sql -o /dev/null -c "SELECT tenant.adopt('small', is_template => true)"
seq "$TENANTS" | awk '{ printf "SELECT tenant.clone('\''small'\'', '\''tenant_%d'\'', data => false);\n", $1 }' |
	sql -o /dev/null -f -
sql -c 'VACUUM ANALYZE'

step "tenant.drift"
timed "$WORK/first" sql -o /dev/null -c "$DRIFT"
sql -c 'VACUUM ANALYZE tenant.kept_fingerprint'
timed "$WORK/cold" sql -o /dev/null -c "$DRIFT"
in_one_session "$SCAN" "$DRIFT" "$DOCTOR" >"$WORK/rounds"
for way in scan drift doctor; do
	awk -v w="$way" 'BEGIN { n = split("scan drift doctor", ways); for (i = 1; i <= n; i++) if (ways[i] == w) k = i - 1 }
		$1 == k { print $2 }' "$WORK/rounds" >"$WORK/$way"
done
sql -o /dev/null -c 'ALTER TABLE tenant_1.t1 ADD COLUMN x int'
timed "$WORK/changed" sql -o /dev/null -c "$DRIFT"
printf '%-46s %8.1f ms\n' 'first query, which reads all' "$(cat "$WORK/first")" \
	'nothing changed, in a new session' "$(cat "$WORK/cold")" \
	'nothing changed' "$(median "$WORK/drift")" \
	'a sequential scan of the registry' "$(median "$WORK/scan")" \
	'one tenant changed, in a new session' "$(cat "$WORK/changed")" \
	'tenant.doctor()' "$(median "$WORK/doctor")"
