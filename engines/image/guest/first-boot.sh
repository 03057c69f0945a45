#!/bin/sh
# The first boot of an instance, for any POSIX shell: busybox's and Debian's run it alike.
#
#   first-boot init     before the SSH server starts: names, users, keys, files
#   first-boot final    late: packages, commands, scripts
#
# What is to be done lies in $seed, one file a value, put there before the machine started. An image that runs without
# it reads keys and a script from the instance metadata. Each step runs once for each instance id, as in cloud-init, whose
# paths are used where it has any: /var/lib/cloud/instance, /var/log/cloud-init-output.log.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root
seed=/var/lib/cloud/seed/fogbank
cloud=/var/lib/cloud
output=/var/log/cloud-init-output.log
metadata=http://169.254.169.254
umask 022

# Facts of the image: who logs in with the key pair, and whether root may.
LOGIN_USERS=
ROOT_LOGIN=no
if [ -r /etc/fogbank/image ]; then . /etc/fogbank/image; fi

log() { echo "fogbank: $*"; }

# The first line of a file, or nothing.
value() { line=; if [ -r "$1" ]; then IFS= read -r line < "$1"; fi; printf '%s' "$line"; }

# True the first time on this instance, for each name.
once() {
    if [ -e "$instance/sem/$1" ]; then return 1; fi
    : > "$instance/sem/$1"
}

# Since the first process started: /proc/uptime tells the host's.
uptime_seconds() {
    awk 'NR == FNR { up = $1; next } { printf "%.2f\n", up - $22 / 100 }' /proc/uptime /proc/1/stat
}

# --- Metadata, for images that were started without a seed ---

# Asks for a token. Busybox's wget knows no PUT, but its nc can say anything.
metadata_token() {
    if command -v curl > /dev/null; then
        curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/latest/api/token"
    else
        printf 'PUT /latest/api/token HTTP/1.0\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 300\r\nContent-Length: 0\r\n\r\n' \
            | nc -w 5 169.254.169.254 80 | sed '1,/^\r*$/d'
    fi
}

metadata_get() {
    if command -v curl > /dev/null; then
        curl -sf -m 10 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/$1"
    else
        wget -q -T 10 -O - --header "X-aws-ec2-metadata-token: $token" "$metadata/latest/$1"
    fi
}

read_metadata() {
    token=$(metadata_token) || true
    if [ -z "${token:-}" ]; then log "no seed, and no instance metadata"; return 1; fi
    mkdir -p "$seed/scripts"
    metadata_get meta-data/instance-id > "$seed/instance-id" || return 1
    metadata_get meta-data/local-hostname | sed 's/\..*//' > "$seed/hostname"
    metadata_get meta-data/public-keys/0/openssh-key > "$seed/keys" || rm -f "$seed/keys"
    if metadata_get user-data > "$seed/user-data" && [ -s "$seed/user-data" ]; then
        if gunzip -c < "$seed/user-data" > "$seed/unpacked" 2> /dev/null; then mv "$seed/unpacked" "$seed/user-data"; fi
        rm -f "$seed/unpacked"
        case $(head -c 2 "$seed/user-data") in
            '#!') cp "$seed/user-data" "$seed/scripts/part-001"; chmod 700 "$seed/scripts/part-001" ;;
            *) log "user data from the metadata is run only if it is a script" ;;
        esac
    fi
}

# --- Accounts, written by hand: busybox has no useradd ---

free_id() { # of $1 (passwd or group), from $2 on
    awk -F: -v at="$2" '{ used[$3] = 1 } END { while (at in used) at++; print at }' "/etc/$1"
}

has() { grep -q "^$2:" "/etc/$1"; }

add_group() { # name [id]
    if has group "$1"; then return; fi
    echo "$1:x:${2:-$(free_id group 1000)}:" >> /etc/group
    if [ -f /etc/gshadow ]; then echo "$1:!::" >> /etc/gshadow; fi
}

