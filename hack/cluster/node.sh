# One node: containerd, kubelet and kube-proxy in a network namespace of their own, sourced by up.
# Node N is in zone zN. It pulls no images; load-image brings them.

write_containerd_config() { # number, folder
  # Without CAP_SYS_RESOURCE (common in virtual machines and CI) runc may not lower oom_score_adj.
  cat >"$2/containerd.toml" <<TOML
version = 3
root = "$2/containerd"
state = "$cluster_sockets/node$1/containerd"
[grpc]
  address = "$cluster_sockets/node$1/containerd.sock"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "kring.local/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "$2/cni"
TOML
  cat >"$2/cni/10-pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$2/addresses",
            "ranges": [[{"subnet": "198.18.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

write_kubelet_config() { # number, folder
  cat >"$2/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address "$1")
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /kring/node$1
clusterDNS: ["$api_address"]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://$cluster_sockets/node$1/containerd.sock
enforceNodeAllocatable: []
evictionHard: {memory.available: 200Mi}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
podLogsDir: $2/pod-logs
resolvConf: /dev/null
tlsCertFile: $pki/node$1.crt
tlsPrivateKeyFile: $pki/node$1.key
volumePluginDir: $2/volume-plugins
YAML
}

# Seccomp profiles of the project, which a pod names as `Localhost`.
install_seccomp_profiles() { # folder
  mkdir -p "$1/kubelet/seccomp/kring"
  cp "$cluster_scripts"/../seccomp/*.json "$1/kubelet/seccomp/kring/" 2>/dev/null || true
}

start_node() { # number
  local folder=$cluster_state/node$1 netns bin
  netns=$(node_netns "$1")
  bin=$(cluster_bin)
  mkdir -p "$folder/cni" "$folder/pod-logs" "$cluster_sockets/node$1"
  make_cgroup "kring/node$1"
  make_node_certificate "$1"
  write_containerd_config "$1" "$folder"
  write_kubelet_config "$1" "$folder"
  install_seccomp_profiles "$folder"
  start "containerd$1" "$netns" env PATH="$bin:$PATH" "$bin/containerd" --log-level warn --config "$folder/containerd.toml"
  wait_until 30 "containerd of node$1" import_image "$1" "$cluster_state/pause.tar"
  start "kubelet$1" "$netns" "$bin/kube" kubelet --config="$folder/kubelet.yaml" --kubeconfig="$folder/kubeconfig" \
    --root-dir="$folder/kubelet" --cert-dir="$folder/kubelet-pki" --hostname-override="node$1" \
    --node-ip="$(node_address "$1")" --node-labels="topology.kubernetes.io/zone=z$1"
  start "kube-proxy$1" "$netns" "$bin/kube" kube-proxy --kubeconfig="$cluster_state/kube-proxy.kubeconfig" \
    --proxy-mode=iptables --cluster-cidr=198.18.0.0/17 --hostname-override="node$1" --conntrack-max-per-core=0
}

import_image() { # number, archive
  "$(cluster_bin)/ctr" --address "$cluster_sockets/node$1/containerd.sock" --namespace k8s.io \
    images import "$2" 2>&1
}

all_nodes_ready() { # how many
  [ "$(kubectl_here get nodes --no-headers 2>/dev/null | awk '$2 == "Ready"' | wc -l)" = "$1" ]
}
