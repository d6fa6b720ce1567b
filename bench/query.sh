#!/usr/bin/env bash
# query.sh: one question to all tenants, by tenant.query and by a UNION ALL written by
# hand; time, memory and locks.
#
#   bench/query.sh [TENANTS [ROUNDS]]     default 1000 tenants, 5 rounds
#
# Each tenant has 20 tables with a key of their own; the question is about one of
# them, with 20 rows, and asks for a count and a sum.  Each round is a session of its
# own, in turn: the first call, with nothing in its caches, and the second one.  The
# median of the rounds counts, in milliseconds; memory is what the session's memory
# contexts have at the end of the transaction, in MB.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly TENANTS=${1:-1000} ROUNDS=${2:-5}

# A session that asks twice: prints the two times, memory and locks.
ask()
{
	"$BIN/psql" -XqAt -d postgres <<SQL
CREATE TEMP TABLE started (t timestamptz);
BEGIN;
SELECT clock_timestamp() AS t \gset a_
SELECT count(*), sum(total) FROM ($1) q \g /dev/null
SELECT clock_timestamp() AS t \gset b_
SELECT count(*), sum(total) FROM ($1) q \g /dev/null
SELECT clock_timestamp() AS t \gset c_
SELECT round(extract(epoch FROM :'b_t'::timestamptz - :'a_t'::timestamptz) * 1000),
	round(extract(epoch FROM :'c_t'::timestamptz - :'b_t'::timestamptz) * 1000),
	(SELECT round(sum(total_bytes) / 1e6, 1) FROM pg_backend_memory_contexts),
	(SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid());
COMMIT;
SQL
}

find_pg_config || die "no PostgreSQL"
make_workspace
step "build"
private_server
build_extension
start_cluster query "max_locks_per_transaction = 1024" "shared_preload_libraries = 'tenant_mgr'" \
	"autovacuum = off" "jit = off"
step "$TENANTS tenants of 20 tables"
"$BIN/psql" -XqAt -d postgres <<SQL
CREATE EXTENSION tenant_mgr;
SELECT tenant.create('t1') \g /dev/null
SELECT format('CREATE TABLE t1.%I (id int PRIMARY KEY, total numeric, note text)', 'orders' || i) FROM generate_series(1, 20) i \gexec
INSERT INTO t1.orders1 SELECT g, g, 'note ' || g FROM generate_series(1, 20) g;
SQL
for ((i = 1; i < TENANTS; i += 100)); do
	"$BIN/psql" -XqAt -d postgres -c "SELECT count(tenant.clone('t1', 't' || i)) FROM generate_series($((i + 1)), least($((i + 100)), $TENANTS)) i" >/dev/null
done
"$BIN/psql" -XqAt -d postgres -c 'VACUUM ANALYZE'

by_query="SELECT * FROM tenant.query('SELECT id, total FROM orders1') AS (tenant text, id int, total numeric)"
by_hand=$("$BIN/psql" -XqAt -d postgres -c "SELECT string_agg(format('SELECT %L AS tenant, id, total FROM %I.orders1', name, schema_name), ' UNION ALL ') FROM tenant.tenants")

step "measure"
rm -f "$WORK/by_query" "$WORK/by_hand"
for ((i = 0; i < ROUNDS; i++)); do
	ask "$by_hand" >>"$WORK/by_hand"
	ask "$by_query" >>"$WORK/by_query"
done
for way in hand query; do
	for column in 1 2 3 4; do
		cut -d'|' -f$column "$WORK/by_$way" | sort -n | sed -n "$(((ROUNDS + 1) / 2))p"
	done | paste -sd' ' | sed "s/^/$way /"
done | awk '
	BEGIN { printf "%-14s %10s %10s %10s %8s\n", "", "first ms", "second ms", "memory MB", "locks" }
	{ printf "%-14s %10s %10s %10s %8s\n", ($1 == "hand" ? "UNION ALL" : "tenant.query"), $2, $3, $4, $5; first[$1] = $2; second[$1] = $3; memory[$1] = $4 }
	END { printf "%-14s %10.2f %10.2f %10.2f\n", "ratio", first["query"] / first["hand"], second["query"] / second["hand"], memory["query"] / memory["hand"] }'
