#!/usr/bin/env bash
# route.sh: what tenant.route() costs, against a SELECT by primary key.
#
#   bench/route.sh [ROUNDS [SECONDS]]     default 5 rounds of 3 seconds each
#
# pgbench with prepared statements, one client, 1000 tenants with a primary and
# two replicas.  Scripts interleaved; the median of the rounds counts.
#   write      tenant.route(...), of a random tenant
#   read       tenant.route(..., 'read')
#   select     SELECT of a row by primary key from a table of 1000 rows
#   nothing    the round trip alone
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-5} DURATION=${2:-3}
readonly SCRIPTS=(write read select nothing)

write_scripts()
{
	local pick='\set n random(1, 1000)'
	printf '%s\n' "$pick" "SELECT tenant.route('t' || :n);" >"$WORK/write.sql"
	printf '%s\n' "$pick" "SELECT tenant.route('t' || :n, 'read');" >"$WORK/read.sql"
	printf '%s\n' "$pick" "SELECT v FROM keyed WHERE k = 't' || :n;" >"$WORK/select.sql"
	printf '%s\n' "$pick" "SELECT 't' || :n;" >"$WORK/nothing.sql"
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'
max_locks_per_transaction = 512
tenant_mgr.health_interval = 0"
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/route.sh $ROUNDS $DURATION (pgbench -M prepared -c 1)"
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' \
	-c "SELECT tenant.create('t' || n) FROM generate_series(1, 1000) n" \
	-c "SELECT tenant.add_connection(name, host => 'h', database_name => 'd', username => 'u', role => role)
		FROM (VALUES ('p', 'primary'), ('r1', 'replica'), ('r2', 'replica')) v (name, role)" \
	-c "SELECT tenant.assign('t' || n, c) FROM generate_series(1, 1000) n, unnest('{p,r1,r2}'::text[]) c" \
	-c "CREATE TABLE keyed (k text PRIMARY KEY, v text)" \
	-c "INSERT INTO keyed SELECT 't' || n, 'p' FROM generate_series(1, 1000) n" \
	-c "VACUUM ANALYZE keyed"
write_scripts

step "One call, median of $ROUNDS rounds of $DURATION s"
for ((round = 0; round < ROUNDS; round++)); do
	for script in "${SCRIPTS[@]}"; do
		script_us "$script" >>"$WORK/$script.us"
	done
done
for script in "${SCRIPTS[@]}"; do
	printf '%-10s %7.2f us\n' "$script" "$(median "$WORK/$script.us")"
done
awk -v w="$(median "$WORK/write.us")" -v r="$(median "$WORK/read.us")" \
	-v s="$(median "$WORK/select.us")" 'BEGIN {
	printf "route to write / select   %.2f\n", w / s
	printf "route to read / select    %.2f\n", r / s }'
