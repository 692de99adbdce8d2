#!/bin/bash
# A Slurm cluster of one node for tests: slurm.sh start DIR | stop DIR. DIR/slurm.conf is then what SLURM_CONF names.
# Needs Debian's slurm-wlm and munge, and root; everything it writes is in DIR.
set -eu
dir=$2
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
case $1 in
start)
    mkdir -p "$dir/m" "$dir/state" "$dir/spool"
    chmod 755 "$dir"
    head -c 128 /dev/urandom > "$dir/m/key"
    chmod 700 "$dir/m/key"
    chown -R munge:munge "$dir/m"
    chmod 755 "$dir/m"
    setpriv --reuid=munge --regid=munge --clear-groups munged --socket="$dir/m/s" --key-file="$dir/m/key" \
        --pid-file="$dir/m/pid" --log-file="$dir/m/log" --seed-file="$dir/m/seed"
    host=$(hostname -s)
    cat > "$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$(free)
SlurmdPort=$(free)
AuthType=auth/munge
AuthInfo=socket=$dir/m/s
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
JobAcctGatherType=jobacct_gather/linux
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/jobs.txt
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,requeue_delay=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    export SLURM_CONF=$dir/slurm.conf
    slurmctld -f "$SLURM_CONF"
    slurmd -f "$SLURM_CONF"
    for _ in $(seq 100); do
        if sinfo -h -o %T 2>/dev/null | grep -q idle; then exit 0; fi
        sleep 0.2
    done
    echo "slurm does not come up" >&2
    exit 1
    ;;
stop)
    for name in slurmd.pid slurmctld.pid m/pid; do
        if [ -s "$dir/$name" ]; then kill "$(cat "$dir/$name")" 2>/dev/null || true; fi
    done
    ;;
esac
