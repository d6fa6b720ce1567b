#!/usr/bin/env bash
# secrets.sh: what a secret costs, against the bare library and pgcrypto.
#
#   bench/secrets.sh [ROUNDS [ROWS [TENANTS]]]   default 5, 300000 and 10000
#
# A password of 32 bytes is encrypted for each row of generate_series, and as many
# secrets are decrypted from a table; the time of the whole statement counts, but
# nothing is compiled for it (jit = off).  The library does the same in a loop in C,
# with a random nonce for each.  pgp_sym_encrypt and pgp_sym_decrypt of pgcrypto do
# it for a thousandth of the rows.  The median of the rounds counts.  Then comes what
# it takes to refuse a secret, for each of the reasons and a tenth of the rows, the
# subtransaction of PL/pgSQL included, and tenant.rotate_keys() with the data keys of
# that many tenants.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly ROUNDS=${1:-5} ROWS=${2:-300000} TENANTS=${3:-10000}
readonly PASSWORD=12345678901234567890123456789012

# Microseconds for each row of a statement, by the server's clock.
measure()
{
	local rows=$1 statement=$2
	"$BIN/psql" -X -q -A -t -c '\timing on' -c "$statement" |
		awk -v rows="$rows" '/^Time:/ { printf "%.3f\n", $2 * 1000 / rows }'
}

# The same for refusals to open a secret with that context and associated data.
refuse()
{
	local rows=$((ROWS / 10))
	measure "$rows" "DO \$\$ BEGIN FOR i IN 1 .. $rows LOOP
		BEGIN PERFORM tenant.decrypt('$1', '$2', '$3'); EXCEPTION WHEN SQLSTATE 'TM007' THEN CONTINUE; END;
		RAISE 'it was opened'; END LOOP; END \$\$"
}

# The text with another character at this position, counted from 0.
change()
{
	local character=A
	[ "${1:$2:1}" != A ] || character=B
	printf '%s' "${1:0:$2}$character${1:$2+1}"
}

report() { printf '%-34s %8.2f us %12.0f a second\n' "$1" "$2" "$(awk -v t="$2" 'BEGIN { print 1e6 / t }')"; }

step "Server"
find_pg_config
make_workspace
private_server
build_extension
cc -O2 -o "$WORK/raw" "$TOP/bench/raw_sodium.c" -lsodium
printf '1:%s\n' "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')" | as_user tee "$WORK/ring" >/dev/null
as_user chmod 600 "$WORK/ring"
start_cluster bench "shared_preload_libraries = 'tenant_mgr'" "tenant_mgr.key_file = '$WORK/ring'" 'jit = off' \
	'max_parallel_workers_per_gather = 0'
say "$("$PG_CONFIG" --version), $(nproc) cores, $(uname -sr)"
say "bench/secrets.sh $ROUNDS $ROWS $TENANTS"
sql -o /dev/null -c 'CREATE EXTENSION tenant_mgr' -c 'CREATE EXTENSION pgcrypto' \
	-c "CREATE TABLE secret AS SELECT tenant.encrypt('$PASSWORD') AS s FROM generate_series(1, $ROWS)" \
	-c "CREATE TABLE pgp AS SELECT pgp_sym_encrypt('$PASSWORD', 'key') AS p FROM generate_series(1, $ROWS / 1000)" \
	-c 'VACUUM ANALYZE secret, pgp'

step "A password of 32 bytes"
for _ in $(seq "$ROUNDS"); do
	"$WORK/raw" "$ROWS" >"$WORK/raw.out"
	cut -d' ' -f1 "$WORK/raw.out" >>"$WORK/raw_seal"
	cut -d' ' -f2 "$WORK/raw.out" >>"$WORK/raw_open"
	measure "$ROWS" "SELECT count(tenant.encrypt('$PASSWORD')) FROM generate_series(1, $ROWS)" >>"$WORK/encrypt"
	measure "$ROWS" "SELECT count(tenant.decrypt(s)) FROM secret" >>"$WORK/decrypt"
	measure $((ROWS / 1000)) "SELECT count(pgp_sym_encrypt('$PASSWORD', 'key')) FROM generate_series(1, $ROWS / 1000)" >>"$WORK/pgp_encrypt"
	measure $((ROWS / 1000)) "SELECT count(pgp_sym_decrypt(p, 'key')) FROM pgp" >>"$WORK/pgp_decrypt"
done
for what in raw_seal encrypt pgp_encrypt raw_open decrypt pgp_decrypt; do
	declare "$what=$(median "$WORK/$what")"
done
# shellcheck disable=SC2154
{
	report 'libsodium, encrypt' "$raw_seal"
	report 'tenant.encrypt' "$encrypt"
	report 'pgp_sym_encrypt' "$pgp_encrypt"
	report 'libsodium, decrypt' "$raw_open"
	report 'tenant.decrypt' "$decrypt"
	report 'pgp_sym_decrypt' "$pgp_decrypt"
	awk -v a="$raw_seal" -v b="$encrypt" -v c="$pgp_encrypt" -v d="$raw_open" -v e="$decrypt" -v f="$pgp_decrypt" 'BEGIN {
		printf "rate of the library: encrypt %.2f, decrypt %.2f; times as fast as pgcrypto: %.0f, %.0f\n", a / b, d / e, c / b, f / e }'
}

step "A secret that is refused"
# The one with another key is of a database in which everything else is the same.
sql -o /dev/null -c 'CREATE DATABASE other'
sql -d other -o /dev/null -c 'CREATE EXTENSION tenant_mgr'
other=$(sql -d other -c "SELECT tenant.encrypt('$PASSWORD')")
own=$(sql -c "SELECT tenant.encrypt('$PASSWORD')")
scope=${own%:*}
for _ in $(seq "$ROUNDS"); do
	refuse "$other" '' '' >>"$WORK/another_key"
	refuse "$(change "$own" $((${#scope} + 1)))" '' '' >>"$WORK/first_byte"
	refuse "$(change "$own" $((${#own} - 8)))" '' '' >>"$WORK/last_byte"
	refuse "$own" context '' >>"$WORK/another_context"
	refuse "$own" '' data >>"$WORK/other_data"
done
for what in another_key first_byte last_byte another_context other_data; do
	report "${what/_/ }" "$(median "$WORK/$what")"
done

step "rotate_keys, $TENANTS tenants"
sql -o /dev/null -c "DO \$\$ BEGIN FOR i IN 1 .. $TENANTS LOOP
	PERFORM tenant.create('t' || i); PERFORM tenant.switch_local('t' || i); PERFORM tenant.encrypt('x');
	IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END \$\$"
printf '2:%s\n' "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')" | as_user tee -a "$WORK/ring" >/dev/null
rotated=$(measure 1 'CALL tenant.rotate_keys()')
awk -v us="$rotated" -v n="$TENANTS" 'BEGIN { printf "%.2f s, %.0f data keys a second\n", us / 1e6, n / us * 1e6 }'
