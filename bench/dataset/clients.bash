# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The image of the programs that ask the services, and of the peers that services ask: see image.

# shellcheck disable=SC2034 # read by image
image_packages=(curl apache2-utils nginx-light redis-tools postgresql-15 mariadb-client bind9-dnsutils
	dnsmasq-base socat python3 python3-pika openssl coreutils findutils gzip dash bash base-files libc-bin
	netbase procps)

# They run by chroot alone, so the devices are in the image.
image_prepare() {
	mknod -m 666 "$1/dev/null" c 1 3
	mknod -m 666 "$1/dev/zero" c 1 5
	mknod -m 444 "$1/dev/urandom" c 1 9
	mknod -m 444 "$1/dev/random" c 1 8
	printf 'nameserver 10.88.0.1\n' >"$1/etc/resolv.conf"
	cp "$here/services/php/front.conf" "$1/etc/nginx/php-front.conf"
}
