#!/usr/bin/env bash
# clone_online.sh: what the writers of a schema feel while it is cloned with
# clone_lock = 'none', against what they feel while pg_dump reads it.
#
#   bench/clone_online.sh [SCALE [SECONDS]]     default 30 and 15
#
# pgbench's TPC-B runs against the source, two clients.  It is run three times:
# undisturbed, while the schema is cloned over and over, and while it is dumped
# over and over.  Afterwards the sums that TPC-B keeps equal are compared in the
# last clone.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly SCALE=${1:-30} DURATION=${2:-15}

# disturbed NAME COMMAND...: TPC-B while a command is repeated; prints the rate
# and the longest transaction.
disturbed()
{
	local name=$1 other times=0
	shift
	(
		cd "$WORK"
		rm -f log."$name".*
		PGOPTIONS='-c search_path=bank' "$BIN/pgbench" -n -c 2 -T "$DURATION" -M prepared \
			-l --log-prefix="log.$name" >"$name.out" 2>&1
	) &
	other=$!
	while kill -0 "$other" 2>/dev/null; do
		"$@" >/dev/null
		times=$((times + 1))
	done
	wait "$other"
	cat "$WORK/log.$name".* | awk -v n="$name" -v t="$times" -v tps="$(awk '/^tps/ { print $3 }' "$WORK/$name.out")" '
		$3 > longest { longest = $3 }
		END { printf "%-12s %8.0f tps   longest transaction %7.1f ms   %d runs\n", n, tps, longest / 1000, t }'
}

clone_once()
{
	sql -o /dev/null -c "SELECT tenant.drop('copy', purge => true) WHERE tenant.exists('copy')" \
		-c "SET tenant_mgr.clone_lock = 'none'" -c "SELECT tenant.clone('bank', 'copy')"
}
dump_once() { "$BIN/pg_dump" -n bank -f /dev/null; }

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench 'fsync = on' 'max_wal_size = 16GB' 'checkpoint_timeout = 1h'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/clone_online.sh $SCALE $DURATION (pgbench TPC-B -c 2)"
sql -c 'CREATE EXTENSION tenant_mgr' -c 'CREATE SCHEMA bank'
PGOPTIONS='-c search_path=bank' "$BIN/pgbench" -i -s "$SCALE" -q >/dev/null 2>&1

step "Writers of the source"
disturbed alone sleep 1
disturbed clone clone_once
disturbed pg_dump dump_once

step "The last clone"
sql -c "SELECT CASE WHEN a.s = b.s AND b.s = t.s AND t.s = h.s THEN 'the four sums are equal'
	ELSE 'THE SUMS DIFFER' END
	FROM (SELECT sum(abalance) AS s FROM copy.pgbench_accounts) a,
	(SELECT sum(bbalance) AS s FROM copy.pgbench_branches) b,
	(SELECT sum(tbalance) AS s FROM copy.pgbench_tellers) t,
	(SELECT sum(delta) AS s FROM copy.pgbench_history) h"
