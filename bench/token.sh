#!/usr/bin/env bash
# token.sh: what switching by a token costs, against the verification of the
# same signature by libsodium alone.
#
#   bench/token.sh [ROUNDS [SECONDS]]     default 5 rounds of 3 seconds each
#
# pgbench with prepared statements, one client, and a loop in C; interleaved, and
# the median of the rounds counts.  Needs python3-jwt and python3-cryptography.
#   token     switch between two tenants by a token for each
#   switch    switch between them without
#   nothing   the round trip alone
#   libsodium crypto_sign_verify_detached, no server
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-5} DURATION=${2:-3}
readonly SCRIPTS=(token switch nothing)

mint() { /usr/bin/python3 "$TOP/test/t/lib/mint_token.py"; }

# One token for each tenant, and the public key.
make_tokens()
{
	local tenant
	key=$(mint <<<'{"public": "bench"}')
	for tenant in a b; do
		mint <<<"{\"key\": \"bench\", \"claims\": {\"tenant\": \"$tenant\", \"role\": \"postgres\", \"iat\": \"0\", \"exp\": \"3600\"}}" >"$WORK/token.$tenant"
	done
}

write_scripts()
{
	cat >"$WORK/token.sql" <<-END
		SELECT tenant.switch_token('$(cat "$WORK/token.a")');
		SELECT tenant.switch_token('$(cat "$WORK/token.b")');
	END
	cat >"$WORK/switch.sql" <<-'END'
		SELECT tenant.switch('a');
		SELECT tenant.switch('b');
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
make_tokens
cc -O2 -o "$WORK/verify" "$TOP/bench/raw_verify.c" -lsodium
start_cluster bench "shared_preload_libraries = 'tenant_mgr'" \
	"tenant_mgr.token_public_key = '$key'"
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/token.sh $ROUNDS $DURATION (pgbench -M prepared -c 1)"
role=$(sql -At -c 'SELECT current_user')
[ "$role" = postgres ] || die "the tokens are for postgres, and this is $role"
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' \
	-c "SELECT tenant.create('a'), tenant.create('b')"
write_scripts

step "One statement, median of $ROUNDS rounds of $DURATION s"
for ((round = 0; round < ROUNDS; round++)); do
	for script in "${SCRIPTS[@]}"; do
		script_us "$script" 2 >>"$WORK/$script.us"
	done
	"$WORK/verify" "$key" "$(cat "$WORK/token.a")" "$DURATION" >>"$WORK/libsodium.us"
done
for script in "${SCRIPTS[@]}" libsodium; do
	printf '%-10s %7.2f us\n' "$script" "$(median "$WORK/$script.us")"
done
awk -v t="$(median "$WORK/token.us")" -v s="$(median "$WORK/switch.us")" \
	-v n="$(median "$WORK/nothing.us")" -v l="$(median "$WORK/libsodium.us")" 'BEGIN {
	printf "token without the round trip / libsodium                  %.2f\n", (t - n) / l
	printf "what a token adds to a switch / libsodium                 %.2f\n", (t - s) / l }'
