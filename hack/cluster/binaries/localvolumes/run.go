// Package localvolumes provisions a directory of one node for each claim, as a `local` volume.
// A pod stays with the node that holds its data and fsGroup applies, as with a real local disk; the
// built-in host-path provisioner gives neither. It does not limit, resize or snapshot a volume.
package localvolumes

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// ProvisionerName is what a StorageClass names in `provisioner`.
const ProvisionerName = "kring.io/local-volumes"

const hostnameLabel = "kubernetes.io/hostname"

type directories struct {
	// root holds `<node>/<volume>`: all nodes of the cluster share one file system.
	root string
}

var _ controller.Provisioner = directories{}

// Run provisions until the process ends.
func Run(arguments []string) error {
	flags := flag.NewFlagSet("local-volumes", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the API server")
	root := flags.String("root", "", "directory that holds the volumes")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *kubeconfig == "" || *root == "" {
		return errors.New("local-volumes needs --kubeconfig and --root")
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx := context.Background()
	controller.NewProvisionController(ctx, client, ProvisionerName, directories{root: *root},
		controller.LeaderElection(false)).Run(ctx)
	return nil
}

// Provision makes the directory on the node that the scheduler chose for the claim's first pod.
func (d directories) Provision(_ context.Context, options controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	// The cluster's nodes are named as their hostname label says.
	node := options.SelectedNodeName
	if node == "" {
		return nil, controller.ProvisioningFinished,
			errors.New("no node is selected: the StorageClass must say volumeBindingMode: WaitForFirstConsumer")
	}
	path := filepath.Join(d.root, node, options.PVName)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: options.PVC.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity:           onlyOn(node),
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the directory and the records in it.
func (d directories) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	if volume.Spec.Local == nil {
		return fmt.Errorf("volume %s is not a local one", volume.Name)
	}
	return os.RemoveAll(volume.Spec.Local.Path)
}

func onlyOn(node string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: hostnameLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
			}},
		}},
	}}
}
