# Boots systemd as the first process of a host of its own: to be run by `unshare --mount --pid --cgroup --uts
# --ipc --fork`, in a control group and a network namespace of its own. Everything it mounts is gone with it.
#
# Its argument is an empty folder.
set -eu
copies=$1

mount --make-rprivate /
mount -t proc proc /proc
# The kernel's settings are the machine's: they stay as they are.
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then umount -R /sys/fs/cgroup; fi
mount -t cgroup2 cgroup2 /sys/fs/cgroup

# Copies of what is installed into, so that the machine's own stays as it is.
mount -t tmpfs tmpfs "$copies"
mkdir "$copies/etc" "$copies/bin" "$copies/work"
cp -a /etc/. "$copies/etc"
rm -rf "$copies/etc/systemd/system" "$copies/etc/systemd/system.conf.d"
mount -t overlay -o "lowerdir=/usr/bin,upperdir=$copies/bin,workdir=$copies/work" overlay /usr/bin
mount --bind "$copies/etc" /etc

# The paths of a host, empty as after its start.
for place in /run /var/lib /dev; do mount -t tmpfs -o mode=0755 tmpfs "$place"; done
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 0666 "/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 0666 /dev/tty c 5 0
ln -s pts/ptmx /dev/ptmx

mkdir -p /etc/systemd/system/sekisho.service.d
# There is no journal here.
printf '[Service]\nStandardError=append:/run/log\n' > /etc/systemd/system/sekisho.service.d/log.conf
# What a host has, as far as the units name it.
for target in sysinit basic local-fs local-fs-pre network-pre umount shutdown multi-user; do
    printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" \
        > "/etc/systemd/system/$target.target"
done

# Not the machine's own units, nor what makes more of them.
export container=sekisho-test SYSTEMD_UNIT_PATH=/etc/systemd/system SYSTEMD_GENERATOR_PATH=/nonexistent
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --log-level=notice
