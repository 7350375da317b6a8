//! The OpenAPI document is what the router does.

use std::collections::BTreeSet;

use external_worker_control::model::Code;
use serde_json::Value as Json;

use crate::bench::Bench;

fn operations(document: &Json) -> impl Iterator<Item = (String, String, &Json)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    })
}

#[tokio::test]
async fn every_route_is_in_the_document_and_nothing_else_is() {
    let bench = Bench::new().await;
    let document = bench.ask("GET", "/openapi.json", None, None).await.json();
    let said: BTreeSet<_> = operations(&document)
        .map(|(method, path, _)| (method, path))
        .collect();
    let routes: BTreeSet<_> = external_worker_control::routes()
        .map(|(method, path, _)| (method.to_owned(), format!("/api/v1{path}")))
        .collect();
    assert_eq!(said, routes);
    let names: BTreeSet<_> = operations(&document)
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.len(),
        routes.len(),
        "each operation has a name of its own"
    );
}

#[tokio::test]
async fn every_code_is_said_and_every_reference_leads_somewhere() {
    let document = external_worker_control::document();
    let mut statuses = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            let status: u16 = status.parse().unwrap();
            let content = response["content"].as_object();
            if status >= 400 {
                statuses.insert(status);
                assert!(content.unwrap().contains_key("application/problem+json"));
            } else {
                assert_eq!(content.is_none(), status == 204, "{method} {path}");
            }
        }
        let is_open = operation.get("security").is_some();
        assert_eq!(responses.contains_key("401"), !is_open, "{method} {path}");
        let braces = path.matches('{').count();
        let parameters = operation["parameters"].as_array().unwrap();
        let in_path = parameters.iter().filter(|it| it["in"] == "path").count();
        assert_eq!(in_path, braces, "{method} {path}");
    }
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.status()).collect();
    assert_eq!(statuses, codes);
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for schema in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema.1).unwrap_or_else(|error| panic!("{schema:?}: {error}"));
    }
}

/// The schema of a type of the document, with what it refers to.
fn schema(name: &str) -> jsonschema::Validator {
    let document = external_worker_control::document();
    let mut whole = serde_json::json!({ "$ref": format!("#/components/schemas/{name}") });
    whole["components"] = document["components"].clone();
    jsonschema::validator_for(&whole).unwrap()
}

#[tokio::test]
async fn what_is_answered_is_what_the_document_says() {
    let bench = Bench::new().await;
    let uuid = bench.instance("lab").await;
    let one = format!("/tenants/lab/instances/{uuid}");
    let form = format!("{one}/form");
    for (path, name) in [
        ("/tenants/lab", "TenantState"),
        ("/me", "Me"),
        ("/health", "Health"),
        ("/audit", "AuditPage"),
        ("/audit/verify", "AuditVerdict"),
        ("/tenants/lab/usage", "TenantUsage"),
        (&*one, "InstanceState"),
        (&*form, "Form"),
        ("/tenants/missing", "Problem"),
    ] {
        let seen = bench.operate("GET", path, None).await.json();
        let valid = schema(name)
            .validate(&seen)
            .map_err(|error| error.to_string());
        assert_eq!(valid, Ok(()), "{path}: {seen}");
    }
    for (path, name) in [
        ("/tenants", "TenantState"),
        ("/tokens", "TokenState"),
        ("/usage", "UsageOfTenant"),
        ("/tenants/lab/modules", "ModuleState"),
        ("/tenants/lab/requests", "Lack"),
        ("/tenants/lab/instances", "InstanceState"),
        ("/tenants/lab/policies", "PolicyState"),
        (&format!("{one}/log"), "LogLine"),
    ] {
        let seen = bench.operate("GET", path, None).await.json();
        let schema = schema(name);
        let items = seen["items"].as_array().unwrap();
        assert!(
            !items.is_empty() && items.iter().all(|item| schema.is_valid(item)),
            "{path}: {seen}"
        );
    }
}
