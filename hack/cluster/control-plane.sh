# etcd, API server, controllers, scheduler, cluster DNS and the volume provisioner, sourced by up.
# They run as plain processes in the control plane's network namespace.

start_control_plane() {
  local kube
  kube=$(cluster_bin)/kube
  mkdir -p "$cluster_state/volumes"
  # etcd need not survive a power cut here, and an fsync for each write would slow the brokers' disk.
  start etcd "$control_netns" "$kube" etcd --data-dir "$cluster_state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  start kube-apiserver "$control_netns" "$kube" kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address="$api_address" --bind-address="$api_address" --secure-port=6443 \
    --tls-cert-file="$pki/kube-apiserver.crt" --tls-private-key-file="$pki/kube-apiserver.key" \
    --client-ca-file="$pki/ca.crt" --service-account-key-file="$pki/service-accounts.pub" \
    --service-account-signing-key-file="$pki/service-accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range="$service_range" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key"
  wait_until 60 "the API server" kubectl_here get --raw /readyz
  start kube-controller-manager "$control_netns" "$kube" kube-controller-manager --leader-elect=false \
    --kubeconfig="$cluster_state/kube-controller-manager.kubeconfig" --use-service-account-credentials=true \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
    --node-monitor-grace-period=20s
  start kube-scheduler "$control_netns" "$kube" kube-scheduler --leader-elect=false \
    --kubeconfig="$cluster_state/kube-scheduler.kubeconfig"
  cat >"$cluster_state/Corefile" <<CONF
.:53 {
  bind $api_address
  errors
  cache 1
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $cluster_kubeconfig
    ttl 1
  }
}
CONF
  start coredns "$control_netns" "$kube" coredns -quiet -conf "$cluster_state/Corefile"
  start local-volumes "$control_netns" "$kube" local-volumes --kubeconfig "$cluster_kubeconfig" --root "$cluster_state/volumes"
}

apply_defaults() {
  kubectl_here apply -f - >/dev/null <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kring.io/local-volumes
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
YAML
}
