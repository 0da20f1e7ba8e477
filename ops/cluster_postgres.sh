# shellcheck shell=bash
# Sourced by `cluster` beside it: a PostgreSQL and its standby, for which every commit waits.
#
# Taken from there: folder, bin, as, owner, postgres_ports; launch, must, is_running, say, secret.
# shellcheck disable=SC2154

port_of_postgres() { say "${postgres_ports[$(($1 - 1))]}"; }

# sql NUMBER: the statements on standard input, at that server.
sql() {
    "$bin/psql" -XqAt -v ON_ERROR_STOP=1 -h "$folder/run" -p "$(port_of_postgres "$1")" -U postgres -d postgres 8>&- 9>&-
}

answers() { [ "$(sql "$1" 2>/dev/null <<<'select 1')" = 1 ]; }
is_primary() { is_running "postgres-$1" && [ "$(sql "$1" 2>/dev/null <<<'select pg_is_in_recovery()')" = f ]; }
is_true() { [ "$(sql "$1" <<<"$2")" = t ]; }

own_folder() {
    mkdir -p "$1" && chmod 700 "$1" && { [ -z "$owner" ] || chown "$owner" "$1"; }
}

# Whole or not at all: it is given its name when it is done.
make_cluster() {
    local made=$folder/postgres-1.new locale
    for locale in C.UTF-8,C.UTF-8 C,en_US.UTF-8 C,UTF-8; do
        rm -rf "$made" && own_folder "$made" || return 1
        if ${as[@]+"${as[@]}"} "$bin/initdb" -D "$made" -U postgres -A trust --auth-host=scram-sha-256 -E UTF8 --data-checksums \
            "--locale=${locale%,*}" "--lc-ctype=${locale#*,}" >"$folder/initdb.log" 2>&1 </dev/null; then
            mv "$made" "$folder/postgres-1"
            return
        fi
    done
    say "cluster: initdb failed: $folder/initdb.log says why" >&2
    return 1
}

# copy PRIMARY STANDBY
copy() {
    local made=$folder/postgres-$2.new
    rm -rf "$made" "$folder/postgres-$2" && own_folder "$made" || return 1
    if ! (cd / && ${as[@]+"${as[@]}"} "$bin/pg_basebackup" -D "$made" -h "$folder/run" -p "$(port_of_postgres "$1")" -U postgres \
        -R -X stream -c fast) >>"$folder/postgres-$2.log" 2>&1 </dev/null 8>&- 9>&-; then
        say "cluster: pg_basebackup failed: $folder/postgres-$2.log says why" >&2
        return 1
    fi
    # Once it is promoted, it waits for nobody before it has a standby of its own.
    echo "synchronous_standby_names = ''" >>"$made/postgresql.auto.conf"
    mv "$made" "$folder/postgres-$2"
}

start_postgres() {
    local own=$1 other=$((3 - $1))
    launch "postgres-$own" ${as[@]+"${as[@]}"} "$bin/postgres" -D "$folder/postgres-$own" -h 127.0.0.1 -k "$folder/run" \
        -p "$(port_of_postgres "$own")" -c "cluster_name=postgres-$own" -c wal_level=replica -c hot_standby=on -c wal_log_hints=on \
        -c "primary_conninfo=host='$folder/run' port=$(port_of_postgres $other) user=postgres application_name=postgres-$own" \
        -c "primary_slot_name=postgres_$own" -c max_slot_wal_keep_size=1GB -c log_checkpoints=off \
        -c log_error_verbosity=terse -c log_min_error_statement=panic
    must "postgres-$own" answers "$own"
}

# The node's role is no superuser. It comes with its password over TCP; only its owner and root come by the socket.
make_database() {
    sql "$1" <<-SQL
		do \$\$ begin
		    if not exists (select from pg_roles where rolname = 'madang') then
		        create role madang login password '$(secret password)';
		    end if;
		end \$\$;
		select 'create database madang owner madang' where not exists (select from pg_database where datname = 'madang') \gexec
	SQL
}

# follow PRIMARY STANDBY: from now on a commit waits for the standby.
follow() {
    local slot="postgres_$2" row="from pg_stat_replication where application_name = 'postgres-$2'"
    sql "$1" >/dev/null <<<"select pg_create_physical_replication_slot('$slot')
        where not exists (select from pg_replication_slots where slot_name = '$slot')" || return 1
    if [ ! -e "$folder/postgres-$2/PG_VERSION" ]; then copy "$1" "$2" || return 1; fi
    start_postgres "$2" && must "postgres-$2" is_true "$1" "select count(*) > 0 $row and state = 'streaming'" || return 1
    sql "$1" >/dev/null <<<"alter system set synchronous_standby_names = '\"postgres-$2\"'; select pg_reload_conf()" || return 1
    must "postgres-$2" is_true "$1" "select count(*) > 0 $row and sync_state = 'sync'"
}

timeline() {
    local newest
    newest=$(find "$folder/postgres-$1/pg_wal" -name '*.history' 2>/dev/null | sed 's/.*\///; s/\..*//' | sort | tail -n 1)
    echo $((16#${newest:-1}))
}

# Who was the primary is it again; of two, who was promoted last, and the other one is copied anew.
start_both() {
    local primary=1 number
    own_folder "$folder/run" || return 1
    rm -rf "$folder"/postgres-[12].new
    for number in 1 2; do
        if [ ! -e "$folder/postgres-$number/PG_VERSION" ] || [ -e "$folder/postgres-$number/standby.signal" ]; then continue; fi
        if [ "$(timeline $number)" -ge "$(timeline $((3 - number)))" ]; then primary=$number; fi
    done
    if [ ! -e "$folder/postgres-$primary/PG_VERSION" ]; then
        [ ! -e "$folder/postgres-$((3 - primary))/PG_VERSION" ] || { say "cluster: $folder has a standby and no primary" >&2; return 1; }
        say "making a PostgreSQL in $folder"
        make_cluster || return 1
    fi
    say "starting PostgreSQL and its standby"
    start_postgres "$primary" && make_database "$primary" || return 1
    renew_if_deposed "$primary" "$((3 - primary))" && follow "$primary" "$((3 - primary))"
}

# A former primary may have what the one that was promoted has not: it cannot follow.
renew_if_deposed() {
    if [ -e "$folder/postgres-$2/PG_VERSION" ] && [ ! -e "$folder/postgres-$2/standby.signal" ]; then
        say "postgres-$2 was the primary before postgres-$1, and is copied from it anew"
        copy "$1" "$2"
    fi
}
