#!/usr/bin/env bash
# Does on a bare Debian what docs/operations/deploy.md, upgrade.md and backup.md say, each command as it is written there:
# install one version, take the next while calls come in, take it back; make a backup, lose the database, put it back.
# Fails with the first command that fails, and with the first call that is not answered as it should be.
#
# By hand, as root, with debootstrap and systemd-container installed:
#
#     tests/shipping/bare_server.sh FOLDER [OLD]     OLD: the version to upgrade from, default HEAD
#
# FOLDER keeps the Debian for the next time. The server has a network of its own: it takes no port of this machine.
set -euo pipefail
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
here=$repository/tests/shipping
folder=$(realpath -m "${1:?a folder for the server, some 2 GB}")
old=$(git -C "$repository" rev-parse "${2:-HEAD}")
python=$repository/.venv/bin/python

if [ ! -e "$folder/base/installed" ]; then
  echo "Installing Debian and what deploy.md wants of it (once) ..."
  rm -rf "$folder/base"
  debootstrap --include=ca-certificates,curl,dbus,openssl,systemd-sysv bookworm "$folder/base" >"$folder.log"
  systemd-nspawn --quiet --directory="$folder/base" --register=no --keep-unit --resolv-conf=copy-host sh -ec "
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
    $("$python" "$here/commands.py" deploy | grep '^apt-get install' | sed 's/install/install -qq -y/')
    # While it was installed, it saw this machine's ports.
    sed -i 's/^port = .*/port = 5432/' /etc/postgresql/*/main/postgresql.conf
    rm /usr/sbin/policy-rc.d" >>"$folder.log" 2>&1
  touch "$folder/base/installed"
fi

echo "Making the server ..."
rm -rf "$folder/server"
cp -a "$folder/base" "$folder/server"
git clone --quiet --bare "$repository" "$folder/server/srv/repository"
git -C "$folder/server/srv/repository" tag --force 0.1.0 "$old" >/dev/null
git -C "$folder/server/srv/repository" tag --force 0.2.0 "$(git -C "$repository" rev-parse HEAD)" >/dev/null
"$python" -m pip wheel --quiet --quiet --wheel-dir "$folder/wheels" --requirement "$repository/requirements.txt"
cp -r "$folder/wheels" "$folder/server/srv/wheels"
for page in deploy upgrade backup; do "$python" "$here/commands.py" "$page" >"$folder/server/srv/$page.sh"; done
cp "$here/calls.py" "$here/inside.sh" "$folder/server/srv/"
cat >"$folder/server/etc/systemd/system/try.service" <<END
[Unit]
After=multi-user.target nginx.service postgresql.service rabbitmq-server.service
[Service]
Type=oneshot
ExecStart=-/bin/bash /srv/inside.sh
ExecStartPost=/usr/bin/systemctl --no-block poweroff
StandardOutput=file:/srv/output
StandardError=inherit
[Install]
WantedBy=default.target
END
ln -s ../try.service "$folder/server/etc/systemd/system/multi-user.target.wants/"
echo aetos-server >"$folder/server/etc/hostname"
echo "127.0.0.1 localhost aetos-server aetos.example" >"$folder/server/etc/hosts"

echo "Following deploy.md, upgrade.md and backup.md ..."
systemd-nspawn --quiet --boot --directory="$folder/server" --private-network --register=no --keep-unit \
  --link-journal=no --console=pipe </dev/null >"$folder.log" 2>&1 || true
cat "$folder/server/srv/output"
grep -q '^All as written\.$' "$folder/server/srv/output"
