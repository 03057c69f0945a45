#!/bin/sh
# `cloud-init status [--wait]`, which scripts use to wait for the end of the first boot. There is no more of cloud-init.
if [ "${1:-}" != status ]; then
    echo "cloud-init: only 'status [--wait]' is there; Fogbank carries out user data itself" >&2
    exit 2
fi
if [ "${2:-}" = --wait ]; then
    while [ ! -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.2; done
fi
if [ -e /var/lib/cloud/instance/boot-finished ]; then echo "status: done"; else echo "status: running"; fi
