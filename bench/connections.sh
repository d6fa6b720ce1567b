#!/usr/bin/env bash
# connections.sh: whether ten thousand connections are looked at on time while
# two hundred of them hang.
#
#   bench/connections.sh [CONNECTIONS [HANGING [SECONDS]]]   default 10000 200 60
#
# One database with CONNECTIONS active connections, all to the loopback
# interface.  HANGING of them lead to a port where somebody accepts and never
# answers, the others to one that answers at once (fake_server.pl).  They are
# looked at every TM_INTERVAL ms (10000, the default of the setting), with the
# default timeout of 5 s.  Once all are known, the times at which each good one
# is looked at are noted for SECONDS.
#   longest      the longest time between two looks at a good connection
#   ratio        that time by the interval; 2 is what it should not exceed
# The two cores that it takes for a thousand looks a second are those that the
# other end takes as well.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly CONNECTIONS=${1:-10000} HANGING=${2:-200} DURATION=${3:-60}
readonly INTERVAL=${TM_INTERVAL:-10000}

stop_server()
{
	kill "$SERVER" 2>/dev/null || true
}

note_looks()
{
	sql -c "INSERT INTO look SELECT connection_name, last_checked FROM tenant.connection_health
		WHERE connection_name LIKE 'good%' AND last_checked IS NOT NULL ON CONFLICT DO NOTHING"
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'
tenant_mgr.health_slots = $CONNECTIONS
tenant_mgr.health_interval = $INTERVAL"
say "$("$PG_CONFIG" --version), $(nproc) cores"
perl "$TOP/bench/fake_server.pl" "$WORK/ports" &
SERVER=$!
trap 'stop_server; clean_up' EXIT
for _ in $(seq 100); do
	[ -s "$WORK/ports" ] && break
	sleep 0.1
done
read -r good bad <"$WORK/ports"

step "$CONNECTIONS connections, $HANGING of them hang"
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' -c 'CREATE UNLOGGED TABLE look (name text, at timestamptz, PRIMARY KEY (name, at))' -c "
	INSERT INTO tenant.connection (connection_name, host, port, database_name, username, ssl_mode)
	SELECT CASE WHEN n <= $HANGING THEN 'bad' ELSE 'good' END || n, '127.0.0.1',
		CASE WHEN n <= $HANGING THEN $bad ELSE $good END, 'x', 'x', 'disable'
	FROM generate_series(1, $CONNECTIONS) n ORDER BY hashint4(n)"
from=$SECONDS
known=0
while [ "$((SECONDS - from))" -lt 600 ]; do
	known=$(sql -c "SELECT count(*) FROM tenant.connection_health WHERE last_checked IS NOT NULL")
	[ "$known" = "$CONNECTIONS" ] && break
	sleep 1
done
[ "$known" = "$CONNECTIONS" ] || die "after ten minutes $known are known"
say "all are known after $((SECONDS - from)) s"

note_looks
from=$SECONDS
while [ "$((SECONDS - from))" -lt "$DURATION" ]; do
	sleep "$(awk -v ms="$INTERVAL" 'BEGIN { print ms / 4000 }')"
	note_looks
done

step "Results, interval $((INTERVAL)) ms"
sql -F ' ' -c "
	WITH ends AS (SELECT name, at, lag(at) OVER (PARTITION BY name ORDER BY at) AS before FROM look
			UNION ALL SELECT name, (SELECT max(at) FROM look), max(at) FROM look GROUP BY name),
		gaps AS (SELECT extract(epoch FROM at - before) * 1000 AS ms FROM ends WHERE before IS NOT NULL)
	SELECT format(E'looks     %s\nmedian    %s ms\n99%%       %s ms\nlongest   %s ms\nratio     %s', (SELECT count(*) FROM look),
		round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)), round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)),
		round(max(ms)), round((max(ms) / $INTERVAL)::numeric, 2))
	FROM gaps WHERE ms > 0"
sql -F ' ' -c "SELECT status, count(*) FROM tenant.connection_health GROUP BY 1 ORDER BY 1"
