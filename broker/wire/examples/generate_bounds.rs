//! Prints `src/bounds/schemas.rs` from the JSON schemas in the jar of `kafka-clients`.
//! It is run by hand when Kafka's protocol grows: unzip the jar, then
//! `cargo run -p kring-wire --example generate_bounds -- DIR/common/message > broker/wire/src/bounds/schemas.rs`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::{env, fs};

use serde_json::Value;

const HEAD: &str = "\
//! The request schemas of Apache Kafka 4.4.0, condensed: which field has which shape in which versions.
//! Printed by `examples/generate_bounds.rs`; not edited by hand.

use super::schema::{Api, Field, Kind, LAST, NEVER, UNTAGGED};
use Kind::{Array, Bytes, Fixed, String, Struct};

/// Every request that a broker's client listener may get, in the order of the API keys.
#[rustfmt::skip]
pub(super) static APIS: &[Api] = &[
";

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args()
        .nth(1)
        .ok_or("name the directory of the JSON schemas")?;
    let mut apis = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.to_string_lossy().ends_with("Request.json") {
            continue;
        }
        let text: String = fs::read_to_string(&path)?
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let schema: Value = serde_json::from_str(&text)?;
        let mut listeners = schema["listeners"].as_array().into_iter().flatten();
        if schema["validVersions"] != "none" && listeners.any(|l| l == "broker") {
            apis.insert(schema["apiKey"].as_i64().ok_or("no key")?, api(&schema)?);
        }
    }
    print!("{HEAD}");
    for api in apis.values() {
        print!("{api}");
    }
    println!("];");
    Ok(())
}

fn api(schema: &Value) -> Result<String, Box<dyn Error>> {
    let name = text(schema, "name")?;
    let (from, to) = range(text(schema, "validVersions")?)?;
    let (flexible, _) = range(text(schema, "flexibleVersions")?)?;
    let mut out = format!(
        "    Api {{ key: {}, name: {:?}, from: {}, to: {}, flexible_from: {}, fields: &[\n",
        schema["apiKey"],
        name.trim_end_matches("Request"),
        number(from),
        number(to),
        number(flexible),
    );
    fields(&mut out, schema, &schema["fields"], 2)?;
    out.push_str("    ] },\n");
    Ok(out)
}

fn fields(
    out: &mut String,
    root: &Value,
    list: &Value,
    depth: usize,
) -> Result<(), Box<dyn Error>> {
    for field in list.as_array().ok_or("no fields")? {
        if !field["flexibleVersions"].is_null() {
            return Err(format!("{field}: a field with its own flexible versions").into());
        }
        let (from, to) = range(text(field, "versions")?)?;
        let null_from = match field["nullableVersions"].as_str() {
            Some(versions) => number(range(versions)?.0),
            None => "NEVER".into(),
        };
        let tag = match field["tag"].as_i64() {
            Some(tag) if field["taggedVersions"] == field["versions"] => tag.to_string(),
            Some(_) => return Err(format!("{field}: tagged in some versions only").into()),
            None => "UNTAGGED".into(),
        };
        let indent = "    ".repeat(depth);
        write!(out, "{indent}Field({:?}, ", text(field, "name")?)?;
        let kind = text(field, "type")?;
        let (open, kind, close) = match kind.strip_prefix("[]") {
            Some(element) => ("Array(&", element, ")"),
            None => ("", kind, ""),
        };
        out.push_str(open);
        match primitive(kind) {
            Some(primitive) => out.push_str(primitive),
            None => {
                out.push_str("Struct(&[\n");
                fields(out, root, struct_fields(root, field, kind)?, depth + 1)?;
                write!(out, "{indent}])")?;
            }
        }
        let (from, to) = (number(from), number(to));
        writeln!(out, "{close}, {from}, {to}, {null_from}, {tag}),")?;
    }
    Ok(())
}

fn struct_fields<'a>(
    root: &'a Value,
    field: &'a Value,
    name: &str,
) -> Result<&'a Value, Box<dyn Error>> {
    if field["fields"].is_array() {
        return Ok(&field["fields"]);
    }
    let common = root["commonStructs"]
        .as_array()
        .ok_or("no common structs")?;
    common
        .iter()
        .find(|common| common["name"] == name)
        .map(|common| &common["fields"])
        .ok_or_else(|| format!("no struct {name}").into())
}

fn primitive(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "bool" | "int8" => "Fixed(1)",
        "int16" | "uint16" => "Fixed(2)",
        "int32" | "uint32" => "Fixed(4)",
        "int64" | "float64" => "Fixed(8)",
        "uuid" => "Fixed(16)",
        "string" => "String",
        "bytes" | "records" => "Bytes",
        _ => return None,
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Box<dyn Error>> {
    value[key]
        .as_str()
        .ok_or_else(|| format!("no {key} in {value}").into())
}

/// `3+`, `0-7`, `1` or `none`; `None` stands for no end.
fn range(versions: &str) -> Result<(Option<i16>, Option<i16>), Box<dyn Error>> {
    if versions == "none" {
        return Ok((None, None));
    }
    if let Some(from) = versions.strip_suffix('+') {
        return Ok((Some(from.parse()?), None));
    }
    let (from, to) = versions.split_once('-').unwrap_or((versions, versions));
    Ok((Some(from.parse()?), Some(to.parse()?)))
}

fn number(version: Option<i16>) -> String {
    version.map_or("LAST".into(), |v| v.to_string())
}
