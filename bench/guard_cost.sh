#!/usr/bin/env bash
# guard_cost.sh: what the guard costs, in instructions.
#
#   bench/guard_cost.sh [CASE...]     default: all cases
#
# Rates on a machine that others use say little about a few percent.  So the
# instructions are counted that one session executes, by callgrind of valgrind, on
# a server that does not know the library and on one that has it, with the guard
# on.  A session executes the statement a few times or a few times more often, and
# the difference counts, so what is made once, such as plans, is left out.
#
# A case is a statement and a role: "guarded" is bound to the tenant, "off" as well but
# with the guard off, "free" is not bound, nor is "postgres", who maintains the tables.
#
#   call       CALL of a procedure that reads 1000 rows one by one
#   trigger    INSERT of 2000 rows with a trigger
#   function   2000 calls of an SQL function that reads a row
#   analyze, reindex, refresh
#              of 2000 rows, each with a call of a PL/pgSQL function of the tenant
#   analyze_ordinary, reindex_ordinary, refresh_ordinary
#              the same with a function that is built in, as in nearly all tables
#   prepared, simple
#              1000 times a row by its key, by the extended and the simple protocol
#   switch     1000 times to one tenant and to another; without the library,
#              set_config of the search path
#   same       1000 times to the tenant that is bound already, likewise
#
# With TM_KEEP=1 callgrind's files stay, one a session: callgrind_annotate.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ALL='call:guarded call:free trigger:guarded trigger:free function:guarded function:free
	analyze:postgres reindex:postgres refresh:postgres
	analyze_ordinary:postgres reindex_ordinary:postgres refresh_ordinary:postgres
	prepared:guarded prepared:off simple:guarded simple:off switch:free same:free'
readonly ROWS=2000

write_cases()
{
	echo "BEGIN; INSERT INTO a.logged SELECT g, 'x' FROM generate_series(1, $ROWS) AS g; ROLLBACK;" >"$WORK/trigger.sql"
	echo "SELECT count(a.look_up(g)) FROM generate_series(1, $ROWS) AS g;" >"$WORK/function.sql"
	echo 'CALL a.steps();' >"$WORK/call.sql"
	echo 'ANALYZE a.item;' >"$WORK/analyze.sql"
	echo 'REINDEX TABLE a.item;' >"$WORK/reindex.sql"
	echo 'REFRESH MATERIALIZED VIEW a.seen;' >"$WORK/refresh.sql"
	echo 'ANALYZE a.ordinary;' >"$WORK/analyze_ordinary.sql"
	echo 'REINDEX TABLE a.ordinary;' >"$WORK/reindex_ordinary.sql"
	echo 'REFRESH MATERIALIZED VIEW a.ordinary_seen;' >"$WORK/refresh_ordinary.sql"
	echo 'SELECT v FROM a.plain WHERE id = 1;' | tee "$WORK/simple.sql" >"$WORK/prepared.sql"
	if [ "$1" = with ]; then
		echo "SELECT tenant.switch('a'); SELECT tenant.switch('b');" >"$WORK/switch.sql"
		echo "SELECT tenant.switch('a');" >"$WORK/same.sql"
	else
		echo "SELECT set_config('search_path', 'a, public, pg_temp', false); SELECT set_config('search_path', 'b, public, pg_temp', false);" >"$WORK/switch.sql"
		echo "SELECT set_config('search_path', 'a, public, pg_temp', false);" >"$WORK/same.sql"
	fi
}

# start_counted NAME: the cluster again, with callgrind round each of its processes.
start_counted()
{
	stop_cluster "$1"
	as_user tee "$WORK/counted" >/dev/null <<-END
		#!/bin/sh
		exec valgrind -q --tool=callgrind --trace-children=yes --callgrind-out-file='$WORK/$1.%p.cg' '$BIN/postgres' "\$@"
	END
	chmod +x "$WORK/counted"
	quietly "$WORK/start.log" as_user "$BIN/pg_ctl" -D "$WORK/$1" -l "$WORK/$1.log" -w -t 300 -p "$WORK/counted" start
}

# executed NAME CASE TIMES: the instructions of a session that executes it so often.
executed()
{
	local script=${2%:*} role=${2#*:} name=$2.$3 mode=simple pid
	case $script in
		prepared|switch|same) mode=prepared ;;
	esac
	PGAPPNAME=$name quietly "$WORK/pgbench.log" "$BIN/pgbench" -n -U "$role" -t "$3" -M "$mode" -f "$WORK/$script.sql"
	# The first session of pgbench only looks whether there is a server.
	for ((i = 0; i < 600; i++)); do
		pid=$(sed -n "s/.*\[\([0-9]*\)\] $name LOG:  disconnection.*/\1/p" "$WORK/$1.log" | sed -n 2p)
		! grep -qs '^totals:' "$WORK/$1.$pid.cg" || break
		sleep 0.1
	done
	awk '/^totals:/ { print $2 }' "$WORK/$1.$pid.cg"
	mv "$WORK/$1.$pid.cg" "$WORK/$1.$name.cg"
}

# cost NAME CASE: the instructions of one execution.
cost()
{
	local few=3 more=6
	case ${2%:*} in
		prepared|simple|switch|same) few=100 more=1100 ;;
	esac
	awk -v a="$(executed "$1" "$2" "$few")" -v b="$(executed "$1" "$2" "$more")" -v n=$((more - few)) \
		'BEGIN { printf "%.0f\n", (b - a) / n }'
}

readonly CASES=${*:-$ALL}

step "Servers"
have valgrind || die "valgrind is not installed"
find_pg_config
make_workspace
private_server
build_extension
say "$("$PG_CONFIG" --version), $(valgrind --version)"

for server in without with; do
	library=()
	[ "$server" = without ] || library=("shared_preload_libraries = 'tenant_mgr'")
	start_cluster "$server" 'autovacuum = off' 'jit = off' 'log_disconnections = on' ${library[@]+"${library[@]}"}
	if [ "$server" = with ]; then
		sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' -c "SELECT tenant.create('a'), tenant.create('b')"
	else
		sql -c 'CREATE SCHEMA a' -c 'CREATE SCHEMA b'
	fi
	sql -c 'CREATE ROLE guarded LOGIN' -c 'CREATE ROLE free LOGIN' -c 'CREATE ROLE off LOGIN' -c 'GRANT USAGE ON SCHEMA b TO free'
	sql -o /dev/null -v rows="$ROWS" -f "$TOP/bench/tenants_code.sql"
	sql -c 'GRANT USAGE ON SCHEMA a TO off; GRANT SELECT ON ALL TABLES IN SCHEMA a TO off'
	if [ "$server" = with ]; then
		sql -c "ALTER ROLE guarded SET tenant_mgr.tenant = 'a'" -c "ALTER ROLE off SET tenant_mgr.tenant = 'a'" \
			-c 'ALTER ROLE off SET tenant_mgr.guard = off'
	fi
	write_cases "$server"
	start_counted "$server"
	for case in $CASES; do
		cost "$server" "$case" >"$WORK/$case.$server"
	done
	stop_cluster "$server"
done

step "Instructions of one execution"
printf '%-20s %12s %12s %8s\n' case without with more
for case in $CASES; do
	awk -v c="$case" -v a="$(cat "$WORK/$case.without")" -v b="$(cat "$WORK/$case.with")" \
		'BEGIN { printf "%-20s %12d %12d %7.2f%%\n", c, a, b, 100 * (b - a) / a }'
done
