//! Every command of the README is run by something, and those of its installation are run here.
//! Other lanes run the long ones; the table says which.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kring_e2e::{Cluster, Namespace, faults, install};

const README: &str = include_str!("../../README.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Who runs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runner {
    /// The test below, in the order of the README.
    Here,
    /// Something else, named.
    Elsewhere(&'static str),
}
use Runner::{Elsewhere, Here};

/// Every command of the README. A new one fails a test until somebody runs it.
const COMMANDS: [(&str, Runner); 16] = [
    (
        "./hack/demo",
        Elsewhere("on a fresh machine, by hand; e2e/tests/roll.rs runs the same roll"),
    ),
    (
        "cargo run --release -p kring-broker",
        Elsewhere(
            "broker/tests runs the program on other ports, broker/node/src/config/tests.rs checks its defaults",
        ),
    ),
    (
        "helm upgrade --install kring-crds charts/kring-crds --namespace kring-system --create-namespace",
        Here,
    ),
    (
        "helm upgrade --install kring charts/kring --namespace kring-system",
        Here,
    ),
    ("kubectl apply -f crds/", Here),
    ("kubectl apply -f charts/kring/install.yaml", Here),
    (
        "kubectl --namespace kring-system rollout status deployment/kring --timeout=2m",
        Here,
    ),
    ("kubectl apply -f e2e/manifests/quickstart.yaml", Here),
    (
        "kubectl wait --for=condition=Ready kafkacluster/demo topic/orders --timeout=5m",
        Here,
    ),
    ("kubectl get kafkaclusters,topics", Here),
    ("kubectl explain kafkacluster.spec", Here),
    ("kubectl scale kafkacluster/demo --replicas=4", Here),
    (
        "kubectl wait kafkacluster/demo --for=jsonpath='{.status.readyReplicas}'=4 --timeout=5m",
        Here,
    ),
    (
        "hack/image/build",
        Elsewhere("e2e/run and hack/demo build every image they use"),
    ),
    (
        "helm upgrade --install kring charts/kring --namespace kring-system --reuse-values --set metrics.monitors=true --set metrics.dashboard.enabled=true --set metrics.rules.enabled=true",
        Elsewhere("charts/tests/run renders it; the Prometheus operator is not here"),
    ),
    ("./hack/test", Elsewhere(".ci/run")),
];

/// The lines of the README's `sh` blocks.
fn commands() -> Vec<&'static str> {
    let mut in_block = false;
    let mut commands = Vec::new();
    for line in README.lines() {
        match line.trim() {
            "```sh" => in_block = true,
            "```" => in_block = false,
            command if in_block && !command.is_empty() && !command.starts_with('#') => {
                commands.push(command);
            }
            _ => {}
        }
    }
    commands
}

fn runner(command: &str) -> Option<Runner> {
    let known = COMMANDS.iter().find(|(known, _)| *known == command);
    known.map(|(_, runner)| *runner)
}

#[test]
fn every_command_of_the_readme_is_run_by_something() {
    let commands = commands();
    for command in &commands {
        assert!(
            runner(command).is_some(),
            "nothing runs `{command}` of the README: add it to COMMANDS with its runner"
        );
    }
    for (known, runner) in COMMANDS {
        assert!(
            commands.contains(&known),
            "`{known}` is not in the README any more"
        );
        assert_ne!(runner, Elsewhere(""), "{known}");
    }
}

/// A copy of the kubeconfig whose namespace is the test's, because the README names none.
struct Shell {
    kubeconfig: PathBuf,
}

impl Shell {
    fn in_namespace(namespace: &Namespace) -> Self {
        let own = std::env::var("KUBECONFIG").unwrap();
        let name = format!("{}.kubeconfig", namespace.name());
        let shell = Self {
            kubeconfig: std::env::temp_dir().join(name),
        };
        fs::copy(own, &shell.kubeconfig).unwrap();
        shell.run(&format!(
            "kubectl config set-context --current --namespace={}",
            namespace.name()
        ));
        shell
    }

    fn run(&self, command: &str) {
        eprintln!("$ {command}");
        self.answer(command).unwrap();
    }

    fn answer(&self, command: &str) -> Result<(), String> {
        let output = Command::new("bash")
            .args(["-c", command])
            .current_dir(ROOT)
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "`{command}`: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.kubeconfig);
    }
}

#[test]
#[ignore = "needs the local Kubernetes: e2e/run"]
fn the_readmes_commands_work_in_its_order() {
    if faults::is_foreign() {
        eprintln!("left out: the README's images are those of the local cluster");
        return;
    }
    let cluster = Cluster::connect().unwrap();
    // Definitions become Helm's, and then nothing is installed.
    install::by_helm(&cluster).unwrap();
    install::remove_operator(&cluster).unwrap();
    let uninstall = [
        "uninstall",
        "kring-crds",
        "--namespace",
        install::OPERATOR_NAMESPACE,
        "--wait",
    ];
    cluster.helm(&uninstall).unwrap();
    let namespace = Namespace::create(&cluster, "readme").unwrap();
    let shell = Shell::in_namespace(&namespace);
    for command in commands() {
        if runner(command) != Some(Here) {
            continue;
        }
        if command == "kubectl apply -f crds/" {
            // The README offers it instead of Helm.
            install::remove_operator(&cluster).unwrap();
        }
        shell.run(command);
    }
    drop(namespace);
    install::remove_operator(&cluster).unwrap();
}

/// Kinds of other projects, accepted in any shape: here it matters that our files are well-formed
/// objects that an API server takes, not what those projects do with them.
const FOREIGN_KINDS: [(&str, &str, &str, &str); 4] = [
    ("argoproj.io", "v1alpha1", "Application", "applications"),
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "GitRepository",
        "gitrepositories",
    ),
    (
        "helm.toolkit.fluxcd.io",
        "v2",
        "HelmRelease",
        "helmreleases",
    ),
    (
        "kustomize.toolkit.fluxcd.io",
        "v1",
        "Kustomization",
        "kustomizations",
    ),
];
/// Namespaces that the manifests are for.
const NAMESPACES: [&str; 3] = ["kafka", "argocd", "flux-system"];

fn definition(group: &str, version: &str, kind: &str, plural: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}"), "labels": {"kring-e2e": "stub"}},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn an_api_server_takes_every_manifest() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "manifests").unwrap();
    let mut made = Vec::new();
    for (group, version, kind, plural) in FOREIGN_KINDS {
        let name = format!("crd/{plural}.{group}");
        if cluster.kubectl(&["get", &name]).is_err() {
            let stub = definition(group, version, kind, plural).to_string();
            cluster.apply("default", &stub).unwrap();
            cluster
                .kubectl(&[
                    "wait",
                    "--for=condition=Established",
                    &name,
                    "--timeout=30s",
                ])
                .unwrap();
            made.push(name);
        }
    }
    for name in NAMESPACES {
        if cluster.kubectl(&["create", "namespace", name]).is_ok() {
            made.push(format!("namespace/{name}"));
        }
    }
    let files = manifests(&Path::new(ROOT).join("e2e/manifests"));
    assert!(files.len() >= 5, "{files:?}");
    // Some name their namespace, and `--namespace` would contradict them.
    let shell = Shell::in_namespace(&namespace);
    let mut wrong = Vec::new();
    for file in &files {
        let command = format!(
            "kubectl apply --dry-run=server --filename {}",
            file.display()
        );
        wrong.extend(shell.answer(&command).err());
    }
    for name in made {
        let _ = cluster.kubectl(&["delete", &name, "--wait=false"]);
    }
    assert_eq!(wrong, Vec::<String>::new());
}
