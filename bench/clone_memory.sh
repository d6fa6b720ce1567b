#!/usr/bin/env bash
# clone_memory.sh: memory of a backend that clones a schema of many tables.
#
#   bench/clone_memory.sh [TABLES]     default 2000
#
# What counts is the memory that the process has for itself at the end of the
# clone, and the most that it had at any time less what it shares.
set -euo pipefail
. "$(dirname "$0")/../script/lib.sh"

readonly TABLES=${1:-2000}

step "Server"
find_pg_config
make_workspace
private_server
build_extension
start_cluster bench 'max_locks_per_transaction = 256'
say "$("$PG_CONFIG" --version), $(uname -sr)"
say "bench/clone_memory.sh $TABLES"
sql -c 'CREATE EXTENSION tenant_mgr' -c 'CREATE SCHEMA wide'
seq "$TABLES" | awk '{ printf "CREATE TABLE wide.t%d (id serial PRIMARY KEY, a int, b text UNIQUE, c jsonb);\n", $1 }' |
	sql -f -

step "Clone of $TABLES tables"
sql -o /dev/null <<END
SELECT tenant.clone('wide', 'copied', data => false);
SELECT pg_backend_pid() AS pid \gset
\setenv CLONE_PID :pid
\! cp /proc/\$CLONE_PID/status $WORK/status
END
awk '/^VmHWM/ { most = $2 } /^RssAnon/ { own = $2 } /^RssShmem/ { shared = $2 } /^RssFile/ { code = $2 }
	END { printf "own memory at the end %.1f MB, at most %.1f MB\n", own / 1024, (most - shared - code) / 1024 }' "$WORK/status"
