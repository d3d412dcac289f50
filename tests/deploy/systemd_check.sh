#!/bin/bash
# Runs inside the booted machine of systemd_test.py: installs the service from /stage, puts it
# through its life, and leaves what it saw in /results, one file a step, to be judged there.
cd /results || exit 1
exec >log 2>&1

get() {  # get PORT PATH
  exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3 && cat <&3
  exec 3>&-
}

state() {  # state FILE
  systemctl show memory_exporter >"$1"
}

until_restarted() {
  for _ in {1..100}; do
    state restarted
    grep -qx ActiveState=active restarted && grep -qx NRestarts=1 restarted && return
    sleep 0.1
  done
}

unit=/usr/lib/systemd/system/memory_exporter.service
cp -a /stage/. /
mkdir -p /run/systemd/system/memory_exporter.service.d
# A build with a leak checker would end in it: it needs what the unit's filter refuses.
printf '[Service]\nRestartSec=100ms\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' \
  >/run/systemd/system/memory_exporter.service.d/quick.conf
systemctl daemon-reload

systemd-analyze verify $unit >verify 2>&1
echo "$?" >>verify
systemd-analyze security --offline=true --threshold=21 $unit >security 2>&1
echo "$?" >security.code

systemctl enable memory_exporter
systemctl start memory_exporter
echo "$?" >start.code
state started
pid=$(systemctl show -P MainPID memory_exporter)
cp "/proc/$pid/status" status
get 10042 /metrics >metrics
grep -E '^(Pss|Rss):' "/proc/$(systemctl show -P MainPID systemd-journald)/smaps_rollup" >journald

# Under this unit's user, capabilities and filter.
sed -e 's/^Type=.*/Type=oneshot/' -e '/^Restart/d' -e 's|^ExecStart=.*|ExecStart=kcmp_probe|' \
  $unit >/run/systemd/system/kcmp.service
systemctl daemon-reload
systemctl start kcmp
journalctl --sync
journalctl -q -o cat -u kcmp >kcmp

kill -SEGV "$pid"
until_restarted

echo 'ARGS="--web.listen-address=127.0.0.1:10043 --config.file=/etc/memory_exporter.yml"' \
  >/etc/default/memory_exporter
echo 'collectors: {ksm: false}' >/etc/memory_exporter.yml
systemctl restart memory_exporter
get 10043 /-/ready >other_port

state before_reload
echo 'collectors: {ksm: true}' >/etc/memory_exporter.yml
systemctl reload memory_exporter
echo "$?" >reload.code
for _ in {1..50}; do
  get 10043 /metrics >reloaded
  grep -q 'memory_exporter_collector_success{collector="ksm"} 1' reloaded && break
  sleep 0.1
done
state after_reload

began=${EPOCHREALTIME/./}
systemctl stop memory_exporter
echo $(((${EPOCHREALTIME/./} - began) / 1000)) >stop.milliseconds
state stopped

echo 'ARGS="--no-such-flag"' >/etc/default/memory_exporter
systemctl start memory_exporter
sleep 0.5
state refused
journalctl --sync
journalctl -q -o cat -u memory_exporter >journal

touch finished
systemctl poweroff
