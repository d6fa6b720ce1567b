#!/usr/bin/env bash
# switch.sh: what switching costs, against the bare set_config('search_path').
#
#   bench/switch.sh [ROUNDS [SECONDS]]     default 5 rounds of 3 seconds each
#
# pgbench with prepared statements, one client.  Five scripts, interleaved; the
# median of the rounds counts.
#   alternate     switch between two tenants
#   same          switch to the tenant that is bound already
#   path          set_config('search_path', ...) between two schemas
#   path_same     set_config('search_path', ...) to the same value
#   nothing       the round trip alone
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-5} DURATION=${2:-3}
readonly SCRIPTS=(alternate same path path_same nothing)

write_scripts()
{
	cat >"$WORK/alternate.sql" <<-'END'
		SELECT tenant.switch('a');
		SELECT tenant.switch('b');
	END
	cat >"$WORK/same.sql" <<-'END'
		SELECT tenant.switch('a');
		SELECT tenant.switch('a');
	END
	cat >"$WORK/path.sql" <<-'END'
		SELECT set_config('search_path', 'a, public, pg_temp', false);
		SELECT set_config('search_path', 'b, public, pg_temp', false);
	END
	cat >"$WORK/path_same.sql" <<-'END'
		SELECT set_config('search_path', 'a, public, pg_temp', false);
		SELECT set_config('search_path', 'a, public, pg_temp', false);
	END
	cat >"$WORK/nothing.sql" <<-'END'
		SELECT 'a';
		SELECT 'b';
	END
}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench "shared_preload_libraries = 'tenant_mgr'"
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/switch.sh $ROUNDS $DURATION (pgbench -M prepared -c 1)"
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' \
	-c "SELECT tenant.create('a'), tenant.create('b')"
write_scripts

step "One statement, median of $ROUNDS rounds of $DURATION s"
for ((round = 0; round < ROUNDS; round++)); do
	for script in "${SCRIPTS[@]}"; do
		script_us "$script" 2 >>"$WORK/$script.us"
	done
done
for script in "${SCRIPTS[@]}"; do
	printf '%-10s %7.2f us\n' "$script" "$(median "$WORK/$script.us")"
done
awk -v a="$(median "$WORK/alternate.us")" -v p="$(median "$WORK/path.us")" \
	-v s="$(median "$WORK/same.us")" -v q="$(median "$WORK/path_same.us")" 'BEGIN {
	printf "alternating switch / alternating set_config           %.2f\n", a / p
	printf "switch to the bound tenant / set_config to the same   %.2f\n", s / q }'
