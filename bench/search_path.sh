#!/usr/bin/env bash
# search_path.sh: does the guard's object access hook make search paths dear?
#
#   bench/search_path.sh [ROUNDS [CALLS]]     default 31 rounds of 50000 calls
#
# From version 17 on the server remembers what a search path stands for, but not
# while there is an object access hook.  The guard's is there only while a bound
# session executes a utility statement that creates, changes or drops something.
# So in a session that is bound, with the guard off and on, in turn:
#
#   - a query that for each row calls a function with SET search_path, which looks
#     up a name,
#   - a loop that sets the path and runs a statement with an unqualified name,
#   - the first again within CREATE TABLE AS, where the hook is there.
#
# The median of the rounds counts, in milliseconds.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-31} CALLS=${2:-50000}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'"
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/search_path.sh $ROUNDS $CALLS"
sql -o /dev/null <<'SQL'
CREATE EXTENSION tenant_mgr;
SELECT tenant.create('a');
CREATE TABLE a.t AS SELECT 1 AS i;
CREATE FUNCTION a.own_path(int) RETURNS int LANGUAGE plpgsql
	SET search_path = a, pg_temp AS $$BEGIN RETURN (to_regclass('t') IS NOT NULL)::int; END$$;
CREATE PROCEDURE a.change_path(calls int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. calls LOOP
		PERFORM set_config('search_path', CASE i % 2 WHEN 0 THEN 'a' ELSE 'a, public' END, true);
		EXECUTE 'SELECT i FROM t';
	END LOOP;
END
$$;
CREATE ROLE off LOGIN; CREATE ROLE guarded LOGIN;
GRANT ALL ON SCHEMA a TO off, guarded;
GRANT SELECT ON a.t TO off, guarded;
ALTER ROLE off SET tenant_mgr.guard = off;
ALTER ROLE off SET tenant_mgr.tenant = 'a';
ALTER ROLE guarded SET tenant_mgr.tenant = 'a';
VACUUM;
SQL

step "Milliseconds, median of $ROUNDS rounds"
for ((round = 0; round < ROUNDS; round++)); do
	for role in off guarded; do
		timed "$WORK/query.$role" sql -U "$role" -c "SELECT sum(own_path(i)) FROM generate_series(1, $CALLS) AS i"
		timed "$WORK/loop.$role" sql -U "$role" -c "CALL change_path($((CALLS / 4)))"
		timed "$WORK/create.$role" sql -U "$role" -c "CREATE TEMP TABLE x AS SELECT own_path(i) FROM generate_series(1, $CALLS) AS i"
	done
done
show()
{
	printf '%-46s off %7.0f  on %7.0f  on/off %s\n' "$1" "$(median "$WORK/$2.off")" "$(median "$WORK/$2.guarded")" \
		"$(awk -v a="$(median "$WORK/$2.guarded")" -v b="$(median "$WORK/$2.off")" 'BEGIN { printf "%.2f", a / b }')"
}
show 'function with SET search_path, in a query' query
show 'set_config and an unqualified name, in CALL' loop
show 'function with SET search_path, CREATE TABLE AS' create
