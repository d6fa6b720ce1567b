#!/usr/bin/env bash
# migrate.sh: one migration over many tenants, by tenant.migrate() and by psql.
#
#   bench/migrate.sh [TENANTS] [TABLES] [FLEET]
#
# ADD COLUMN and CREATE INDEX for 1000 tenants of 20 tables: by two jobs; by psql in
# one connection with a transaction for each tenant; by "xargs -P2 psql".  Then
# what a run costs that has nothing to do for 10,000 tenants, beside counting the
# rows of the ledger.  Each is done on the same cluster, one after the other.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

tenants=${1:-1000}
tables=${2:-20}
fleet=${3:-10000}

find_pg_config || die "no server found"
make_workspace
private_server
build_extension
start_cluster data "shared_preload_libraries = 'tenant_mgr'" "max_worker_processes = 16" \
	"shared_buffers = 256MB" "max_wal_size = 4GB" "autovacuum = off"

sql -c "CREATE EXTENSION tenant_mgr" -c "SELECT tenant.create('tpl'), tenant.set_template('tpl', true)" >/dev/null
sql >/dev/null <<SQL
SELECT format('CREATE TABLE tpl.t%s (id int PRIMARY KEY, v text); INSERT INTO tpl.t%1\$s SELECT g, g::text FROM generate_series(1, 100) g', i)
	FROM generate_series(1, $tables) i \gexec
SQL
step "$tenants tenants of $tables tables"
for ((i = 1; i <= tenants; i += 100)); do
	sql -c "SELECT count(tenant.create('t' || i, template => 'tpl')) FROM generate_series($i, least($i + 99, $tenants)) i" >/dev/null
done
sql -c "VACUUM ANALYZE" >/dev/null

# seconds NAME COMMAND...
seconds()
{
	local name=$1 from
	shift
	from=$(now)
	"$@" >/dev/null
	awk -v ns=$(($(now) - from)) -v name="$name" 'BEGIN { printf "%-40s %8.1f s\n", name, ns / 1e9 }'
}

# column NUMBER: the statements of a migration
column() { printf 'ALTER TABLE t1 ADD COLUMN c%s int; CREATE INDEX i%s ON t1 (c%s)' "$1" "$1" "$1"; }

migrate()
{
	sql -c "SELECT tenant.add_migration('$1', '$(column "$1")')" -c "CALL tenant.migrate(jobs => $2, verify => '$3')" 2>/dev/null
}

one_connection()
{
	for ((i = 1; i <= tenants; i++)); do
		printf 'BEGIN; SET LOCAL search_path = t%s; %s; COMMIT;\n' "$i" "$(column "$1")"
	done | sql
}

by_xargs()
{
	seq 1 "$tenants" | xargs -P2 -I{} "$BIN/psql" -X -q -v ON_ERROR_STOP=1 \
		-c "BEGIN; SET LOCAL search_path = t{}; $(column "$1"); COMMIT"
}

seconds "psql, one connection" one_connection 1
seconds "xargs -P2 psql" by_xargs 2
seconds "tenant.migrate, 2 jobs, verify off" migrate 3 2 off
seconds "tenant.migrate, 2 jobs, the first look" migrate 4 2 report
seconds "tenant.migrate, 2 jobs" migrate 5 2 report
seconds "tenant.migrate, in the session, verify off" migrate 6 1 off

step "nothing pending for $fleet tenants"
sql >/dev/null <<SQL
SELECT format('SELECT tenant.create(%L, template => NULL)', 'f' || i) FROM generate_series($tenants + 1, $fleet) i \gexec
SELECT tenant.baseline(name, '6') FROM tenant.tenants;
VACUUM ANALYZE;
SQL
printf '%s\n' '\timing on' 'CALL tenant.migrate();' 'CALL tenant.migrate();' 'CALL tenant.migrate();' \
	'SELECT count(*) FROM tenant.applied_migration;' 'SELECT count(*) FROM tenant.applied_migration;' |
	"$BIN/psql" -X -q -A -t 2>/dev/null
