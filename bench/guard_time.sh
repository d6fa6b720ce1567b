#!/usr/bin/env bash
# guard_time.sh: what the guard costs, in the processor's time.
#
#   bench/guard_time.sh [ROUNDS [CASE...]]     default 101 rounds of all cases
#
# The cases are those of guard_cost.sh.  One session on a server that has the
# library, with the guard on, and one on a server that does not know it, in turn: a
# round is some 50 ms of each.  What counts is how long the kernel says the session
# has been running (/proc/PID/schedstat), since that depends least on what else the
# machine does.  It prints the median of each, and the median of the ratios of the
# rounds, with their quartiles.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ALL='call:guarded call:free trigger:guarded trigger:free function:guarded function:free
	analyze:postgres reindex:postgres refresh:postgres
	analyze_ordinary:postgres reindex_ordinary:postgres refresh_ordinary:postgres'
readonly ROUNDS=${1:-101} ROWS=2000
shift || true
readonly CASES=${*:-$ALL}
declare -A CLIENT PID TO FROM

statement()
{
	case $1 in
		call) echo 'CALL a.steps();' ;;
		trigger) echo "BEGIN; INSERT INTO a.logged SELECT g, 'x' FROM generate_series(1, $ROWS) AS g; ROLLBACK;" ;;
		function) echo "SELECT count(a.look_up(g)) FROM generate_series(1, $ROWS) AS g;" ;;
		analyze) echo 'ANALYZE a.item;' ;;
		reindex) echo 'REINDEX TABLE a.item;' ;;
		refresh) echo 'REFRESH MATERIALIZED VIEW a.seen;' ;;
		analyze_ordinary) echo 'ANALYZE a.ordinary;' ;;
		reindex_ordinary) echo 'REINDEX TABLE a.ordinary;' ;;
		refresh_ordinary) echo 'REFRESH MATERIALIZED VIEW a.ordinary_seen;' ;;
		*) die "no such case: $1" ;;
	esac
}

# open NAME PORT ROLE: a session of psql that is told what to do by a pipe.
open()
{
	local to from
	mkfifo "$WORK/$1.to" "$WORK/$1.from"
	"$BIN/psql" -X -q -A -t -p "$2" -U "$3" <"$WORK/$1.to" >"$WORK/$1.from" 2>"$WORK/$1.err" &
	CLIENT[$1]=$!
	exec {to}>"$WORK/$1.to" {from}<"$WORK/$1.from"
	rm "$WORK/$1.to" "$WORK/$1.from"
	TO[$1]=$to FROM[$1]=$from
	echo 'SELECT pg_backend_pid();' >&"$to"
	read -r "PID[$1]" <&"$from"
	# psql does not wait for whoever reads, so results go nowhere.
	echo '\o /dev/null' >&"$to"
}

close()
{
	local to=${TO[$1]} from=${FROM[$1]}
	# Closing its input is not enough: a session that was opened later has it too.
	echo '\q' >&"$to"
	wait "${CLIENT[$1]}"
	exec {to}>&- {from}<&-
}

# ran NAME FILE: microseconds that the session runs for what is in the file.
ran()
{
	local before after answer
	read -r before _ <"/proc/${PID[$1]}/schedstat"
	cat "$2" >&"${TO[$1]}"
	printf '%s\n' '\echo ended' >&"${TO[$1]}"
	read -r answer <&"${FROM[$1]}"
	if [ "$answer" != ended ] || [ -s "$WORK/$1.err" ]; then
		die "failed: $(cat "$WORK/$1.err")"
	fi
	read -r after _ <"/proc/${PID[$1]}/schedstat"
	echo $(((after - before) / 1000))
}

# quartile FILE N
quartile() { sort -n "$1" | awk -v q="$2" '{ v[NR] = $1 } END { printf "%.3f", v[int((NR - 1) * q / 4) + 1] }'; }

step "Servers"
find_pg_config
make_workspace
private_server
build_extension
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/guard_time.sh $ROUNDS"
start_cluster without 'autovacuum = off' 'jit = off'
readonly WITHOUT=$PGPORT
sql -c 'CREATE SCHEMA a' -c 'CREATE ROLE guarded LOGIN' -c 'CREATE ROLE free LOGIN'
sql -o /dev/null -v rows="$ROWS" -f "$TOP/bench/tenants_code.sql"
TM_PORT=$((WITHOUT + 1)) start_cluster with 'autovacuum = off' 'jit = off' "shared_preload_libraries = 'tenant_mgr'"
readonly WITH=$PGPORT
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' -c "SELECT tenant.create('a')" \
	-c 'CREATE ROLE guarded LOGIN' -c 'CREATE ROLE free LOGIN'
sql -o /dev/null -v rows="$ROWS" -f "$TOP/bench/tenants_code.sql"
sql -c "ALTER ROLE guarded SET tenant_mgr.tenant = 'a'"

step "Microseconds of a round, medians of $ROUNDS"
printf '%-18s %10s %10s %8s %17s\n' case without with ratio quartiles
for case in $CASES; do
	statement "${case%:*}" >"$WORK/once"
	open with "$WITH" "${case#*:}"
	open without "$WITHOUT" "${case#*:}"
	# What fits into 50 ms, once the caches are warm.
	for name in with without with without; do us=$(ran "$name" "$WORK/once"); done
	for ((i = 0; i < 50000 / us + 1; i++)); do cat "$WORK/once"; done >"$WORK/round"
	rm -f "$WORK/us.with" "$WORK/us.without" "$WORK/ratio"
	for ((round = 0; round < ROUNDS; round++)); do
		a=$(ran without "$WORK/round")
		b=$(ran with "$WORK/round")
		echo "$a" >>"$WORK/us.without"
		echo "$b" >>"$WORK/us.with"
		awk -v a="$a" -v b="$b" 'BEGIN { print b / a }' >>"$WORK/ratio"
	done
	printf '%-18s %10.0f %10.0f %8s %8s %8s\n' "$case" "$(median "$WORK/us.without")" "$(median "$WORK/us.with")" \
		"$(quartile "$WORK/ratio" 2)" "$(quartile "$WORK/ratio" 1)" "$(quartile "$WORK/ratio" 3)"
	close with
	close without
done
