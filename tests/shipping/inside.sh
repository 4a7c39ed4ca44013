# What bare_server.sh has the server do once it is up: see there.
set -euo pipefail
exec 2>&1
export PIP_NO_INDEX=1 PIP_FIND_LINKS=/srv/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 DJANGO_SUPERUSER_PASSWORD=a-throwaway-one
trap 'echo "FAILED: $BASH_COMMAND"; journalctl --no-pager -n 40 -u "aetos-*"' ERR

certificate=/etc/letsencrypt/live/aetos.example
mkdir -p "$certificate"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=aetos.example -addext subjectAltName=DNS:aetos.example \
  -keyout "$certificate/privkey.pem" -out "$certificate/fullchain.pem" 2>/dev/null
cp "$certificate/fullchain.pem" /usr/local/share/ca-certificates/aetos.example.crt
update-ca-certificates >/dev/null 2>&1

echo "== deploy.md"
set -x
. /srv/deploy.sh
{ set +x; } 2>/dev/null

echo "== upgrade.md, while calls come in"
/opt/aetos/current/.venv/bin/python /srv/calls.py >/srv/calls 2>&1 &
calls=$!
sleep 5
set -x
. /srv/upgrade.sh
{ set +x; } 2>/dev/null
sleep 5
kill -TERM "$calls"
wait "$calls" && cat /srv/calls || { cat /srv/calls; false; }
there() { sudo -u postgres psql -Atc 'SELECT count(*) FROM listings_productlisting' aetos; }
echo "$(cat /srv/accepted) jobs were accepted, $(there) listings are there"
[ "$(there)" = "$(cat /srv/accepted)" ]

echo "== backup.md"
set -x
. /srv/backup.sh
{ set +x; } 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do curl -fsS https://aetos.example/health && break || sleep 3; done
echo "after the backup came back, $(there) listings are there"
[ "$(there)" = "$(cat /srv/accepted)" ]
echo "All as written."
