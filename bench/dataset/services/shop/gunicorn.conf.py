# SPDX-License-Identifier: Apache-2.0
bind = "0.0.0.0:8000"
chdir = "/srv/shop"
workers = 2
worker_tmp_dir = "/dev/shm"
accesslog = "/var/log/shop/access.log"
errorlog = "/var/log/shop/error.log"
