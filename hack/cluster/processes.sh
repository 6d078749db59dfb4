# Starting and ending the cluster's processes, sourced by up and down.
# Every process lives in the cgroup tree `kring`, so that the kernel keeps the list of them, children and
# containers included, also after a crash of these scripts. It decides nothing about what is started.

# Mount points of the cgroup hierarchies in use: the one of v2, or every one of v1.
cgroup_hierarchies() {
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    echo /sys/fs/cgroup
  else
    awk '$3 == "cgroup" { print $2 }' /proc/mounts
  fi
}

# The hierarchy whose tree lists our processes.
process_hierarchy() {
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then echo /sys/fs/cgroup; else echo /sys/fs/cgroup/pids; fi
}

# make_cgroup PATH: below every hierarchy, with what a child needs to be usable.
make_cgroup() {
  local hierarchy part path file
  for hierarchy in $(cgroup_hierarchies); do
    path=$hierarchy
    for part in ${1//\// }; do
      if [ -w "$path/cgroup.subtree_control" ]; then
        for controller in $(cat "$path/cgroup.controllers"); do
          echo "+$controller" >"$path/cgroup.subtree_control" 2>/dev/null || true
        done
      fi
      mkdir -p "$path/$part"
      # A new cpuset of v1 is empty and refuses every process.
      for file in cpuset.cpus cpuset.mems; do
        if [ -f "$hierarchy/cgroup.clone_children" ] && [ -f "$path/$file" ]; then cat "$path/$file" >"$path/$part/$file"; fi
      done
      path=$path/$part
    done
  done
}

# start NAME NETNS COMMAND...: in the background, in the tree, its output in log/NAME.log.
start() {
  local name=$1 netns=$2
  shift 2
  (
    echo "$BASHPID" >"$(process_hierarchy)/kring/daemons/cgroup.procs"
    # Not `ip netns exec`: it mounts a /sys of its own, which hides the cgroups.
    exec setsid nsenter --net="/run/netns/$netns" "$@"
  ) >"$cluster_state/log/$name.log" 2>&1 </dev/null 9>&- &
  echo "$!" >"$cluster_state/$name.pid"
}

# is_running NAME: the process written down under that name lives and is one of ours.
is_running() {
  local pid
  pid=$(cat "$cluster_state/$1.pid" 2>/dev/null) || return 1
  grep -qs '/kring/' "/proc/$pid/cgroup"
}

# end_all: every process of the tree, which is exactly what was started here.
end_all() {
  local tree pids round
  tree=$(process_hierarchy)/kring
  # The API server takes a minute over SIGTERM, and nothing here needs a goodbye.
  for round in $(seq 1 100); do
    pids=$(find "$tree" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u) || true
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  die "processes in $tree do not end: $pids"
}

remove_cgroups() {
  local hierarchy
  # Of both versions: runc makes its folder in the v2 tree of a v1 host too.
  for hierarchy in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts); do
    [ -d "$hierarchy/kring" ] || continue
    find "$hierarchy/kring" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
}
