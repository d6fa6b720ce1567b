#!/usr/bin/env bash
# fleet.sh: a fleet of many small tenants: what a run of migrations holds on to while
# it lasts, what one costs that finds nothing to do, and the memory of a question to
# thousands.
#
#   bench/fleet.sh [TENANTS [ASKED]]     default 10000 tenants, 3000 asked
#
# Each tenant has two tables.  Memory is what a process has for itself (RssAnon), in
# MB: of the session that calls and of the larger one of two workers, after a tenth of
# the time and at most after that.  Locks are the most that one process held at a time,
# with max_locks_per_transaction = 64.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly TENANTS=${1:-10000} ASKED=${2:-3000}

# own_memory PID: in MB, or nothing if it has gone
own_memory() { awk '/^RssAnon/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status" 2>/dev/null || true; }

# watch FILE PATTERN: what processes of these types have, as long as the file is there
watch()
{
	local pid type locks
	while [ -e "$1" ]; do
		while IFS='|' read -r pid type locks; do
			printf '%s %s %s\n' "$type" "$(own_memory "$pid")" "$locks"
		done < <(sql -c "SELECT pid, CASE WHEN backend_type ~ 'worker' THEN 'worker' ELSE 'session' END,
				(SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid)
			FROM pg_stat_activity a WHERE (backend_type ~ 'tenant_mgr.*worker' OR query ~ '$2') AND pid <> pg_backend_pid()") >>"$1.seen"
		sleep 0.3
	done
}

# watched NAME PATTERN SQL: run it, and tell the time, the memory and the locks
watched()
{
	local from watcher
	touch "$WORK/watched"
	rm -f "$WORK/watched.seen"
	touch "$WORK/watched.seen"
	watch "$WORK/watched" "$2" &
	watcher=$!
	from=$(now)
	sql -c "$3" >/dev/null 2>&1
	awk -v ns=$(($(now) - from)) -v name="$1" 'BEGIN { printf "%-44s %8.1f s\n", name, ns / 1e9 }'
	rm "$WORK/watched"
	wait "$watcher"
	for type in session worker; do
		awk -v type="$type" '$1 == type && NF == 3' "$WORK/watched.seen" | awk -v type="$type" '
			{ m[NR] = $2; if ($3 > locks) locks = $3 }
			END {
				tenth = int(NR / 10) + 1
				for (i = 1; i <= tenth; i++) if (m[i] > early) early = m[i]
				for (i = tenth; i <= NR; i++) if (m[i] > late) late = m[i]
				if (NR > 0) printf "    %-8s %6.1f MB after a tenth, %6.1f MB at most later, %d locks\n", type, early, late, locks
			}'
	done
}

find_pg_config || die "no server found"
make_workspace
private_server
build_extension
start_cluster data "shared_preload_libraries = 'tenant_mgr'" "max_worker_processes = 16" \
	"max_locks_per_transaction = 64" "shared_buffers = 256MB" "max_wal_size = 4GB" "autovacuum = off" "jit = off"

step "$TENANTS tenants of 2 tables"
sql >/dev/null <<'SQL'
CREATE EXTENSION tenant_mgr;
SELECT tenant.create('tpl'), tenant.set_template('tpl', true);
CREATE TABLE tpl.customer (id int PRIMARY KEY, name text);
CREATE TABLE tpl.invoice (id int PRIMARY KEY, customer_id int, total numeric);
INSERT INTO tpl.invoice SELECT g, g, g FROM generate_series(1, 20) g;
SQL
for ((i = 1; i <= TENANTS; i += 100)); do
	sql -c "SELECT count(tenant.create('t' || i, template => 'tpl')) FROM generate_series($i, least($i + 99, $TENANTS)) i" >/dev/null
done
sql -c "VACUUM ANALYZE pg_class, pg_attribute, pg_namespace, tenant.registry, tenant.applied_migration"

step "one migration for all"
sql -c "SELECT tenant.add_migration('1', 'ALTER TABLE invoice ADD COLUMN paid bool; CREATE INDEX ON invoice (customer_id)')" >/dev/null
watched "tenant.migrate, 2 jobs" '^CALL tenant.migrate' "CALL tenant.migrate(jobs => 2)"
sql -c "SELECT tenant.add_migration('2', 'ALTER TABLE customer ADD COLUMN email text')" >/dev/null
watched "tenant.migrate, in the session" '^CALL tenant.migrate' "CALL tenant.migrate(jobs => 1)"
sql -c "SELECT count(*) || ' pending' FROM tenant.pending"

step "nothing pending"
sql -c "VACUUM ANALYZE pg_class, pg_attribute, pg_namespace, tenant.registry, tenant.applied_migration"
for ((i = 0; i < 5; i++)); do
	printf '%s\n' '\timing on' 'SELECT count(*) FROM tenant.tenants;' 'CALL tenant.migrate();' | "$BIN/psql" -XqAt 2>/dev/null |
		awk '/^Time/ { print (n++ ? "run" : "count"), $2 }'
done >"$WORK/nothing"
for what in count run; do
	awk -v w="$what" '$1 == w { print $2 }' "$WORK/nothing" >"$WORK/nothing.$what"
done
awk -v count="$(median "$WORK/nothing.count")" -v run="$(median "$WORK/nothing.run")" 'BEGIN {
	printf "%-44s %8.1f ms\n%-44s %8.1f ms, %.2f of it\n", "SELECT count(*) FROM tenant.tenants", count, "CALL tenant.migrate()", run, run / count }'

step "a question to many"
for ((n = ASKED / 3; n <= ASKED; n += ASKED / 3)); do
	watched "tenant.query, $n tenants" '^SELECT count' "SELECT count(*) FROM tenant.query('SELECT count(*), sum(total) FROM invoice',
		tenants => ARRAY(SELECT 't' || i FROM generate_series(1, $n) i)) AS (tenant text, invoices bigint, total numeric)"
done
