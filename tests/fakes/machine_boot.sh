# The first program of a machine (see machine.py): puts its root together and gives way to systemd. The tree that it
# boots from stays as it is; what is written goes to memory. The host's words are in $modules, $lingers and $shown.
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/upper /run/work /run/root /run/kernel/lib/modules
mount -t hostfs none /run/kernel/lib/modules -o "$modules,ro"
modprobe -d /run/kernel -a overlay ipv6
mount -t overlay overlay /run/root -o lowerdir=/,upperdir=/run/upper,workdir=/run/work
cd /run/root

IFS=,
for one in $shown; do
  mkdir -p ".${one#*:}"
  mount -t hostfs none ".${one#*:}" -o "${one%:*},ro"
done

for one in opt/python/lib/libpython*.so.*; do
  [ ! -e "$one" ] || ln -s "/$one" usr/lib/ # the agent's helpers get no environment that would tell where it is
done

mkdir -p var/lib/systemd/linger
touch "var/lib/systemd/linger/$lingers"
cat >etc/systemd/system/machine-shell.service <<'UNIT'
[Unit]
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 /opt/farmhand/tests/fakes/machine_shell.py /dev/ttyS0
UNIT
ln -s ../machine-shell.service etc/systemd/system/multi-user.target.wants/

mount -t proc proc proc
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && exec /sbin/init'
