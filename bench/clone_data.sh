#!/usr/bin/env bash
# clone_data.sh: how long about 1 GB of rows takes to copy, against pg_dump | sed
# | psql and against CREATE DATABASE of a database with the same contents.
#
#   bench/clone_data.sh [ROUNDS [DUMPS]]     default 5 and 1
#
# Clone and CREATE DATABASE alternate; the median counts.  pg_dump is run DUMPS
# times.  Before each of them everything is on disk, also the removal of what the
# one before has left, and WAL files are there to be written again; and an eighth of
# the memory is used and given back, because virtual machines hand free memory to
# their host, and to get it back can take longer than all that is measured.
# Durability is on, as in production, a quarter of the memory is for shared buffers,
# and max_wal_size is large enough that no checkpoint gets between.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-5} DUMPS=${2:-1}
readonly memory=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)

by_clone() { sql -c "SELECT tenant.clone('big', 'cloned')"; }
by_createdb() { sql -c 'CREATE DATABASE copied TEMPLATE onlybig STRATEGY wal_log'; }
by_dump() { "$BIN/pg_dump" -n big | sed 's/\bbig\b/dumped/g' | sql -1; }

settle()
{
	sql -c CHECKPOINT
	sync
	head -c "$((memory / 8))K" /dev/zero | tail -c "$((memory / 8))K" >/dev/null
}

report()
{
	awk -v n="$1" -v c="$(median "$WORK/clone")" -v o="$(median "$WORK/$2")" 'BEGIN {
		printf "tenant.clone %8.0f ms   %-24s %8.0f ms   ratio %.3f\n", c, n, o, c / o }'
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench 'fsync = on' "shared_buffers = $((memory / 4))kB" 'max_wal_size = 16GB' 'min_wal_size = 4GB' \
	'wal_buffers = 64MB' 'checkpoint_timeout = 1h' 'autovacuum = off'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/clone_data.sh $ROUNDS $DUMPS"
sql -c 'CREATE DATABASE onlybig'
PGDATABASE=onlybig sql -o /dev/null -f "$TOP/bench/schema_1gb.sql" -c 'VACUUM ANALYZE'
sql -c 'CREATE EXTENSION tenant_mgr' -o /dev/null -f "$TOP/bench/schema_1gb.sql" -c 'VACUUM ANALYZE'
sql -c "SELECT 'schema of ' || pg_size_pretty(sum(pg_total_relation_size(oid)))
	FROM pg_class WHERE relnamespace = 'big'::regnamespace AND relkind = 'r'"

step "With rows"
for ((round = 0; round <= ROUNDS; round++)); do
	settle
	timed "$WORK/clone" by_clone
	sql -o /dev/null -c "SELECT tenant.drop('cloned', purge => true)"
	settle
	timed "$WORK/createdb" by_createdb
	sql -c 'DROP DATABASE copied'
	# the first round warms the caches
	[ "$round" != 0 ] || rm -f "$WORK/clone" "$WORK/createdb"
done
for ((round = 0; round < DUMPS; round++)); do
	settle
	timed "$WORK/dump" by_dump
	PGOPTIONS='-c client_min_messages=warning' sql -c 'DROP SCHEMA dumped CASCADE'
done
report 'CREATE DATABASE wal_log' createdb
report 'pg_dump | sed | psql -1' dump