add_member() { # group user
    add_group "$1"
    awk -F: -v OFS=: -v group="$1" -v user="$2" '
        $1 == group && ("," $4 ",") !~ ("," user ",") { $4 = ($4 == "") ? user : $4 "," user }
        { print }' /etc/group > /etc/group.new && cat /etc/group.new > /etc/group
    rm -f /etc/group.new
}

home_of() { awk -F: -v user="$1" '$1 == user { print $6 }' /etc/passwd; }
group_of() { awk -F: -v user="$1" '$1 == user { print $4 }' /etc/passwd; }

add_user() { # a folder of the seed
    name=$(value "$1/name")
    if ! has passwd "$name"; then
        first=1000
        if [ -e "$1/system" ]; then first=200; fi
        uid=$(value "$1/uid")
        uid=${uid:-$(free_id passwd "$first")}
        primary=$(value "$1/primary-group")
        if [ -n "$primary" ]; then add_group "$primary"; else primary=$name; add_group "$name" "$(free_id group "$uid")"; fi
        gid=$(awk -F: -v group="$primary" '$1 == group { print $3 }' /etc/group)
        home=$(value "$1/home"); home=${home:-/home/$name}
        shell=$(value "$1/shell"); shell=${shell:-/bin/sh}
        echo "$name:x:$uid:$gid:$(value "$1/full-name"):$home:$shell" >> /etc/passwd
        hash=$(value "$1/password-hash"); hash=${hash:-*}
        if [ ! -e "$1/unlocked" ]; then hash='*'; fi
        echo "$name:$hash:19000:0:99999:7:::" >> /etc/shadow
        if [ ! -e "$1/without-home" ] && [ ! -d "$home" ]; then
            mkdir -p "$home"
            if [ -d /etc/skel ]; then cp -r /etc/skel/. "$home"; fi
            chmod 755 "$home"
            chown -R "$uid:$gid" "$home"
        fi
    fi
    if [ -r "$1/groups" ]; then while read -r group; do add_member "$group" "$name"; done < "$1/groups"; fi
    if [ -r "$1/sudo" ]; then
        mkdir -p /etc/sudoers.d
        while IFS= read -r rule; do echo "$name $rule"; done < "$1/sudo" >> /etc/sudoers.d/90-cloud-init-users
        chmod 440 /etc/sudoers.d/90-cloud-init-users
    fi
    if [ -r "$1/keys" ]; then add_keys "$name" "$1/keys"; fi
}

add_keys() { # user file [prefix]
    home=$(home_of "$1")
    if [ -z "$home" ]; then return; fi
    mkdir -p "$home/.ssh"
    touch "$home/.ssh/authorized_keys"
    while IFS= read -r key || [ -n "$key" ]; do
        if ! grep -qxF "${3:-}$key" "$home/.ssh/authorized_keys"; then echo "${3:-}$key" >> "$home/.ssh/authorized_keys"; fi
    done < "$2"
    chmod 700 "$home/.ssh"
    chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$1:$(group_of "$1")" "$home/.ssh"
}

login_users() {
    if [ -n "$LOGIN_USERS" ]; then echo "$LOGIN_USERS"; return; fi
    for user in ec2-user admin debian ubuntu fedora; do
        if has passwd "$user"; then echo "$user"; return; fi
    done
    mkdir -p "$instance/default-user"
    echo ec2-user > "$instance/default-user/name"
    echo 'ALL=(ALL) NOPASSWD:ALL' > "$instance/default-user/sudo"
    add_user "$instance/default-user" > /dev/null
    echo ec2-user
}

add_login_keys() {
    if [ -e "$seed/plan/without-default-user" ]; then return; fi
    users=$(login_users)
    allowed=$(value "$seed/plan/root-login")
    for keys in "$seed/keys" "$seed/plan/keys"; do
        if [ ! -r "$keys" ]; then continue; fi
        for user in $users; do add_keys "$user" "$keys"; done
        if [ "${allowed:-$ROOT_LOGIN}" = yes ]; then
            add_keys root "$keys"
        else
            add_keys root "$keys" "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user \\\"${users%% *}\\\" rather than the user \\\"root\\\".';echo;sleep 10;exit 142\" "
        fi
    done
}

