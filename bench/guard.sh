#!/usr/bin/env bash
# guard.sh: what the guard costs a bound session, and what a binding does.
#
#   bench/guard.sh [ROUNDS [SECONDS]]     default 7 rounds of 3 seconds each
#
# pgbench's tables (scale 10) in the schema of a tenant.  Its select-only script
# with prepared statements, by a role that is bound, with the guard off and on,
# in turn; for 1 and for 4 clients; and SELECT 1 with the simple protocol, not
# bound, bound with the guard off, and bound with the guard on.  The median of
# the rounds counts, in transactions a second.
#
# Then a tenant's own code and the maintenance of its tables, on that server and on
# one that does not know the library: a trigger and an SQL function for 20000 rows,
# CALL of a procedure with 1000 statements, each in a session that is bound and in
# one that is not, and ANALYZE, REINDEX and REFRESH in one that is not: of tables whose
# indexes and views call the tenant's functions, and of ordinary ones, where they are
# built in.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-7} DURATION=${2:-3}

# tps ROLE CLIENTS FILE [OPTION...]
tps()
{
	local role=$1 clients=$2 script=$3
	shift 3
	"$BIN/pgbench" -n -U "$role" -c "$clients" -j 2 -T "$DURATION" -f "$script" -D scale=10 "$@" 2>/dev/null |
		awk '/^tps/ { print $3 }'
}

ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.3f\n", a / b }'; }

# Scripts of pgbench, and by whom they are run: on both servers by a role that is
# bound on the first one, one that is not, or by who maintains both.
readonly CASES='trigger:guarded trigger:free function:guarded function:free call:guarded call:free
	analyze:postgres reindex:postgres refresh:postgres
	analyze_ordinary:postgres reindex_ordinary:postgres refresh_ordinary:postgres'
write_cases()
{
	echo "BEGIN; INSERT INTO a.logged SELECT g, 'x' FROM generate_series(1, 20000) AS g; ROLLBACK;" >"$WORK/trigger.sql"
	echo 'SELECT count(a.look_up(g)) FROM generate_series(1, 20000) AS g;' >"$WORK/function.sql"
	echo 'CALL a.steps();' >"$WORK/call.sql"
	echo 'ANALYZE a.item;' >"$WORK/analyze.sql"
	echo 'REINDEX TABLE a.item;' >"$WORK/reindex.sql"
	echo 'REFRESH MATERIALIZED VIEW a.seen;' >"$WORK/refresh.sql"
	echo 'ANALYZE a.ordinary;' >"$WORK/analyze_ordinary.sql"
	echo 'REINDEX TABLE a.ordinary;' >"$WORK/reindex_ordinary.sql"
	echo 'REFRESH MATERIALIZED VIEW a.ordinary_seen;' >"$WORK/refresh_ordinary.sql"
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'" 'max_wal_size = 4GB'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/guard.sh $ROUNDS $DURATION"
"$BIN/pgbench" -q -i -s 10 >/dev/null 2>&1
sql -o /dev/null <<'SQL'
CREATE EXTENSION tenant_mgr;
SELECT tenant.create('a'), tenant.create('b');
ALTER TABLE pgbench_accounts SET SCHEMA a;
CREATE ROLE off LOGIN; CREATE ROLE guarded LOGIN; CREATE ROLE free LOGIN;
GRANT USAGE ON SCHEMA a TO off, guarded, free;
GRANT SELECT ON ALL TABLES IN SCHEMA a TO off, guarded, free;
ALTER ROLE off SET tenant_mgr.guard = off;
ALTER ROLE off SET tenant_mgr.tenant = 'a';
ALTER ROLE guarded SET tenant_mgr.tenant = 'a';
VACUUM (ANALYZE);
SELECT count(*) FROM a.pgbench_accounts;
SQL
cat >"$WORK/select.sql" <<'SQL'
\set aid random(1, 100000 * :scale)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SQL
echo 'SELECT 1;' >"$WORK/one.sql"

step "Transactions a second, median of $ROUNDS rounds of $DURATION s"
for ((round = 0; round < ROUNDS; round++)); do
	for clients in 1 4; do
		for role in off guarded; do
			tps "$role" "$clients" "$WORK/select.sql" -M prepared >>"$WORK/prepared.$role.$clients"
		done
	done
	for role in off guarded; do
		tps "$role" 1 "$WORK/select.sql" -M simple >>"$WORK/simple.$role"
	done
	for role in free off guarded; do
		tps "$role" 1 "$WORK/one.sql" -M simple >>"$WORK/one.$role"
	done
done
for clients in 1 4; do
	printf 'select-only, prepared, %d clients    off %8.0f  on %8.0f  on/off %s\n' "$clients" \
		"$(median "$WORK/prepared.off.$clients")" "$(median "$WORK/prepared.guarded.$clients")" \
		"$(ratio "$WORK/prepared.guarded.$clients" "$WORK/prepared.off.$clients")"
done
printf 'select-only, simple, 1 client       off %8.0f  on %8.0f  on/off %s\n' \
	"$(median "$WORK/simple.off")" "$(median "$WORK/simple.guarded")" "$(ratio "$WORK/simple.guarded" "$WORK/simple.off")"
printf 'SELECT 1, simple: not bound %8.0f  bound, off %8.0f  bound, on %8.0f  bound/not %s\n' \
	"$(median "$WORK/one.free")" "$(median "$WORK/one.off")" "$(median "$WORK/one.guarded")" \
	"$(ratio "$WORK/one.guarded" "$WORK/one.free")"

step "Code and maintenance of a tenant, with the library against without"
sql -o /dev/null -v rows=10000 -f "$TOP/bench/tenants_code.sql"
readonly WITH_PORT=$PGPORT
TM_PORT=$((WITH_PORT + 1)) start_cluster without 'max_wal_size = 4GB'
readonly WITHOUT_PORT=$PGPORT
sql -c 'CREATE SCHEMA a; CREATE ROLE guarded LOGIN; CREATE ROLE free LOGIN'
sql -o /dev/null -v rows=10000 -f "$TOP/bench/tenants_code.sql"
write_cases
for ((round = 0; round < ROUNDS; round++)); do
	for case in $CASES; do
		for mode in simple prepared; do
			for clients in 1 4; do
				# Those who maintain a table wait for each other.
				[ "${case#*:}" != postgres ] || [ "$mode$clients" = simple1 ] || continue
				for PGPORT in "$WITHOUT_PORT" "$WITH_PORT"; do
					tps "${case#*:}" "$clients" "$WORK/${case%:*}.sql" -M "$mode" >>"$WORK/$case.$mode.$clients.$PGPORT"
				done
			done
		done
	done
done
for file in "$WORK"/*:*."$WITH_PORT"; do
	name=$(basename "$file" ".$WITH_PORT")
	printf '%-32s without %10.2f  with %10.2f  with/without %s\n' "$name" \
		"$(median "${file%.*}.$WITHOUT_PORT")" "$(median "$file")" "$(ratio "$file" "${file%.*}.$WITHOUT_PORT")"
done
