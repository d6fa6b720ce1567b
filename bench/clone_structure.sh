#!/usr/bin/env bash
# clone_structure.sh: how long the structure of a schema takes to copy, against
# pg_dump | sed | psql, and whether that depends on the number of tenants.
#
#   bench/clone_structure.sh [ROUNDS [TENANTS]]     default 7 and 2000
#
# The two ways alternate, the median of the rounds counts.  Two schemas are
# copied: that of Zabbix, and one of 139 tables and 756 indexes; then Zabbix
# again beside TENANTS other tenants of 20 tables each.  Durability is
# on, as in production: fsync and full_page_writes are the server's defaults, and
# the library is preloaded.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-7} TENANTS=${2:-2000}

by_clone() { sql -c "SELECT tenant.clone('$1', 'cloned_$2', data => false)"; }
by_dump() { "$BIN/pg_dump" -s -n "$1" | sed "s/\b$1\b/dumped_$2/g" | sql -1; }

# rounds NAME SCHEMA: prints the medians and their ratio; leaves the clone's in
# $WORK.  The copies stay: file systems are slow to give out again what has been
# deleted just now, and that would be measured instead.
rounds()
{
	local round clone dump
	rm -f "$WORK/clone" "$WORK/dump"
	for ((round = 0; round <= ROUNDS; round++)); do
		timed "$WORK/clone" by_clone "$2" "$1_$round"
		timed "$WORK/dump" by_dump "$2" "$1_$round"
		# the first round warms the caches
		[ "$round" != 0 ] || rm -f "$WORK/clone" "$WORK/dump"
	done
	clone=$(median "$WORK/clone")
	dump=$(median "$WORK/dump")
	echo "$clone" >"$WORK/median.$1"
	awk -v n="$1" -v c="$clone" -v d="$dump" 'BEGIN {
		printf "%-10s tenant.clone %7.1f ms   pg_dump|sed|psql %7.1f ms   ratio %.3f\n", n, c, d, c / d }'
}

make_tenants()
{
	sql -o /dev/null -c 'CREATE SCHEMA small'
	seq 20 | awk '{ printf "CREATE TABLE small.t%d (id serial PRIMARY KEY, a int, t text);\n", $1 }' | sql -f -
	sql -o /dev/null -c "SELECT tenant.adopt('small', is_template => true)"
	seq "$TENANTS" | awk '{ printf "SELECT tenant.clone('\''small'\'', '\''tenant_%d'\'', data => false);\n", $1 }' |
		sql -o /dev/null -f -
	sql -c "VACUUM ANALYZE"
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'" 'fsync = on' 'shared_buffers = 512MB' 'max_locks_per_transaction = 512' \
	'max_wal_size = 4GB' 'autovacuum = off'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/clone_structure.sh $ROUNDS $TENANTS"
sql -c 'CREATE EXTENSION tenant_mgr'
dir=$(fetch_fixtures zabbix) || die "Zabbix's schema could not be fetched"
load_schema zabbix "$dir/zabbix.sql"

sql -o /dev/null -f "$TOP/bench/schema_139.sql"
sql -c 'VACUUM ANALYZE'

step "Structure, median of $ROUNDS rounds"
rounds generated app
rounds zabbix zabbix
from=$(now)
make_tenants
say "made $TENANTS tenants of 20 tables in $((($(now) - from) / 1000000000)) s"
rounds crowded zabbix
awk -v a="$(cat "$WORK/median.zabbix")" -v c="$(cat "$WORK/median.crowded")" -v t="$TENANTS" 'BEGIN {
	printf "with %d other tenants a clone takes %.2f times as long as without\n", t, c / a }'
