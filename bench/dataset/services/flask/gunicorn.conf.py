# SPDX-License-Identifier: Apache-2.0
"""How gunicorn serves Desk."""
bind = "0.0.0.0:8000"
workers = 2
worker_class = "gthread"
threads = 4
worker_tmp_dir = "/dev/shm"
chdir = "/srv/app"
accesslog = "/var/log/desk/access.log"
errorlog = "/var/log/desk/error.log"
timeout = 30
max_requests = 80
max_requests_jitter = 20


def on_starting(_server):
    """Makes the database of a new volume."""
    import desk
    desk.create_database()