# --- Steps ---

find_instance() {
    if [ ! -r "$seed/instance-id" ]; then read_metadata || return 1; fi
    id=$(value "$seed/instance-id")
    if [ -z "$id" ]; then return 1; fi
    instance=$cloud/instances/$id
    if [ ! -d "$instance/sem" ]; then
        mkdir -p "$instance/sem" "$instance/scripts" "$cloud/data"
        # An image made from an instance has that one's keys, which are nobody else's.
        if [ "$(value "$cloud/data/instance-id")" != "" ]; then rm -f /etc/ssh/ssh_host_* /etc/dropbear/dropbear_*_host_key; fi
        if [ -s "$seed/user-data" ]; then cp "$seed/user-data" "$instance/user-data.txt"; chmod 600 "$instance/user-data.txt"; fi
        echo "$id" > "$cloud/data/instance-id"
    fi
    ln -sfn "$instance" "$cloud/instance"
    rm -f "$instance/boot-finished"
}

write_file() { # a folder of the seed
    path=$(value "$1/path")
    mkdir -p "$(dirname "$path")"
    # New files are nobody else's until they have their mode.
    if [ -e "$1/append" ]; then (umask 077; cat "$1/content" >> "$path"); else (umask 077; cat "$1/content" > "$path"); fi
    chmod "$(value "$1/mode")" "$path"
    chown "$(value "$1/owner")" "$path" || log "$path has no owner $(value "$1/owner")"
}

# The certificate authority of the cloud, into whatever trust stores there are.
trust() {
    if [ ! -s /usr/local/share/ca-certificates/fogbank.crt ]; then return; fi
    authority=/usr/local/share/ca-certificates/fogbank.crt
    marker=$(sed -n 2p "$authority")
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -f "$bundle" ] && ! grep -qxF "$marker" "$bundle"; then cat "$authority" >> "$bundle"; fi
    done
    if command -v openssl > /dev/null && [ -d /etc/ssl/certs ]; then
        ln -sf "$authority" "/etc/ssl/certs/$(openssl x509 -noout -hash -in "$authority").0"
    fi
}

set_hostname() {
    name=$(value "$seed/plan/hostname")
    name=${name:-$(value "$seed/hostname")}
    if [ -z "$name" ]; then return; fi
    echo "$name" > /etc/hostname
    hostname "$name" 2> /dev/null || log "the host name cannot be set from inside"
    if ! grep -qw "$name" /etc/hosts 2> /dev/null; then echo "127.0.1.1 $name" >> /etc/hosts; fi
}

host_keys() {
    if command -v dropbearkey > /dev/null; then
        mkdir -p /etc/dropbear
        for kind in ed25519 ecdsa; do
            file=/etc/dropbear/dropbear_${kind}_host_key
            if [ ! -s "$file" ]; then dropbearkey -t "$kind" -f "$file" > /dev/null 2>&1; fi
        done
    elif command -v ssh-keygen > /dev/null; then
        mkdir -p /etc/ssh
        for kind in ed25519 ecdsa; do
            file=/etc/ssh/ssh_host_${kind}_key
            if [ ! -s "$file" ]; then ssh-keygen -q -t "$kind" -N '' -f "$file" < /dev/null; fi
        done
    fi
}

# As on AWS, where the console output is the place to compare them.
print_host_keys() {
    echo '-----BEGIN SSH HOST KEY KEYS-----'
    for file in /etc/ssh/ssh_host_*_key.pub; do if [ -r "$file" ]; then cat "$file"; fi; done
    for file in /etc/dropbear/dropbear_*_host_key; do
        if [ -r "$file" ]; then dropbearkey -y -f "$file" | grep '^\(ssh-\|ecdsa-\)'; fi
    done
    echo '-----END SSH HOST KEY KEYS-----'
}

