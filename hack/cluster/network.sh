# The cluster's network: one namespace for the control plane, one for each node, a bridge between them and a
# link to this host. Sourced by up and down. There is no way out of it: no address translation, no default route.

in_node() { # number, command...
  local number=$1
  shift
  nsenter --net="/run/netns/$(node_netns "$number")" "$@"
}

make_network() { # number of nodes
  local nodes=$1 number other
  ip netns add "$control_netns"
  in_control ip link set lo up
  in_control ip link add nodes type bridge
  in_control ip addr add "$api_address/24" dev nodes
  in_control ip link set nodes up
  in_control sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  connect_host
  for number in $(seq 1 "$nodes"); do
    connect_node "$number"
    for other in $(seq 1 "$nodes"); do
      [ "$other" = "$number" ] || in_node "$number" ip route add "198.18.$other.0/24" via "$(node_address "$other")"
    done
  done
}

# This host reaches API server, nodes and pods; nothing in the cluster may open a connection to this host.
connect_host() {
  ip link add kring-host type veth peer name host netns "$control_netns"
  ip addr add "$host_side/30" dev kring-host
  ip link set kring-host up
  in_control ip addr add "$cluster_side/30" dev host
  in_control ip link set host up
  ip route add 198.18.0.0/16 via "$cluster_side"
  in_control iptables -A FORWARD -o host -m conntrack --ctstate NEW -j DROP
}

connect_node() { # number
  local netns
  netns=$(node_netns "$1")
  ip netns add "$netns"
  in_control ip link add "node$1" type veth peer name eth0 netns "$netns"
  in_control ip link set "node$1" master nodes up
  in_control ip route add "198.18.$1.0/24" via "$(node_address "$1")"
  in_node "$1" ip link set lo up
  in_node "$1" ip addr add "$(node_address "$1")/24" dev eth0
  in_node "$1" ip link set eth0 up
  in_node "$1" ip route add default via "$api_address"
  in_node "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

remove_network() {
  local netns
  ip link del kring-host 2>/dev/null || true
  for netns in $(ip netns list | awk '$1 == "kring" || $1 ~ /^kring-[0-9]+$/ { print $1 }'); do
    ip netns del "$netns"
  done
}
