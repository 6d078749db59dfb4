# Names, addresses and places of the local cluster, sourced by every script of this folder.
# It starts nothing and changes nothing.

cluster_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# One place of versions; binaries/go.mod pins the same ones with their checksums.
kubernetes_version=v1.37.2
helm_version=v3.22.0
containerd_version=v2.4.2
go_version=1.26.8

cluster_state=${KRING_CLUSTER_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/kring/cluster}
cluster_sockets=/run/kring-cluster
cluster_cache=${XDG_CACHE_HOME:-$HOME/.cache}/kring
cluster_kubeconfig=$cluster_state/kubeconfig

# The benchmarking range 198.18.0.0/15: nothing real is ever there.
#   198.18.N.0/24 pods of node N     198.18.255.0/24 nodes      198.18.254.0/30 this host
#   198.19.0.0/16 services
control_netns=kring
api_address=198.18.255.1
host_side=198.18.254.2
cluster_side=198.18.254.1
service_range=198.19.0.0/16

# Network namespace and address of node N.
node_netns() { echo "kring-$1"; }
node_address() { echo "198.18.255.$((10 + $1))"; }

# Key of the binaries: other sources, versions or checksums are another folder.
binaries_key() {
  (cd "$cluster_scripts/binaries" && cat go.mod go.sum build ./*/*.go) | sha256sum | cut -c1-12
}
cluster_bin() { echo "$cluster_cache/cluster-$(binaries_key)"; }

# True when KUBECONFIG names a cluster that is not the one of this folder.
foreign_cluster() { [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$cluster_kubeconfig" ]; }

in_control() { nsenter --net="/run/netns/$control_netns" "$@"; }
kubectl_here() { "$(cluster_bin)/kubectl" --kubeconfig "$cluster_kubeconfig" "$@"; }

# With `set -e` alone a script ends without a word.
set -E
trap 'echo "${0##*/}: ${BASH_SOURCE[0]##*/}:$LINENO failed: $BASH_COMMAND" >&2' ERR

say() { echo "   $*"; }
die() { echo "${0##*/}: $*" >&2; exit 1; }
