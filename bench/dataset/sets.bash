# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The services of the data set. Rules and constants are chosen on the development services; on the
# test services they are only measured. Sourced.

# shellcheck disable=SC2034 # read by who sources it
development_services=(nginx redis postgres php flask dnsmasq rabbitmq dovecot apache postfix squid atd)
# shellcheck disable=SC2034
test_services=(lighttpd memcached mariadb node go nats cron java shop haproxy bind ldap mosquitto)
# shellcheck disable=SC2034 # SIZE=small: two of each
small_services=(nginx flask memcached node)