set_timezone() {
    zone=$(value "$seed/plan/timezone")
    if [ -z "$zone" ]; then return; fi
    if [ ! -r "/usr/share/zoneinfo/$zone" ]; then log "timezone: this image has no time zone $zone"; return; fi
    ln -sf "/usr/share/zoneinfo/$zone" /etc/localtime
    echo "$zone" > /etc/timezone
}

packages() {
    if [ ! -e "$seed/plan/packages" ] && [ ! -e "$seed/plan/package-update" ] && [ ! -e "$seed/plan/package-upgrade" ]; then return; fi
    if ! command -v apt-get > /dev/null; then
        log "packages: this image has no package manager; not installed: $(tr '\n' ' ' < "$seed/plan/packages" 2> /dev/null)"
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get -q -o Acquire::Retries=1 update; then log "packages: the package lists cannot be read; is there a way to the internet?"; fi
    if [ -e "$seed/plan/package-upgrade" ]; then apt-get -qy upgrade || log "packages: the upgrade failed"; fi
    if [ -s "$seed/plan/packages" ]; then
        # The names were checked before they came here: no spaces, no options.
        # shellcheck disable=SC2046
        apt-get -qy install $(cat "$seed/plan/packages") || log "packages: not all were installed"
    fi
}

run_scripts() {
    rm -rf "$instance/scripts"
    mkdir -p "$instance/scripts"
    for script in "$seed"/scripts/*; do
        if [ ! -f "$script" ]; then continue; fi
        run=$instance/scripts/$(basename "$script")
        cp "$script" "$run"
        chmod 700 "$run"
        (cd / && exec "$run" < /dev/null) || log "$run ended with status $?"
    done
}

init() {
    if ! find_instance; then host_keys; return; fi
    if [ -r "$seed/bootcmd" ]; then (cd / && sh "$seed/bootcmd" < /dev/null) || log "bootcmd ended with status $?"; fi
    for hook in "$seed"/boothooks/*; do
        if [ -f "$hook" ]; then chmod 700 "$hook"; (cd / && exec "$hook" < /dev/null) || log "$hook ended with status $?"; fi
    done
    if once write_files; then
        for file in "$seed"/files/*; do if [ -d "$file" ] && [ ! -e "$file/late" ]; then write_file "$file"; fi; done
    fi
    trust
    set_hostname
    if once users; then
        for group in "$seed"/groups/*; do
            if [ ! -d "$group" ]; then continue; fi
            add_group "$(value "$group/name")"
            if [ -r "$group/members" ]; then
                while read -r member; do add_member "$(value "$group/name")" "$member"; done < "$group/members"
            fi
        done
        for user in "$seed"/users/*; do if [ -d "$user" ]; then add_user "$user"; fi; done
        add_login_keys
    fi
    host_keys
}

final() {
    if ! find_instance; then return; fi
    if [ -r "$seed/plan/notes" ] && once notes; then while IFS= read -r note; do log "user data: $note"; done < "$seed/plan/notes"; fi
    if once host_keys_printed; then print_host_keys; fi
    if once config; then
        set_timezone
        packages
        for file in "$seed"/files/*; do if [ -e "$file/late" ]; then write_file "$file"; fi; done
    fi
    if once scripts || [ -e "$seed/plan/scripts-always" ]; then run_scripts; fi
    log "first boot of $id finished at $(date -R 2> /dev/null || date). Up $(uptime_seconds) seconds"
    uptime_seconds > "$instance/boot-finished"
}

case ${1:-} in
    init | final) ;;
    *) echo "usage: first-boot init|final" >&2; exit 2 ;;
esac
mkdir -p /var/log "$cloud"
# To the log and to the console. Through a pipe with a name, so that a program that a script left running, and that holds
# the pipe, does not hold up the boot.
pipe=/var/log/.first-boot.$$
if mkfifo -m 600 "$pipe" 2> /dev/null; then
    tee -a "$output" < "$pipe" &
    exec > "$pipe" 2>&1
    rm -f "$pipe"
fi
"$1"
exit 0
