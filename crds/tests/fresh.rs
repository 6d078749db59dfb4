//! The YAML in this folder is what the types say, and small enough for every tool.
//! `UPDATE=1` writes it; that is what `cargo xtask codegen` runs.

use std::path::Path;

use kring_crds::manifest;

#[test]
fn generated_yaml_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, want) in manifest::files() {
        let path = folder.join(&name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &want).unwrap();
        }
        let have = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            have == want,
            "crds/{name} is stale: run `cargo xtask codegen`"
        );
    }
}

#[test]
fn every_crd_fits_into_the_annotation_of_kubectl_apply() {
    for crd in manifest::crds() {
        let bytes = serde_json::to_string(&crd).unwrap().len();
        assert!(
            bytes < manifest::CRD_BYTES_MAX,
            "{}: {bytes} bytes",
            crd["metadata"]["name"]
        );
    }
}

#[test]
fn kubectl_explain_has_a_text_for_every_field() {
    fn walk(path: &str, schema: &serde_json::Value, bare: &mut Vec<String>) {
        let Some(properties) = schema["properties"].as_object() else {
            if schema["items"].is_object() {
                walk(&format!("{path}[]"), &schema["items"], bare);
            }
            return;
        };
        for (name, property) in properties {
            let path = format!("{path}.{name}");
            if property["description"].as_str().is_none_or(str::is_empty) {
                bare.push(path.clone());
            }
            walk(&path, property, bare);
        }
    }
    for crd in manifest::crds() {
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut bare = Vec::new();
        walk("", &schema["properties"]["spec"], &mut bare);
        walk("", &schema["properties"]["status"], &mut bare);
        assert!(bare.is_empty(), "no description: {bare:?}");
    }
}
